package answer_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// cutsConfig is of the cuts below an outer zone, denied as said.
func cutsConfig(outer string, chained bool) zone.Config {
	return zone.Config{Origin: outer, Cuts: true, Chained: chained, NS: []string{"ns1.example.net"}, TTL: 300, Grace: time.Hour, MaxStale: 72 * time.Hour}
}

// newCuts answers for the cuts below an outer zone.
func newCuts(tb testing.TB, outer string, chained bool) *answer.Authority {
	tb.Helper()
	z, err := zone.New(cutsConfig(outer, chained))
	if err != nil {
		tb.Fatal(err)
	}
	return authority(z).WithCuts(new(answer.Serials), answer.NewDenials(1e6))
}

// newAlone answers for one cut as a zone of its own.
func newAlone(tb testing.TB, origin, outer string, chained bool) *answer.Authority {
	tb.Helper()
	c := cutsConfig(origin, chained)
	c.Cuts, c.Phased = false, outer
	z, err := zone.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return authority(z)
}

func authority(z *zone.Zone) *answer.Authority {
	if z.Chained {
		return answer.NewChained(z, new(answer.Serial))
	}
	return answer.New(z, 1e6)
}

// Whatever the policy, the question and the denial: a cut answers octet for octet
// as a zone of its own does that was asked the same, and no name is ours that is
// in no cut.
func TestCutAnswersAsAZoneOfItsOwn(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	answered := map[answer.Outcome]int{}
	for round := range 40 {
		chained, outer := round%2 == 0, []string{".", "com.", "example.com."}[round%3]
		d, keys := randomDocuments(random), newKeys(t, dns.ECDSAP256SHA256)
		many, alone := newCuts(t, outer, chained), map[string]*answer.Authority{}
		at := noon
		for range 5 {
			at = at.Add(time.Duration(random.Int64N(int64(40 * 24 * time.Hour))))
			b := book(d, at)
			many.Update(b, keys)
			for owner := range many.Zone().Owners(b) {
				if alone[owner] == nil {
					alone[owner] = newAlone(t, owner, outer, chained)
				}
				alone[owner].Update(b, keys)
			}
			for range 60 {
				q := randomQuestion(random)
				answered[compareCut(t, many, alone, q, at)]++
			}
		}
	}
	for _, o := range []answer.Outcome{answer.Record, answer.Apex, answer.NoData, answer.NXDomain, answer.Denial, ""} {
		if answered[o] == 0 {
			t.Errorf("No answer was %q", o)
		}
	}
}

// compareCut asks many for q, and the zone alone that it lies in, and returns how it
// was answered, empty where it is nobody's.
func compareCut(t *testing.T, many *answer.Authority, alone map[string]*answer.Authority, q answer.Query, at time.Time) answer.Outcome {
	t.Helper()
	r, claim := many.Cut(q, at)
	for origin, own := range alone {
		if dns.IsSubDomain(origin, q.Name) {
			want := own.Answer(q, at)
			if got := pack(t, q, r); claim != answer.Ours || !bytes.Equal(got, pack(t, q, want)) || r.Outcome != want.Outcome {
				t.Fatalf("At %v, %+v: the cut answers\n%v\nand a zone of its own\n%v", at, q, r, want)
			}
			if diff := cmp.Diff(want.EDE, r.EDE); diff != "" {
				t.Fatalf("At %v, %+v: the errors differ:\n%s", at, q, diff)
			}
			return r.Outcome
		}
	}
	if claim != answer.Theirs {
		t.Fatalf("Expected %+v to be nobody's, got %v", q, r)
	}
	return ""
}

// A grant that is disabled, expired, stopped or has not begun keeps its cut, with
// its SOA, so that the delegation does not become lame.
func TestWithheldGrantsKeepTheirCuts(t *testing.T) {
	d := policytest.Standard().Account(`"domains": {"off.example.com": {"enabled": false}, "late.example.com": {"not_before": "2027-01-01T00:00:00Z"},
		"over.example.com": {"until": "2026-11-01T00:00:00Z"}, "stopped.example.com": {}, "other.example.com": {}}`)
	stop, err := policy.ParseScope("domain:stopped.example.com")
	if err != nil {
		t.Fatal(err)
	}
	for _, chained := range []bool{false, true} {
		a := newCuts(t, ".", chained)
		b := policy.Compile(nil, d.Snapshot(1, noon), policy.Brakes{Stops: []policy.Scope{stop}})
		a.Update(b, newKeys(t, dns.ECDSAP256SHA256))
		for _, name := range []string{"off", "late", "over", "stopped"} {
			origin := "_validation-persist." + name + ".example.com."
			soa, _ := a.Cut(ask(origin, dns.TypeSOA), noon)
			txt, claim := a.Cut(ask(origin, dns.TypeTXT), noon)
			if claim != answer.Ours || txt.Outcome != answer.NoData || len(soa.Answer) == 0 {
				t.Errorf("%s: expected NODATA and a SOA, got %v and %v", origin, txt, soa)
			}
		}
		if r, claim := a.Cut(ask("_validation-persist.never.example.com.", dns.TypeSOA), noon); claim != answer.Theirs {
			t.Errorf("Expected no cut at a name that no document grants, got %v", r)
		}
	}
}

// What was signed for a cut goes with its last grant, and a cut that comes back is
// answered for again.
func TestCutsComeAndGoWithTheirGrants(t *testing.T) {
	const origin = "_validation-persist.example.com."
	with, without := policytest.Standard(), policytest.Standard().Account(`"domains": {"x.example.com": {}}`)
	for _, chained := range []bool{false, true} {
		a, keys := newCuts(t, ".", chained), newKeys(t, dns.ECDSAP256SHA256)
		var b *policy.Book
		for i, d := range []policytest.Documents{with, without, with, without} {
			before := b
			b = policy.Compile(before, d.Snapshot(i+1, noon), policy.Brakes{})
			a.Update(b, keys)
			if before != nil {
				for g := range b.Gone(before) {
					a.Forget(g)
				}
			}
			_, claim := a.Cut(ask(origin, dns.TypeTXT), noon)
			a.Cut(ask(origin, dns.TypeSOA), noon)
			if wanted := i%2 == 0; wanted != (claim == answer.Ours) || wanted != (a.CutAt(origin, noon) != nil) || a.Kept() != i%2^1 || a.WasAskedFor("example.com") != (wanted && chained) {
				t.Errorf("Version %d, chained %t: expected a cut: %t; kept are %d", i, chained, wanted, a.Kept())
			}
		}
	}
}

// Cuts that are asked for by turns take no more memory than there is room for,
// and a secondary that has more of them sees no new version of any.
func TestCutsAreKeptWithinBounds(t *testing.T) {
	answer.KeepCuts(t, 10)
	names := make([]string, 50)
	for i := range names {
		names[i] = fmt.Sprintf(`"n%d.example.com": {"until": "2027-01-01T00:00:00Z"}`, i)
	}
	a := newCuts(t, ".", true)
	a.Update(book(policytest.Standard().Account(`"domains": {`+strings.Join(names, ", ")+`}`), noon), newKeys(t, dns.ECDSAP256SHA256))
	serials := map[string][]uint32{}
	for pass := range 3 {
		for i := range names {
			origin := fmt.Sprintf("_validation-persist.n%d.example.com.", i)
			r, _ := a.Cut(ask(origin, dns.TypeSOA), noon.Add(time.Duration(pass)*time.Second))
			serials[origin] = append(serials[origin], r.Answer[0].(*dns.SOA).Serial)
			if a.Kept() > 10 {
				t.Fatalf("Expected 10 cuts to be kept at most, got %d", a.Kept())
			}
		}
	}
	for origin, seen := range serials {
		if len(slices.Compact(seen)) != 1 {
			t.Errorf("%s: expected one version, got the serials %v", origin, seen)
		}
	}
}

// Also where it was forgotten in between, a cut has a new serial when its content
// is another.
func TestForgottenCutsHaveNewSerialsWhenTheyChange(t *testing.T) {
	answer.KeepCuts(t, 1)
	const origin, other = "_validation-persist.example.com.", "_validation-persist.example.org."
	domains := `"domains": {"example.com": {%s}, "example.org": {}}`
	a, keys := newCuts(t, ".", true), newKeys(t, dns.ECDSAP256SHA256)
	var b *policy.Book
	var last uint32
	for i, c := range []struct {
		grant string
		after time.Duration
		newer bool
	}{{"", 0, true}, {"", time.Minute, false}, {`"wildcard": true`, time.Minute, true}, {`"enabled": false`, 2 * time.Minute, true}, {`"enabled": false`, 3 * time.Minute, false}, {`"enabled": false`, 10 * 24 * time.Hour, true}} {
		at := noon.Add(c.after)
		b = policy.Compile(b, policytest.Standard().With(policytest.Documents{"teams/web": `{"domains": ["."], "issuers": ["ca"], "wildcard": true}`}).Account(fmt.Sprintf(domains, c.grant)).Snapshot(i+1, at), policy.Brakes{})
		a.Update(b, keys)
		a.Cut(ask(other, dns.TypeSOA), at) // takes the only room
		r, _ := a.Cut(ask(origin, dns.TypeSOA), at)
		serial := r.Answer[0].(*dns.SOA).Serial
		if (serial > last) != c.newer {
			t.Errorf("Version %d: expected a newer serial than %d: %t, got %d", i, last, c.newer, serial)
		}
		last = serial
	}
}

// Questions for cuts that come and go, and for more of them than are kept, are all
// answered by somebody who knows, and at last nothing is kept but what is granted.
func TestCutsAreAnsweredWhileTheyComeAndGo(t *testing.T) {
	answer.KeepCuts(t, 4)
	var names [10]string
	for i := range names {
		names[i] = fmt.Sprintf("n%d.example.com", i)
	}
	granting := func(some []string) policytest.Documents {
		entries := make([]string, len(some))
		for i, name := range some {
			entries[i] = fmt.Sprintf("%q: {}", name)
		}
		return policytest.Standard().Account(`"domains": {` + strings.Join(entries, ", ") + `}`)
	}
	for _, chained := range []bool{false, true} {
		a, keys := newCuts(t, ".", chained), newKeys(t, dns.ECDSAP256SHA256)
		b := policy.Compile(nil, granting(names[:]).Snapshot(1, noon), policy.Brakes{})
		a.Update(b, keys)
		var asking sync.WaitGroup
		for n := range 4 {
			asking.Go(func() {
				random := rand.New(rand.NewPCG(uint64(n), 1))
				for range 300 {
					name := names[random.IntN(len(names))]
					q := ask("_validation-persist."+name+".", []uint16{dns.TypeTXT, dns.TypeSOA, dns.TypeDNSKEY, dns.TypeA}[random.IntN(4)])
					if r, claim := a.Cut(q, noon); claim == answer.Ours && r.Rcode != dns.RcodeSuccess {
						t.Errorf("%+v: got %+v", q, r)
					}
				}
			})
		}
		for version := 2; version < 40; version++ {
			before := b
			b = policy.Compile(before, granting(names[:version%len(names)+1]).Snapshot(version, noon), policy.Brakes{})
			a.Update(b, keys)
			for g := range b.Gone(before) {
				a.Forget(g)
			}
		}
		asking.Wait()
		before := b
		b = policy.Compile(before, granting(nil).Snapshot(40, noon), policy.Brakes{})
		a.Update(b, keys)
		for g := range b.Gone(before) {
			a.Forget(g)
		}
		if a.Kept() != 0 {
			t.Errorf("Chained %t: expected nothing to be kept, got %d", chained, a.Kept())
		}
	}
}

// All cuts rotate when the outer zone would, so that the audit log and persistctl
// speak of all of them at once.
func TestCutsRotateTogether(t *testing.T) {
	b := book(documents(), noon)
	outer, err := zone.New(cutsConfig(".", true))
	if err != nil {
		t.Fatal(err)
	}
	for fqdn, grants := range b.Names() {
		cut := outer.Cut(fqdn.Owner(), fqdn)
		for i := range 100 {
			at := noon.Add(time.Duration(i) * time.Hour / 4)
			if diff := cmp.Diff(outer.Records(b, grants, at).NotAfter, cut.Records(b, grants, at).NotAfter); diff != "" {
				t.Errorf("%s at %v:\n%s", fqdn, at, diff)
			}
		}
	}
}

// The TXT RRset of a cut costs what one in a zone costs: nothing is allocated, nor
// waited for.
func TestRecordsOfCutsAreAnsweredWithoutAllocating(t *testing.T) {
	for _, chained := range []bool{false, true} {
		a := newCuts(t, ".", chained)
		a.Update(book(documents(), noon), newKeys(t, dns.ECDSAP256SHA256))
		q := ask("_validation-persist.example.com.", dns.TypeTXT)
		if r, _ := a.Cut(q, noon); r.Outcome != answer.Record {
			t.Fatalf("Expected a record, got %v", r)
		}
		if n := testing.AllocsPerRun(100, func() { a.Cut(q, noon) }); n != 0 {
			t.Errorf("Chained %t: expected no allocation, got %v", chained, n)
		}
	}
}

// Before the documents are loaded nobody knows which cuts there are.
func TestCutsAreNotReadyBeforeAnythingIsLoaded(t *testing.T) {
	a := newCuts(t, ".", false)
	for name, want := range map[string]answer.Claim{"_validation-persist.example.com.": answer.Ours, "x._validation-persist.example.com.": answer.Ours, "example.com.": answer.Theirs} {
		if r, claim := a.Cut(ask(name, dns.TypeTXT), noon); claim != want || claim == answer.Ours && r.Outcome != answer.NotReady {
			t.Errorf("%s: expected the claim %v, got %v and %v", name, want, claim, r)
		}
	}
	a.Update(book(documents(), noon), nil)
	for name, want := range map[string]answer.Claim{"_validation-persist.example.com.": answer.Ours, "_validation-persist.x.example.com.": answer.Theirs} {
		if r, claim := a.Cut(ask(name, dns.TypeTXT), noon); claim != want || claim == answer.Ours && r.Outcome != answer.NotReady {
			t.Errorf("%s without keys: expected the claim %v, got %v and %v", name, want, claim, r)
		}
	}
}

// A cut is transferred as a zone of its own is, with a subtree grant as well: no
// name of the subtree is in it.
func TestCutsAreTransferred(t *testing.T) {
	b := book(policytest.Standard().Account(`"domains": {"example.com": {"subtree": true}, "a.b.example.com": {}}`), noon)
	keys := newKeys(t, dns.ECDSAP256SHA256)
	many := newCuts(t, "example.com", true)
	many.Update(b, keys)
	for owner := range many.Zone().Owners(b) {
		alone := newAlone(t, owner, "example.com.", true)
		alone.Update(b, keys)
		want, _, err := alone.Transfer(noon)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := many.CutAt(owner, noon).Transfer(noon)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lines(want), lines(got)); diff != "" {
			t.Errorf("%s (-alone +cut):\n%s", owner, diff)
		}
	}
	for _, name := range []string{"example.com.", "x._validation-persist.example.com.", "_validation-persist.x.example.com.", "_validation-persist.example.org."} {
		if many.CutAt(name, noon) != nil {
			t.Errorf("Expected no cut at %s", name)
		}
	}
}

func lines(rrs []dns.RR) []string {
	list := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		list = append(list, rr.String())
	}
	return list
}

// manyCuts grants n names and answers for their cuts, of which it keeps few.
func manyCuts(t *testing.T, n int, chained bool, budget float64) (a *answer.Authority, origins []string) {
	t.Helper()
	answer.KeepCuts(t, 10)
	for i := range n {
		origins = append(origins, fmt.Sprintf("_validation-persist.n%d.example.com.", i))
	}
	z, err := zone.New(cutsConfig(".", chained))
	if err != nil {
		t.Fatal(err)
	}
	denials := answer.NewDenials(budget)
	if a = answer.NewSharing(z, denials); chained {
		a = answer.NewChained(z, new(answer.Serial))
	}
	a.WithCuts(new(answer.Serials), denials)
	a.Update(book(grantingMany(n), noon), newKeys(t, dns.ECDSAP256SHA256))
	return a, origins
}

func grantingMany(n int) policytest.Documents {
	entries := make([]string, 0, n)
	for i := range n {
		entries = append(entries, fmt.Sprintf(`"n%d.example.com": {}`, i))
	}
	return policytest.Standard().Account(`"domains": {` + strings.Join(entries, ", ") + `}`)
}

// A transfer of a cut that is not kept is signed whatever is left of the budget, and
// leaves nothing behind that a query could spend.
func TestATransferIsSignedOutsideTheBudget(t *testing.T) {
	a, origins := manyCuts(t, 100, true, 1)
	for _, origin := range origins {
		cut := a.CutAt(origin, noon)
		if rrs, _, err := cut.Transfer(noon); err != nil || len(rrs) == 0 {
			t.Fatalf("%s: expected all records, got %d and %v", origin, len(rrs), err)
		}
		if n := answer.Credit(cut); n != 0 {
			t.Fatalf("%s: expected no signature to be paid for in advance, got %d", origin, n)
		}
	}
}

// Whoever asks by turns for more cuts than are kept gets no more signatures than
// the budget allows, while the records of granted names, and all of a cut that is
// kept, are there for everybody.
func TestCutsThatAreNotKeptAreSignedWithinTheBudget(t *testing.T) {
	const budget, n = 20, 100
	for _, chained := range []bool{false, true} {
		a, origins := manyCuts(t, n, chained, budget)
		for _, origin := range origins {
			if r, _ := a.Cut(ask(origin, dns.TypeTXT), noon); r.Outcome != answer.Record {
				t.Fatalf("%s: expected a record, got %v", origin, r)
			}
		}
		signed := map[string]bool{}
		given, limited := 0, 0
		types := []uint16{dns.TypeDNSKEY, dns.TypeSOA, dns.TypeNS, dns.TypeA}
		const seconds = 10
		for i := range seconds * 200 {
			at := noon.Add(time.Second * time.Duration(i) / 200)
			r, _ := a.Cut(ask(origins[i%n], types[i/n%len(types)]), at)
			switch {
			case r.Outcome == answer.Limited:
				limited++
			case r.Rcode != dns.RcodeSuccess:
				t.Fatalf("%s: got %v", origins[i%n], r)
			default:
				given++
				signed[origins[i%n]] = true
			}
			if r, _ := a.Cut(ask(origins[i%n], dns.TypeTXT), at); r.Outcome != answer.Record {
				t.Fatalf("%s: expected the record for everybody, got %v", origins[i%n], r)
			}
		}
		if most := budget*(seconds+1) + 10*len(types)*2; given > most || given < budget*seconds/4 || limited == 0 {
			t.Errorf("Chained %t: expected between %d and %d answers that were signed, got %d, and %d limited", chained, budget*seconds/4, most, given, limited)
		}
	}
}

// A client that comes over a stream is given a cut when others have spent the
// budget, and one that is asked for goes on to be answered.
func TestAStreamIsGivenACutWhenTheBudgetIsSpent(t *testing.T) {
	for _, chained := range []bool{false, true} {
		a, origins := manyCuts(t, 100, chained, 8)
		last := origins[len(origins)-1]
		for _, origin := range origins[:90] {
			a.Cut(ask(origin, dns.TypeDNSKEY), noon)
		}
		q := ask(last, dns.TypeDNSKEY)
		if r, _ := a.Cut(q, noon); r.Outcome != answer.Limited {
			t.Fatalf("Chained %t: expected the budget to be spent, got %v", chained, r)
		}
		q.Stream = true
		if r, _ := a.Cut(q, noon); r.Outcome != answer.Apex {
			t.Errorf("Chained %t: expected the keys, got %v", chained, r)
		}
	}
}

// A cut that is kept anew while the one before it is dropped stays, though that has
// to make room for another meanwhile.
func TestACutThatComesBackIsNotDroppedForTheOneBefore(t *testing.T) {
	a, origins := manyCuts(t, 12, false, 1e6)
	for _, origin := range origins[:10] { // as many as are kept
		a.Cut(ask(origin, dns.TypeSOA), noon)
	}
	back := origins[5]
	a.DropCutLate(back, func() {
		a.Cut(ask(back, dns.TypeSOA), noon)     // takes the place of the second
		for _, i := range []int{10, 11, 1, 2} { // the last of them that of back before
			a.Cut(ask(origins[i], dns.TypeSOA), noon)
		}
	})
	if n := a.Kept(); n != 10 { // which looks at the ring too
		t.Errorf("Expected 10 cuts to be kept, got %d", n)
	}
}

// What covers no other name, as a listing is old, is signed for a cut alone, and paid
// for like all else.
func TestLoneProofsOfCutsAreSignedWithinTheBudget(t *testing.T) {
	const budget, kept = 8, 10 * 2 // the cuts that are kept pay nothing
	for _, listed := range []time.Time{noon, noon.Add(-72 * time.Hour)} {
		a, origins := manyCuts(t, 100, true, budget)
		s := grantingMany(100).Snapshot(1, noon)
		s.Listed["accounts/web"] = listed
		a.Update(policy.Compile(nil, s, policy.Brakes{}), newKeys(t, dns.ECDSAP256SHA256))
		signatures := 0
		for _, origin := range origins {
			r, _ := a.Cut(ask(origin, dns.TypeA), noon)
			for _, rr := range r.Authority {
				if rr.Header().Rrtype == dns.TypeRRSIG {
					signatures++
				}
			}
		}
		if signatures != kept+budget {
			t.Errorf("Listed at %v: expected %d signatures, got %d", listed, kept+budget, signatures)
		}
	}
}
