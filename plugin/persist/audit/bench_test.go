package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/audit"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// large are documents that grant a thousand names each.
func large(documents int) policytest.Documents {
	d := policytest.Standard().With(policytest.Documents{"teams/web": `{"domains": ["example.com"], "issuers": ["ca"], "wildcard": true, "max_grants": 2000000}`})
	for i := range documents {
		names := make([]string, 1000)
		for j := range names {
			names[j] = fmt.Sprintf("n%d.d%d.example.com", j, i)
		}
		d[fmt.Sprintf("accounts/web/ca/d%d", i)] = fmt.Sprintf(`{"account_uri": %q, "domains": %q}`, policytest.AccountURI, strings.Join(names, ","))
	}
	return d
}

type bench struct {
	documents policytest.Documents
	book      *policy.Book
	ledger    *audit.Ledger
	view      *audit.View
	lines     int
	at        time.Time
}

func newBench(tb testing.TB, documents int) *bench {
	tb.Helper()
	b := &bench{documents: large(documents), at: policytest.Read}
	b.ledger = audit.NewLedger(func(audit.Line) { b.lines++ })
	b.view = newView(tb)
	b.scan()
	return b
}

// scan compiles the documents as they are now.
func (b *bench) scan() {
	b.at = b.at.Add(time.Second)
	b.book = policy.Compile(b.book, b.documents.Snapshot(1, b.at), policy.Brakes{})
}

// One name that changes costs as much among four thousand as among forty
// thousand, and so does a scan in which nothing does.
func TestAChangeCostsWhatItChanges(t *testing.T) {
	looks := func(documents int) (allocations float64) {
		b := newBench(t, documents)
		b.ledger.Take(b.view, b.book, b.at)
		body := b.documents["accounts/web/ca/d1"]
		books := []*policy.Book{}
		for i := range 7 {
			b.documents["accounts/web/ca/d1"] = strings.Replace(body, "n7.d1", fmt.Sprintf("m%d.d1", i), 1)
			b.scan()
			books = append(books, b.book)
		}
		b.lines = 0
		allocations = testing.AllocsPerRun(5, func() {
			b.ledger.Take(b.view, books[0], b.at)
			books = books[1:]
		})
		if b.lines != 2*6 { // removed and added; the version, which is the body's, stays 1 in this store
			t.Errorf("Expected 12 lines, got %d", b.lines)
		}
		return allocations
	}
	if few, many := looks(4), looks(40); many > 2*few {
		t.Errorf("Expected a change to cost the same among 4,000 names and 40,000, got %v and %v allocations", few, many)
	}
}

func BenchmarkTakeAMillionNames(b *testing.B) {
	w := newBench(b, 1000)
	for b.Loop() {
		audit.NewLedger(func(audit.Line) {}).Take(newView(b), w.book, w.at)
	}
}

func newView(tb testing.TB) *audit.View {
	tb.Helper()
	z, err := zone.New(zone.Config{Origin: "example.com", NS: []string{"ns.example.net"}, TTL: 300, Grace: time.Hour, MaxStale: 72 * time.Hour})
	if err != nil {
		tb.Fatal(err)
	}
	return audit.NewView("store", []*zone.Zone{z}, func(record.FQDN) *zone.Zone { return z }, nil)
}

func BenchmarkTakeOneChangeAmongAMillion(b *testing.B) {
	w := newBench(b, 1000)
	w.ledger.Take(w.view, w.book, w.at)
	body, before := w.documents["accounts/web/ca/d1"], w.book
	w.documents["accounts/web/ca/d1"] = strings.Replace(body, "n7.d1", "m.d1", 1)
	w.scan()
	books := []*policy.Book{w.book, before}
	for i := 0; b.Loop(); i++ {
		w.ledger.Take(w.view, books[i%2], w.at)
	}
}

func BenchmarkTakeNothingNewAmongAMillion(b *testing.B) {
	w := newBench(b, 1000)
	w.ledger.Take(w.view, w.book, w.at)
	before := w.book
	w.scan()
	books := []*policy.Book{w.book, before}
	for i := 0; b.Loop(); i++ {
		w.ledger.Take(w.view, books[i%2], w.at)
	}
}
