package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/test/parts"
)

// compiled is the library of documents.
func compiled(d policytest.Documents) *library {
	s := d.Snapshot(1, policytest.Read)
	return &library{Book: policy.Compile(nil, s, policy.Brakes{}), snapshot: s}
}

// steps are those from one set of documents to another, whatever is rejected.
func steps(t *testing.T, was, is policytest.Documents) ([]step, error) {
	t.Helper()
	return (&planning{remove: true, now: policytest.Read}).steps(t, was, is)
}

func (p *planning) steps(t *testing.T, was, is policytest.Documents) ([]step, error) {
	t.Helper()
	held := compiled(was)
	changes, err := p.changes(&plan{}, compiled(is).snapshot, held.snapshot)
	if err != nil {
		t.Fatal(err)
	}
	return p.sequence(held, policy.Compile(nil, changed(held.snapshot, changes, p.now), policy.Brakes{}), changes)
}

// taken returns d after a step.
func taken(d policytest.Documents, s step) policytest.Documents {
	if s.Action == remove {
		return d.With(policytest.Documents{s.Document: "-"})
	}
	return d.With(policytest.Documents{s.Document: string(s.body)})
}

// reached is what d publishes, at names that lie in a subtree too.
func reached(d policytest.Documents) map[record.FQDN][]string {
	book := compiled(d).Book
	all := published(book)
	for _, name := range []record.FQDN{"y.x.a.example.com", "z.y.x.a.example.com", "x.b.example.com"} {
		inherit(all, book, name)
	}
	return all
}

// excess is what d publishes and none of ends does.
func excess(d policytest.Documents, ends ...map[record.FQDN][]string) string {
	for name, list := range reached(d) {
		for _, line := range list {
			if !slices.ContainsFunc(ends, func(end map[record.FQDN][]string) bool { return slices.Contains(end[name], line) }) {
				return string(name) + " " + line
			}
		}
	}
	return ""
}

// randomDocuments are of two teams, one of which may claim what is below the
// other's suffix, and two issuers.
func randomDocuments(r *rand.Rand) policytest.Documents {
	flag := func() bool { return r.IntN(2) == 0 }
	some := func(list ...string) string {
		var chosen []string
		for _, s := range list {
			if flag() {
				chosen = append(chosen, s)
			}
		}
		return `["` + strings.Join(append(chosen, list[0]), `", "`) + `"]`
	}
	d := policytest.Documents{"config": `{"schema": 1}`}
	for _, i := range []string{"ca", "cb"} {
		d["issuers/"+i] = fmt.Sprintf(`{"issuer_domain_names": [%q], "account_uri_prefixes": ["https://ca.example/acct/"], "wildcard": %t, "subtree": %t, "until": {"floor": "%dh"}}`, i+".example", flag(), flag(), 96+r.IntN(2))
	}
	suffixes := map[string][]string{"web": {"example.com", "b.example.com"}, "ops": {"a.example.com", "b.example.com"}}
	for _, t := range []string{"web", "ops"} {
		d["teams/"+t] = fmt.Sprintf(`{"domains": %s, "issuers": %s, "wildcard": %t, "subtree": %t, "enabled": %t, "max_grants": %d}`, some(suffixes[t]...), some("ca", "cb"), flag(), flag(), r.IntN(5) > 0, []int{2, 1000000}[r.IntN(2)])
		for _, i := range []string{"ca", "cb"} {
			if r.IntN(4) == 0 {
				continue
			}
			d["accounts/"+t+"/"+i+"/x"] = fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%d", "domains": {"example.com": {"wildcard": %t}, "x.a.example.com": {"subtree": %t}, "x.b.example.com": {"enabled": %t}%s}}`,
				1+r.IntN(2), flag(), flag(), flag(), []string{"", `, "y.x.a.example.com": {}`, `, "y.x.a.example.com": {"enabled": false}`}[r.IntN(3)])
		}
	}
	return d
}

// Between any two sets of documents there is an order of writes, and whoever
// starts at any moment on the way, and so compiles what is there from nothing,
// publishes only what either end does.
func TestNoMomentPublishesWhatNeitherEndDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	writes, unordered, holds := 0, 0, 0
	for range 250 {
		was, is := randomDocuments(r), randomDocuments(r)
		ends := []map[record.FQDN][]string{reached(was), reached(is)}
		order, err := steps(t, was, is)
		if err != nil {
			t.Fatalf("Expected an order from\n%v to\n%v: %v", was, is, err)
		}
		at, other := was, was
		for _, s := range order {
			if at = taken(at, s); excess(at, ends...) != "" {
				t.Fatalf("After %s %s of\n%v to\n%v: %s", s.Action, s.Document, was, is, excess(at, ends...))
			}
			if s.Action == hold {
				holds++
			}
			writes++
		}
		if got, want := reached(at), ends[1]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("Expected to arrive at\n%v, got\n%v", want, got)
		}
		// By path, which is what comes to mind first, it is not so.
		slices.SortStableFunc(order, func(a, b step) int { return strings.Compare(b.Document, a.Document) })
		for _, s := range order {
			if other = taken(other, s); s.Action != hold && excess(other, ends...) != "" {
				unordered++
				break
			}
		}
	}
	if writes < 1000 || unordered < 20 || holds < 2 {
		t.Errorf("Expected many writes, some for which the order matters, and some that need a document disabled, got %d, %d and %d", writes, unordered, holds)
	}
}

// Versions are those that check-and-set expects, one after the other.
func TestADisabledDocumentIsReplacedByItsOwnNextVersion(t *testing.T) {
	// Wildcard and subtree change places between issuer and team: whichever is
	// written first allows one of them to both.
	d := func(issuer, team string) policytest.Documents {
		return policytest.Standard().With(policytest.Documents{
			"issuers/ca":        `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "` + issuer + `": true}`,
			"teams/web":         `{"domains": ["example.com"], "issuers": ["ca"], "` + team + `": true}`,
			"accounts/web/ca/a": `{"account_uri": "https://ca.example/acct/1", "domains": {"example.com": {"wildcard": true}, "a.example.com": {"subtree": true}}}`,
		})
	}
	order, err := steps(t, d("wildcard", "subtree"), d("subtree", "wildcard"))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(order))
	for _, s := range order {
		got = append(got, s.Action+" "+s.Document+"@"+s.Replaces)
	}
	want := []string{"hold teams/web@1", "update issuers/ca@1", "update teams/web@2"}
	if !slices.Equal(got, want) {
		t.Errorf("Expected %q, got %q", want, got)
	}
}

// Where an apply is interrupted that has disabled a document which DIR does not
// have, the next one arrives where it would have.
func TestAnInterruptedApplyIsFinishedByTheNext(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	arrive := func(p *planning, from, to policytest.Documents) policytest.Documents {
		order, err := p.steps(t, from, to)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range order {
			from = taken(from, s)
		}
		return from
	}
	const path = "accounts/web/ca/left"
	served := 0
	for range 100 {
		was, is := randomDocuments(r), randomDocuments(r)
		was[path] = `{"account_uri": "https://ca.example/acct/1", "domains": {"left.example.com": {}}}`
		left := was.With(policytest.Documents{path: `{"enabled": false, "` + noteOfHold + `": true, ` + was[path][1:]})
		for _, p := range []*planning{{now: policytest.Read}, {now: policytest.Read, remove: true}} {
			end := arrive(p, left, is)
			if got, want := published(compiled(end).Book), published(compiled(arrive(p, was, is)).Book); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("Expected to arrive at\n%v, got\n%v", want, got)
			}
			if strings.Contains(end[path], noteOfHold) || p.remove != (end[path] == "-") {
				t.Fatalf("Expected the document to be as it was, or deleted, got %s", end[path])
			}
			served += len(published(compiled(end).Book)["left.example.com"])
		}
	}
	if served == 0 {
		t.Error("It was never served again")
	}
}

func TestApplyEndsWhereSomebodyElseHasWritten(t *testing.T) {
	v := vaultWithExamples(t)
	t.Setenv("VAULT_TOKEN", v.RootToken)
	p := &planning{vault: documentsAt(v)}
	dir := t.TempDir()
	policytest.Documents{
		"config":                        `{"schema": 1}`,
		"accounts/web/letsencrypt/prod": `{"account_uri": "https://acme-v02.api.letsencrypt.org/acme/acct/123", "domains": {"example.com": {}}}`,
		"accounts/web/letsencrypt/test": `{"account_uri": "https://acme-v02.api.letsencrypt.org/acme/acct/123", "domains": {"test.example.com": {}}}`,
	}.Write(t, dir)
	found, w, err := p.plan(t.Context(), dir)
	if err != nil || len(found.Order) != 2 {
		t.Fatalf("Expected two writes, got %v, %v", found, err)
	}
	theirs := `{"account_uri": "https://acme-v02.api.letsencrypt.org/acme/acct/123", "domains": {"theirs.example.com": {}}}`
	if err := v.Put(t.Context(), "persist", found.Order[1].Document, theirs); err != nil {
		t.Fatal(err)
	}
	err = found.apply(t.Context(), w, 0, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "1 of 2 written, run this again for the rest: ") || !strings.Contains(err.Error(), "since it was compared") {
		t.Errorf("Expected the second write to be refused, got %v", err)
	}
	d, err := w.Read(t.Context(), found.Order[1].Document)
	if err != nil || !strings.Contains(string(d.Body), "theirs") {
		t.Errorf("Expected what others have written to stay, got %s, %v", d.Body, err)
	}
	again, w, err := p.plan(t.Context(), dir)
	if err != nil || len(again.Order) != 1 {
		t.Fatalf("Expected one write to be left, got %v, %v", again, err)
	}
	if err := again.apply(t.Context(), w, time.Nanosecond, io.Discard); err != nil {
		t.Error(err)
	}
	if index, err := w.Read(t.Context(), store.IndexPath); err != nil || index.Version != "1" {
		t.Errorf("Expected index to be written once, at the end, got %v, %v", index, err)
	}
}

func documentsAt(v *parts.Vault) documents { return documents{vault: v.Address, mount: defaultMount} }
