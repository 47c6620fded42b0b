package answer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/zone"
	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// Each answer is named by what a resolver needs it for.
func TestAnswers(t *testing.T) {
	a := newAuthority(t)
	const owner = "_validation-persist.example.com."
	for _, c := range []struct {
		name    string
		qtype   uint16
		outcome answer.Outcome
		rcode   int
		types   string // of the NSEC at the name, empty if none is sent
	}{
		{owner, dns.TypeTXT, answer.Record, 0, ""},
		{owner, dns.TypeANY, answer.Record, 0, ""},
		{owner, dns.TypeRRSIG, answer.Record, 0, ""},
		{owner, dns.TypeA, answer.NoData, 0, "[TXT RRSIG NSEC]"},
		{owner, dns.TypeDS, answer.NoData, 0, "[TXT RRSIG NSEC]"},
		{owner, dns.TypeNS, answer.NoData, 0, "[TXT RRSIG NSEC]"},
		{owner, dns.TypeSOA, answer.NoData, 0, "[TXT RRSIG NSEC]"},
		{owner, 65280, answer.NoData, 0, "[TXT RRSIG NSEC]"},
		{owner, dns.TypeNSEC, answer.Denial, 0, "[TXT RRSIG NSEC]"},
		{"_validation-persist.off.example.com.", dns.TypeTXT, answer.NoData, 0, "[RRSIG NSEC]"},
		{"_validation-persist.a.b.example.com.", dns.TypeTXT, answer.Record, 0, ""},
		{"a.b.example.com.", dns.TypeTXT, answer.NoData, 0, "[RRSIG NSEC]"},
		{"b.example.com.", dns.TypeDS, answer.NoData, 0, "[RRSIG NSEC]"},
		{"b.example.com.", dns.TypeNSEC, answer.Denial, 0, "[RRSIG NSEC]"},
		{"b.example.com.", dns.TypeRRSIG, answer.Denial, 0, ""},
		{"b.example.com.", dns.TypeANY, answer.Denial, 0, "[RRSIG NSEC]"},
		{"x.example.com.", dns.TypeA, answer.NXDomain, 0, "[RRSIG NSEC NXNAME]"},
		{"x.example.com.", dns.TypeNSEC, answer.Denial, 0, "[RRSIG NSEC NXNAME]"},
		{"x." + owner, dns.TypeTXT, answer.NXDomain, 0, "[RRSIG NSEC NXNAME]"},
		{"*x.example.com.", dns.TypeTXT, answer.NXDomain, 0, "[RRSIG NSEC NXNAME]"},
		{origin, dns.TypeSOA, answer.Apex, 0, ""},
		{origin, dns.TypeNS, answer.Apex, 0, ""},
		{origin, dns.TypeDNSKEY, answer.Apex, 0, ""},
		{origin, dns.TypeCDS, answer.Apex, 0, ""},
		{origin, dns.TypeCDNSKEY, answer.Apex, 0, ""},
		{origin, dns.TypeANY, answer.Apex, 0, ""},
		{origin, dns.TypeDS, answer.NoData, 0, "[NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY]"},
		{origin, dns.TypeTXT, answer.NoData, 0, "[NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY]"},
		{origin, dns.TypeNSEC, answer.Denial, 0, "[NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY]"},
	} {
		t.Run(fmt.Sprintf("%s %s", c.name, dns.Type(c.qtype)), func(t *testing.T) {
			r := a.Answer(ask(c.name, c.qtype), noon)
			if r.Outcome != c.outcome || r.Rcode != c.rcode {
				t.Fatalf("Expected %s and rcode %d, got %+v", c.outcome, c.rcode, r)
			}
			verify(t, a, r, noon)
			types := ""
			for _, n := range nsecs(r) {
				types += fmt.Sprint(typeNames(n))
				if n.Hdr.Name != c.name || n.NextDomain != `\000.`+c.name {
					t.Errorf("Expected an NSEC that covers no other name, got %v", n)
				}
			}
			if types != c.types {
				t.Errorf("Expected an NSEC with %s, got %s", c.types, types)
			}
			if len(r.Answer) == 0 && !has(r.Authority, dns.TypeSOA) {
				t.Error("Expected an SOA in an empty answer")
			}
		})
	}
}

func typeNames(n *dns.NSEC) []string {
	names := make([]string, len(n.TypeBitMap))
	for i, t := range n.TypeBitMap {
		names[i] = dns.Type(t).String()
	}
	return names
}

func TestApexMayBeAnOwner(t *testing.T) {
	const apex = "_validation-persist.example.com."
	a := answer.New(newZone(t, apex, false), 1000)
	a.Update(book(documents(), noon), newKeys(t, dns.ED25519))
	if r := a.Answer(ask(apex, dns.TypeTXT), noon); r.Outcome != answer.Record {
		t.Errorf("Expected the record at the apex, got %+v", r)
	}
	r := a.Answer(ask(apex, dns.TypeA), noon)
	if got := fmt.Sprint(typeNames(nsecs(r)[0])); got != "[NS SOA TXT RRSIG NSEC DNSKEY CDS CDNSKEY]" {
		t.Errorf("Expected every type of the apex in its NSEC, got %s", got)
	}
	late := noon.Add(73 * time.Hour)
	if r := a.Answer(ask(apex, dns.TypeTXT), late); r.Outcome != answer.Stale {
		t.Errorf("Expected SERVFAIL for the record once the store is stale, got %+v", r)
	}
	r = a.Answer(ask(apex, dns.TypeA), late)
	if r.Outcome != answer.NoData || !slices.Contains(nsecs(r)[0].TypeBitMap, dns.TypeTXT) {
		t.Errorf("Expected a stale apex not to deny its TXT, got %+v", r)
	}
}

func TestCompactAnswersOKBringsNXDOMAIN(t *testing.T) {
	a := newAuthority(t)
	for _, c := range []struct {
		do, co bool
		rcode  int
		nsec   bool
	}{
		{true, true, dns.RcodeNameError, true},
		{true, false, dns.RcodeSuccess, true},
		{false, true, dns.RcodeNameError, false},
		{false, false, dns.RcodeNameError, false},
	} {
		r := a.Answer(answer.Query{Name: "x.example.com.", Type: dns.TypeA, DO: c.do, CO: c.co}, noon)
		if r.Rcode != c.rcode || has(r.Authority, dns.TypeNSEC) != c.nsec || has(r.Authority, dns.TypeRRSIG) != c.do {
			t.Errorf("DO %t, CO %t: expected rcode %d and NSEC %t, got %+v", c.do, c.co, c.rcode, c.nsec, r)
		}
		if r := a.Answer(answer.Query{Name: "b.example.com.", Type: dns.TypeA, DO: c.do, CO: c.co}, noon); r.Rcode != dns.RcodeSuccess {
			t.Errorf("DO %t, CO %t: expected NOERROR for an empty non-terminal, got %+v", c.do, c.co, r)
		}
	}
}

func TestWithoutDOThereAreNoSignatures(t *testing.T) {
	a := newAuthority(t)
	for _, name := range []string{origin, "_validation-persist.example.com.", "b.example.com.", "x.example.com.", "*.example.com."} {
		for _, qtype := range []uint16{dns.TypeTXT, dns.TypeSOA, dns.TypeDNSKEY, dns.TypeA, dns.TypeANY} {
			r := a.Answer(answer.Query{Name: name, Type: qtype}, noon)
			all := slices.Concat(r.Answer, r.Authority)
			if has(all, dns.TypeRRSIG) || has(all, dns.TypeNSEC) {
				t.Errorf("%s %s: expected no RRSIG and no NSEC, got %v", name, dns.Type(qtype), all)
			}
		}
	}
}

// A compact proof for *.P would be an NSEC owned by a wildcard, which can be
// replayed at every name below P. And where *.P is said not to exist, so must
// everything below it be (RFC 8020).
func TestWildcardsAndNamesBelowThemAreDeniedByOthers(t *testing.T) {
	a := newAuthority(t)
	for _, name := range []string{"*.example.com.", "*.b.example.com.", "*.x.y.example.com.", "*._validation-persist.example.com.", "*.*.example.com.",
		"a.*.example.com.", "a.b.*.example.com.", "a.*.b.example.com.", "a.*.x.y.example.com."} {
		r := a.Answer(ask(name, dns.TypeTXT), noon)
		if r.Outcome != answer.NXDomain || r.Rcode != dns.RcodeNameError || len(nsecs(r)) == 0 {
			t.Errorf("%s: expected NXDOMAIN with a proof, got %+v", name, r)
		}
		verify(t, a, r, noon)
		for _, n := range nsecs(r) {
			if n.Hdr.Name[:2] == "*." {
				t.Errorf("%s: NSEC owned by a wildcard: %v", name, n)
			}
		}
		if !slices.ContainsFunc(nsecs(r), func(n *dns.NSEC) bool { return validator.Covers(n, name) }) {
			t.Errorf("%s: no NSEC covers it in %v", name, nsecs(r))
		}
	}
}

func TestLongestNamesAreAnswered(t *testing.T) {
	a := newAuthority(t)
	for _, n := range []int{200, 253, 254, 255} {
		name := longName(n)
		r := a.Answer(ask(name, dns.TypeTXT), noon)
		if r.Outcome != answer.NXDomain {
			t.Fatalf("%d octets: expected NXDOMAIN, got %+v", n, r)
		}
		verify(t, a, r, noon)
		m := new(dns.Msg).SetQuestion(name, dns.TypeTXT)
		m.Ns = r.Authority
		wire, err := m.Pack()
		if err != nil {
			t.Fatalf("%d octets: %v", n, err)
		}
		if err := new(dns.Msg).Unpack(wire); err != nil {
			t.Errorf("%d octets: the answer does not parse: %v", n, err)
		}
	}
}

func TestTypesThatNameNoDataAreRefused(t *testing.T) {
	a := newAuthority(t)
	for qtype := range uint16(256) {
		want := -1
		switch {
		case qtype == dns.TypeNone, qtype == dns.TypeOPT, qtype == dns.TypeNXNAME:
			want = dns.RcodeFormatError
		case qtype == dns.TypeAXFR, qtype == dns.TypeIXFR:
			want = dns.RcodeRefused
		case qtype > 128 && qtype < 255:
			want = dns.RcodeNotImplemented
		}
		for _, name := range []string{origin, "_validation-persist.example.com.", "b.example.com.", "x.example.com."} {
			r := a.Answer(ask(name, qtype), noon)
			if want >= 0 && (r.Outcome != answer.Refused || r.Rcode != want || len(r.Authority) > 0) {
				t.Errorf("%s type %d: expected rcode %d and nothing else, got %+v", name, qtype, want, r)
			}
			if want < 0 && r.Outcome == answer.Refused {
				t.Errorf("%s type %d: expected an answer, got %+v", name, qtype, r)
			}
		}
	}
	if r := a.Answer(ask("x.example.com.", dns.TypeNXNAME), noon); r.EDE == nil || r.EDE.InfoCode != 30 {
		t.Errorf("Expected EDE 30 (Invalid Query Type), got %+v", r)
	}
}

func TestNothingIsServedBeforeTheFirstLoad(t *testing.T) {
	a := answer.New(newZone(t, origin, false), 1000)
	keys, b := newKeys(t, dns.ED25519), book(documents(), noon)
	for name, load := range map[string]func(){
		"nothing":   func() {},
		"book only": func() { a.Update(b, nil) },
		"keys only": func() { a.Update(nil, keys) },
	} {
		load()
		r := a.Answer(ask(origin, dns.TypeSOA), noon)
		if a.Ready() || r.Outcome != answer.NotReady || r.Rcode != dns.RcodeServerFailure || r.EDE.InfoCode != dns.ExtendedErrorCodeNotReady {
			t.Errorf("%s: expected SERVFAIL with EDE 14 (Not Ready), got %+v", name, r)
		}
	}
	a.Update(b, keys)
	if r := a.Answer(ask(origin, dns.TypeSOA), noon); !a.Ready() || r.Outcome != answer.Apex {
		t.Errorf("Expected an answer once both are there, got %+v", r)
	}
}

// Past max_stale nothing may be claimed of granted names, nor of unknown ones;
// the zone itself goes on, so that resolvers do not give up on the servers.
func TestStaleStoreIsServfailForNamesOnly(t *testing.T) {
	a := newAuthority(t)
	late := noon.Add(73 * time.Hour)
	for name, want := range map[string]answer.Outcome{
		"_validation-persist.example.com.":     answer.Stale,
		"_validation-persist.off.example.com.": answer.Stale,
		"x.example.com.":                       answer.Stale,
		"*.example.com.":                       answer.Stale,
		"b.example.com.":                       answer.NoData,
		origin:                                 answer.NoData,
	} {
		r := a.Answer(ask(name, dns.TypeTXT), late)
		if r.Outcome != want {
			t.Errorf("%s: expected %s, got %+v", name, want, r)
		}
		if want == answer.Stale && (r.Rcode != dns.RcodeServerFailure || r.EDE.InfoCode != dns.ExtendedErrorCodeInvalidData) {
			t.Errorf("%s: expected SERVFAIL with EDE 24 (Invalid Data), got %+v", name, r)
		}
	}
	a.Update(book(documents(), late), newKeys(t, dns.ECDSAP256SHA256))
	if r := a.Answer(ask("_validation-persist.example.com.", dns.TypeTXT), late); r.Outcome != answer.Record {
		t.Errorf("Expected the record once the store answers again, got %+v", r)
	}
}

func TestWithdrawnGrantIsGoneWithTheNextBook(t *testing.T) {
	a := newAuthority(t)
	keys := newKeys(t, dns.ECDSAP256SHA256)
	q := ask("_validation-persist.example.com.", dns.TypeTXT)
	for name, d := range map[string]policytest.Documents{
		"stopped": documents().With(policytest.Documents{"control": `{"stop": "all"}`}),
		"removed": documents().Account(`"domains": "a.b.example.com"`),
	} {
		a.Update(book(documents(), noon), keys)
		if r := a.Answer(q, noon); r.Outcome != answer.Record {
			t.Fatalf("Expected a record, got %+v", r)
		}
		a.Update(book(d, noon), keys)
		if r := a.Answer(q, noon); r.Outcome == answer.Record {
			t.Errorf("%s: expected no record, got %+v", name, r)
		}
	}
}

func TestPersistUntilEndsTheSignatureToo(t *testing.T) {
	a := newAuthority(t)
	end := noon.Add(20 * time.Hour)
	d := documents().Account(fmt.Sprintf(`"domains": {"example.com": {"until": %d}}`, end.Unix()))
	a.Update(book(d, noon), newKeys(t, dns.ECDSAP256SHA256))
	r := a.Answer(ask("_validation-persist.example.com.", dns.TypeTXT), noon)
	verify(t, a, r, noon)
	if got := r.Answer[1].(*dns.RRSIG).Expiration; got != uint32(end.Unix()) {
		t.Errorf("Expected the signature to expire with the record at %v, got %v", end, time.Unix(int64(got), 0).UTC())
	}
	last := end.Add(-300*time.Second - zone.Skew)
	if r := a.Answer(ask("_validation-persist.example.com.", dns.TypeTXT), last); r.Outcome != answer.NoData {
		t.Errorf("Expected the record to be gone at %v, got %+v", last, r)
	}
}

func TestBudgetBoundsUnknownNamesAlone(t *testing.T) {
	a := answer.New(newZone(t, origin, false), 2)
	a.Update(book(documents(), noon), newKeys(t, dns.ECDSAP256SHA256))
	outcomes := map[answer.Outcome]int{}
	for i := range 10 {
		outcomes[a.Answer(ask(fmt.Sprintf("x%d.example.com.", i), dns.TypeTXT), noon).Outcome]++
	}
	if diff := cmp.Diff(map[answer.Outcome]int{answer.NXDomain: 2, answer.Limited: 8}, outcomes); diff != "" {
		t.Errorf("Outcomes differ (-want +got):\n%s", diff)
	}
	if r := a.Answer(ask("x0.example.com.", dns.TypeTXT), noon); r.Outcome != answer.NXDomain {
		t.Errorf("Expected a name that was denied before to cost nothing, got %+v", r)
	}
	for _, name := range []string{"_validation-persist.example.com.", "b.example.com.", origin} {
		if r := a.Answer(ask(name, dns.TypeA), noon); r.Outcome != answer.NoData {
			t.Errorf("%s: expected an answer whatever unknown names cost, got %+v", name, r)
		}
	}
	if r := a.Answer(answer.Query{Name: "y.example.com.", Type: dns.TypeA}, noon); r.Outcome != answer.NXDomain {
		t.Errorf("Expected an answer without signatures to cost nothing, got %+v", r)
	}
	if r := a.Answer(ask("z.example.com.", dns.TypeTXT), noon.Add(time.Second)); r.Outcome != answer.NXDomain {
		t.Errorf("Expected the budget to grow again, got %+v", r)
	}
}

// However many names are asked for, only the one that was asked for longest ago
// is forgotten: a flood empties no memory at once.
func TestDenialsAreForgottenOneByOne(t *testing.T) {
	const kept = 1 << 14
	a := answer.New(newZone(t, origin, false), kept+1)
	a.Update(book(documents(), noon), newKeys(t, dns.ECDSAP256SHA256))
	outcomes := map[answer.Outcome]int{}
	for range 2 { // the second time the budget is spent
		for i := range kept + 1 {
			outcomes[a.Answer(ask(fmt.Sprintf("x%d.example.com.", i), dns.TypeTXT), noon).Outcome]++
		}
	}
	if diff := cmp.Diff(map[answer.Outcome]int{answer.NXDomain: 2*kept + 1, answer.Limited: 1}, outcomes); diff != "" {
		t.Errorf("Outcomes differ (-want +got):\n%s", diff)
	}
}

// Under load queries overtake each other between the clock and the budget. The
// time between them must not count twice.
func TestBudgetHoldsForQueriesOutOfOrder(t *testing.T) {
	a := answer.New(newZone(t, origin, false), 10)
	a.Update(book(documents(), noon), newKeys(t, dns.ED25519))
	ask := func(name string, at time.Time) answer.Outcome { return a.Answer(ask(name, dns.TypeTXT), at).Outcome }
	outcomes := map[answer.Outcome]int{}
	for i := range 10 { // the burst
		outcomes[ask(fmt.Sprintf("first%d.example.com.", i), noon)]++
	}
	for i := range 100 {
		outcomes[ask(fmt.Sprintf("early%d.example.com.", i), noon)]++
		outcomes[ask(fmt.Sprintf("late%d.example.com.", i), noon.Add(500*time.Millisecond))]++
	}
	if got := outcomes[answer.NXDomain]; got != 15 {
		t.Errorf("Expected 10 denials at once and 5 in half a second, got %d", got)
	}
	if got := ask("x.example.com.", noon.Add(-time.Hour)); got == answer.NXDomain {
		t.Errorf("Expected a clock set back to grant nothing, got %s", got)
	}
	if got := ask("y.example.com.", noon.Add(-time.Hour+time.Second)); got != answer.NXDomain {
		t.Errorf("Expected the budget to grow with a clock that was set back, got %s", got)
	}
}

// A flood over UDP leaves streams a quarter of the budget: whoever was told to
// come back over TCP gets an answer there.
func TestStreamsHaveAReserve(t *testing.T) {
	a := answer.New(newZone(t, origin, false), 8)
	a.Update(book(documents(), noon), newKeys(t, dns.ED25519))
	flood := func(prefix string, stream bool) map[answer.Outcome]int {
		outcomes := map[answer.Outcome]int{}
		for i := range 20 {
			q := ask(fmt.Sprintf("%s%d.example.com.", prefix, i), dns.TypeTXT)
			q.Stream = stream
			outcomes[a.Answer(q, noon).Outcome]++
		}
		return outcomes
	}
	for _, c := range []struct {
		prefix string
		stream bool
		want   map[answer.Outcome]int
	}{
		{"u", false, map[answer.Outcome]int{answer.NXDomain: 8, answer.Limited: 12}},
		{"s", true, map[answer.Outcome]int{answer.NXDomain: 2, answer.Limited: 18}},
		{"v", false, map[answer.Outcome]int{answer.Limited: 20}},
		{"u", true, map[answer.Outcome]int{answer.NXDomain: 8, answer.Limited: 12}}, // from memory
	} {
		if diff := cmp.Diff(c.want, flood(c.prefix, c.stream)); diff != "" {
			t.Errorf("%s, stream %t (-want +got):\n%s", c.prefix, c.stream, diff)
		}
	}
}

func TestUnsignedZoneAnswersWithoutDNSSEC(t *testing.T) {
	a := answer.NewUnsigned(newZone(t, origin, false))
	a.Update(book(documents(), noon), nil)
	for _, c := range []struct {
		name  string
		qtype uint16
		want  answer.Outcome
		rcode int
	}{
		{"_validation-persist.example.com.", dns.TypeTXT, answer.Record, 0},
		{"_validation-persist.example.com.", dns.TypeA, answer.NoData, 0},
		{"b.example.com.", dns.TypeRRSIG, answer.NoData, 0},
		{"x.example.com.", dns.TypeA, answer.NXDomain, dns.RcodeNameError},
		{"*.example.com.", dns.TypeA, answer.NXDomain, dns.RcodeNameError},
		{origin, dns.TypeSOA, answer.Apex, 0},
		{origin, dns.TypeDNSKEY, answer.NoData, 0},
	} {
		r := a.Answer(ask(c.name, c.qtype), noon)
		all := slices.Concat(r.Answer, r.Authority)
		if r.Outcome != c.want || r.Rcode != c.rcode || has(all, dns.TypeRRSIG) || has(all, dns.TypeNSEC) {
			t.Errorf("%s %s: expected %s without DNSSEC, got %+v", c.name, dns.Type(c.qtype), c.want, r)
		}
		if len(r.Answer) == 0 && !has(all, dns.TypeSOA) {
			t.Errorf("%s %s: expected an SOA in an empty answer", c.name, dns.Type(c.qtype))
		}
	}
}

func TestOverlayClaimsGrantedNamesOnly(t *testing.T) {
	a := answer.NewUnsigned(newZone(t, origin, true))
	const owner = "_validation-persist.example.com."
	if _, claim := a.Overlay(ask("www.example.com.", dns.TypeA), noon); claim != answer.Theirs {
		t.Error("Expected a name that cannot be an owner to be handed on before the first load")
	}
	if r, claim := a.Overlay(ask(owner, dns.TypeTXT), noon); claim != answer.Ours || r.Outcome != answer.NotReady {
		t.Errorf("Expected SERVFAIL for a possible owner before the first load, got %+v", r)
	}
	a.Update(book(documents(), noon), nil)
	for _, c := range []struct {
		name  string
		qtype uint16
		claim answer.Claim
		want  answer.Outcome
	}{
		{owner, dns.TypeTXT, answer.Ours, answer.Record},
		{owner, dns.TypeANY, answer.Ours, answer.Record},
		{owner, dns.TypeA, answer.Ours, answer.NoData},
		{owner, dns.TypeNXNAME, answer.Ours, answer.Refused},
		{"_validation-persist.off.example.com.", dns.TypeTXT, answer.Ours, answer.NoData},
		{"b.example.com.", dns.TypeTXT, answer.Exists, answer.NoData},
		{"_validation-persist.x.example.com.", dns.TypeTXT, answer.Theirs, ""},
		{origin, dns.TypeTXT, answer.Theirs, ""},
	} {
		r, claim := a.Overlay(ask(c.name, c.qtype), noon)
		if claim != c.claim || r.Outcome != c.want {
			t.Errorf("%s %s: expected claim %d and %q, got %d and %+v", c.name, dns.Type(c.qtype), c.claim, c.want, claim, r)
		}
	}
	if r, claim := a.Overlay(ask(owner, dns.TypeTXT), noon.Add(73*time.Hour)); claim != answer.Ours || r.Outcome != answer.Stale {
		t.Errorf("Expected SERVFAIL for a granted name once the store is stale, got %+v", r)
	}
}

// The apex of an overlay may be an owner, and has the other plugin's SOA and NS.
func TestOverlayClaimsOnlyTheTXTOfItsApex(t *testing.T) {
	const apex = "_validation-persist.example.com."
	a := answer.NewUnsigned(newZone(t, apex, true))
	for _, loaded := range []bool{false, true} {
		if loaded {
			a.Update(book(documents(), noon), nil)
		}
		for qtype, want := range map[uint16]answer.Claim{
			dns.TypeTXT: answer.Ours, dns.TypeSOA: answer.Theirs, dns.TypeNS: answer.Theirs, dns.TypeA: answer.Theirs, dns.TypeANY: answer.Theirs,
		} {
			if r, claim := a.Overlay(ask(apex, qtype), noon); claim != want {
				t.Errorf("%s, loaded %t: expected claim %d, got %d and %+v", dns.Type(qtype), loaded, want, claim, r)
			}
		}
	}
}

// A denial of a wildcard's name needs two signatures.
func TestSmallestBudgetDeniesEveryName(t *testing.T) {
	a := answer.New(newZone(t, origin, false), 1)
	a.Update(book(documents(), noon), newKeys(t, dns.ECDSAP256SHA256))
	r := a.Answer(ask("*.x.y.example.com.", dns.TypeTXT), noon)
	if r.Outcome != answer.NXDomain || len(nsecs(r)) != 2 {
		t.Errorf("Expected a denial by two NSEC records, got %+v", r)
	}
}

func TestZonesShareTheirBudget(t *testing.T) {
	keys, denials := newKeys(t, dns.ECDSAP256SHA256), answer.NewDenials(2)
	outcomes := map[answer.Outcome]int{}
	for _, name := range []string{"example.com.", "example.edu.", "example.org."} {
		a := answer.NewSharing(newZone(t, name, false), denials)
		a.Update(book(documents(), noon), keys)
		for range 2 { // the second time from memory
			outcomes[a.Answer(ask("x."+name, dns.TypeTXT), noon).Outcome]++
		}
	}
	if diff := cmp.Diff(map[answer.Outcome]int{answer.NXDomain: 4, answer.Limited: 2}, outcomes); diff != "" {
		t.Errorf("Outcomes differ (-want +got):\n%s", diff)
	}
}

// A type that is asked for by name is answered whatever DO says (RFC 4035
// section 3.1), at every name at which an NSEC stands.
func TestSignaturesThatAreAskedForNeedNoDO(t *testing.T) {
	a := newAuthority(t)
	for _, name := range []string{origin, "_validation-persist.example.com.", "_validation-persist.off.example.com.", "b.example.com.", "x.example.com."} {
		for _, do := range []bool{true, false} {
			r := a.Answer(answer.Query{Name: name, Type: dns.TypeRRSIG, DO: do}, noon)
			if r.Rcode != dns.RcodeSuccess || len(r.Answer) != 1 || r.Answer[0].Header().Rrtype != dns.TypeRRSIG || r.Answer[0].Header().Name != name {
				t.Errorf("%s, DO %t: expected one signature, got %+v", name, do, r)
			}
		}
	}
}

// A clock that was set a day ahead must not make signatures that become valid
// only tomorrow.
func TestSignaturesGoByTheStoresClock(t *testing.T) {
	a, keys := answer.New(newZone(t, origin, false), 1000), newKeys(t, dns.ECDSAP256SHA256)
	for right := noon; right.Before(noon.Add(4 * 24 * time.Hour)); right = right.Add(5 * time.Hour) {
		wrong := right.Add(24 * time.Hour)
		s := documents().Snapshot(1, wrong)
		s.Date, s.DateAt = right, wrong
		a.Update(policy.Compile(nil, s, policy.Brakes{}), keys)
		for _, q := range []answer.Query{ask("_validation-persist.example.com.", dns.TypeTXT), ask(origin, dns.TypeSOA), ask("x.example.com.", dns.TypeTXT)} {
			verify(t, a, a.Answer(q, wrong), right)
		}
	}
}
