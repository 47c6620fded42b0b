package answer_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// wide answers from a subtree of these members, and spends two signatures on names
// that nobody has listed, and no more.
func wide(t *testing.T, members string) *answer.Authority {
	t.Helper()
	a := answer.New(newZone(t, origin, false), 1e-9)
	d := policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true` + members + `}}`)
	a.Update(book(d, noon), newKeys(t, dns.ED25519))
	return a
}

// A name of a subtree costs what is signed for its answer, as a denied one does: one
// signature, and none where nothing is said.
func TestNamesOfSubtreesCostWhatIsSigned(t *testing.T) {
	const most = 5
	for what, c := range map[string]struct {
		members  string
		qtype    uint16
		at       time.Time
		want     answer.Outcome
		answered int // of the names, until the budget is spent
	}{
		"served":                     {"", dns.TypeTXT, noon, answer.Record, 2},
		"served, for another type":   {"", dns.TypeCAA, noon, answer.NoData, 2},
		"served, by its NSEC":        {"", dns.TypeNSEC, noon, answer.Denial, 2},
		"past grace":                 {"", dns.TypeTXT, noon.Add(2 * time.Hour), answer.Record, 2},
		"past grace, another type":   {"", dns.TypeCAA, noon.Add(2 * time.Hour), answer.NoData, 2},
		"disabled":                   {`, "enabled": false`, dns.TypeTXT, noon, answer.NoData, 2},
		"not begun":                  {`, "not_before": "2027-06-01T00:00:00Z"`, dns.TypeTXT, noon, answer.NoData, 2},
		"not begun, past grace":      {`, "not_before": "2027-06-01T00:00:00Z"`, dns.TypeTXT, noon.Add(2 * time.Hour), answer.NoData, 2},
		"its horizon is over":        {`, "until": {"mode": "rolling", "floor": "24h", "step": "1h"}`, dns.TypeTXT, noon.Add(30 * time.Hour), answer.Stale, most},
		"vouched for no longer":      {"", dns.TypeTXT, noon.Add(73 * time.Hour), answer.Stale, most},
		"likewise, for another type": {"", dns.TypeCAA, noon.Add(73 * time.Hour), answer.Stale, most},
	} {
		a, answered := wide(t, c.members), 0
		for i := range most {
			r := a.Answer(ask(fmt.Sprintf("_validation-persist.n%d.dev.example.com.", i), c.qtype), c.at)
			switch r.Outcome {
			case c.want:
				answered++
			case answer.Limited:
			default:
				t.Errorf("%s: expected %s, got %+v", what, c.want, r)
			}
		}
		if answered != c.answered {
			t.Errorf("%s: expected two signatures to answer for %d names of %d, got %d", what, c.answered, most, answered)
		}
	}
}

// Whoever asks for a name while somebody else has it signed pays nothing, and gets
// what they get.
func TestOneNameOfASubtreeIsPaidForOnceWhoeverAsksAtTheSameTime(t *testing.T) {
	for _, q := range []answer.Query{
		ask("_validation-persist.x.dev.example.com.", dns.TypeTXT), ask("_validation-persist.x.dev.example.com.", dns.TypeA), ask("x.dev.example.com.", dns.TypeTXT),
	} {
		for range 100 {
			a, begin := wide(t, ""), make(chan struct{})
			var asked sync.WaitGroup
			for range 8 {
				asked.Go(func() {
					<-begin
					if r := a.Answer(q, noon); r.Outcome == answer.Limited {
						t.Errorf("%+v: expected one signature to be enough, got %+v", q, r)
					}
				})
			}
			close(begin)
			asked.Wait()
			if r := a.Answer(ask("_validation-persist.y.dev.example.com.", dns.TypeTXT), noon); r.Outcome != answer.Record {
				t.Fatalf("%+v: expected the second signature to be left, got %+v", q, r)
			}
		}
	}
}

// In an outage past grace what was signed for a name of a subtree is kept as that
// of a listed one is: it costs the budget no more than once.
func TestNamesOfSubtreesAreKeptThroughAnOutage(t *testing.T) {
	a := wide(t, "")
	const name = "_validation-persist.x.dev.example.com."
	silent := noon.Add(2 * time.Hour)
	listed := a.Answer(ask("_validation-persist.dev.example.com.", dns.TypeTXT), silent)
	for i := range 20 {
		r := a.Answer(ask(name, dns.TypeTXT), silent.Add(time.Duration(i)*time.Minute))
		if r.Outcome != answer.Record || len(r.Answer) != 2 {
			t.Fatalf("Question %d: expected the record with its signature, got %+v", i, r)
		}
		if got, want := r.Answer[0].(*dns.TXT).Txt[0], listed.Answer[0].(*dns.TXT).Txt[0]; got != want {
			t.Errorf("Question %d: expected %q, as at the name of the grant, got %q", i, want, got)
		}
	}
	a.Update(book(policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true}}`), silent), newKeys(t, dns.ED25519))
	if r := a.Answer(ask(name, dns.TypeTXT), silent.Add(24*time.Hour)); r.Outcome != answer.Record || r.Answer[0].String() == listed.Answer[0].String() {
		t.Errorf("Expected it to rotate with the next book, got %+v", r)
	}
}

// Nothing that was made of a book in an outage keeps that book in memory, be the
// name ever asked for again or not.
func TestBooksOfAnOutageLeaveTheMemory(t *testing.T) {
	for _, name := range []string{"_validation-persist.dev.example.com.", "_validation-persist.x.dev.example.com."} {
		a, keys := answer.New(newZone(t, origin, false), 1000), newKeys(t, dns.ED25519)
		d := policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true}}`)
		first := book(d, noon)
		gone := weak.Make(first)
		a.Update(first, keys)
		if r := a.Answer(ask(name, dns.TypeTXT), noon.Add(2*time.Hour)); r.Outcome != answer.Record {
			t.Fatalf("%s: expected a record, got %+v", name, r)
		}
		a.Update(policy.Compile(first, d.Snapshot(1, noon), policy.Brakes{}), keys)
		runtime.GC()
		if gone.Value() != nil {
			t.Errorf("%s: expected nothing to be left of a book that is served no more", name)
		}
		if r := a.Answer(ask(name, dns.TypeTXT), noon.Add(2*time.Hour)); r.Outcome != answer.Record {
			t.Errorf("%s: expected a record, got %+v", name, r)
		}
	}
}
