package answer_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
)

func newChainedZone(tb testing.TB, name string) *zone.Zone {
	tb.Helper()
	z, err := zone.New(zone.Config{Origin: name, Chained: true, NS: []string{"ns1.example.net"}, TTL: 300, Grace: time.Hour, MaxStale: 72 * time.Hour})
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

// newChained answers for example.com from documents confirmed at noon.
func newChained(tb testing.TB) *answer.Authority {
	tb.Helper()
	a := answer.NewChained(newChainedZone(tb, origin), new(answer.Serial))
	a.Update(book(documents(), noon), newKeys(tb, dns.ECDSAP256SHA256))
	return a
}

// The zone has two names with records, _validation-persist under example.com
// and under a.b.example.com, and nothing else: what is withheld is not there.
func TestChainedAnswers(t *testing.T) {
	const (
		owner = "_validation-persist.example.com."
		deep  = "_validation-persist.a.b.example.com."
		top   = "example.com. > " + owner + " [NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY]"
		first = owner + " > " + deep + " [TXT RRSIG NSEC]"
		last  = deep + " > example.com. [TXT RRSIG NSEC]"
	)
	a := newChained(t)
	for _, c := range []struct {
		name    string
		qtype   uint16
		outcome answer.Outcome
		nsecs   []string // OWNER > NEXT [TYPES]
	}{
		{owner, dns.TypeTXT, answer.Record, nil},
		{owner, dns.TypeANY, answer.Record, nil},
		{owner, dns.TypeRRSIG, answer.Record, nil},
		{owner, dns.TypeA, answer.NoData, []string{first}},
		{owner, dns.TypeDS, answer.NoData, []string{first}},
		{owner, 65280, answer.NoData, []string{first}},
		{owner, dns.TypeNSEC, answer.Denial, []string{first}},
		{deep, dns.TypeTXT, answer.Record, nil},
		{deep, dns.TypeNSEC, answer.Denial, []string{last}},
		{"a.b.example.com.", dns.TypeTXT, answer.NoData, []string{first}},
		{"b.example.com.", dns.TypeDS, answer.NoData, []string{first}},
		{"b.example.com.", dns.TypeNSEC, answer.NoData, []string{first}},
		{"b.example.com.", dns.TypeANY, answer.NoData, []string{first}},
		{"x.example.com.", dns.TypeA, answer.NXDomain, []string{last, top}},
		{"x.example.com.", dns.TypeRRSIG, answer.NXDomain, []string{last, top}},
		{"x." + owner, dns.TypeTXT, answer.NXDomain, []string{first}},
		{"x.b.example.com.", dns.TypeTXT, answer.NXDomain, []string{last, first}},
		{"*.example.com.", dns.TypeTXT, answer.NXDomain, []string{top}},
		{"_validation-persist.off.example.com.", dns.TypeTXT, answer.NXDomain, []string{last, top}},
		{"off.example.com.", dns.TypeTXT, answer.NXDomain, []string{last, top}},
		{origin, dns.TypeSOA, answer.Apex, nil},
		{origin, dns.TypeNS, answer.Apex, nil},
		{origin, dns.TypeDNSKEY, answer.Apex, nil},
		{origin, dns.TypeCDS, answer.Apex, nil},
		{origin, dns.TypeCDNSKEY, answer.Apex, nil},
		{origin, dns.TypeANY, answer.Apex, nil},
		{origin, dns.TypeDS, answer.NoData, []string{top}},
		{origin, dns.TypeNSEC, answer.Denial, []string{top}},
	} {
		t.Run(fmt.Sprintf("%s %s", c.name, dns.Type(c.qtype)), func(t *testing.T) {
			r := a.Answer(ask(c.name, c.qtype), noon)
			rcode := dns.RcodeSuccess
			if c.outcome == answer.NXDomain {
				rcode = dns.RcodeNameError
			}
			if r.Outcome != c.outcome || r.Rcode != rcode {
				t.Fatalf("Expected %s and rcode %d, got %+v", c.outcome, rcode, r)
			}
			verify(t, a, r, noon)
			got := make([]string, 0, 2)
			for _, n := range nsecs(r) {
				got = append(got, fmt.Sprintf("%s > %s %v", n.Hdr.Name, n.NextDomain, typeNames(n)))
			}
			if diff := cmp.Diff(c.nsecs, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("NSEC records differ: %s", diff)
			}
			if len(r.Answer) == 0 && !has(r.Authority, dns.TypeSOA) {
				t.Error("Expected an SOA in an empty answer")
			}
		})
	}
}

func TestChainedAnswersWithoutDOHaveNoProof(t *testing.T) {
	a := newChained(t)
	r := a.Answer(answer.Query{Name: "x.example.com.", Type: dns.TypeTXT}, noon)
	if r.Rcode != dns.RcodeNameError || len(r.Authority) != 1 || !has(r.Authority, dns.TypeSOA) {
		t.Errorf("Expected NXDOMAIN with the SOA alone, got %+v", r)
	}
}

// Whatever the policy, the instant and the question: what is signed verifies
// and no NSEC denies a name or a type that a transfer of the same version has.
func TestChainedAnswersVerifyAndNeverContradict(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for round := range 20 {
		a := answer.NewChained(newChainedZone(t, origin), new(answer.Serial))
		d, keys := randomDocuments(random), newKeys(t, []uint8{dns.ECDSAP256SHA256, dns.ED25519}[round%2])
		at := noon
		for range 5 {
			at = at.Add(time.Duration(random.Int64N(int64(80 * 24 * time.Hour))))
			a.Update(book(d, at), keys)
			rrs, _, err := a.Transfer(at)
			if err != nil {
				t.Fatal(err)
			}
			served := typesByName(rrs)
			for range 30 {
				q := randomQuestion(random)
				r := a.Answer(q, at)
				if q.DO {
					verify(t, a, r, at)
				}
				for _, n := range nsecs(r) {
					contradicts(t, n, served, at)
				}
				if isData(q.Type) && slices.Contains(served[q.Name], q.Type) != (len(r.Answer) > 0) {
					t.Errorf("At %v: the zone has %v at %s, and a query for type %d got %v", at, served[q.Name], q.Name, q.Type, r.Answer)
				}
			}
		}
	}
}

// isData reports whether a type is one of data, and not of what DNSSEC adds or
// of several.
func isData(qtype uint16) bool {
	return qtype != dns.TypeNSEC && qtype != dns.TypeRRSIG && qtype != dns.TypeANY
}

// typesByName are the types of each name, NSEC and RRSIG aside.
func typesByName(rrs []dns.RR) map[string][]uint16 {
	served := map[string][]uint16{}
	for _, rr := range rrs {
		name, rrtype := rr.Header().Name, rr.Header().Rrtype
		if rrtype != dns.TypeNSEC && rrtype != dns.TypeRRSIG && !slices.Contains(served[name], rrtype) {
			served[name] = append(served[name], rrtype)
		}
	}
	return served
}

// version is the serial of the SOA that is served, checked against a transfer.
func version(t *testing.T, a *answer.Authority, at time.Time) uint32 {
	t.Helper()
	rrs, serial, err := a.Transfer(at)
	if err != nil {
		t.Fatal(err)
	}
	r := a.Answer(ask(origin, dns.TypeSOA), at)
	if soa := r.Answer[0].(*dns.SOA); soa.Serial != serial || rrs[0].(*dns.SOA).Serial != serial {
		t.Fatalf("Expected the serial %d in answer and transfer, got %v and %v", serial, soa, rrs[0])
	}
	return serial
}

func TestSerialMovesWithContentAndOnlyThen(t *testing.T) {
	a, keys := answer.NewChained(newChainedZone(t, origin), new(answer.Serial)), newKeys(t, dns.ECDSAP256SHA256)
	a.Update(book(documents(), noon), keys)
	one := version(t, a, noon)
	if one != uint32(noon.Unix()) {
		t.Errorf("Expected the serial to begin with the clock, got %d", one)
	}
	a.Update(book(documents(), noon.Add(time.Minute)), keys)
	if got := version(t, a, noon.Add(time.Minute)); got != one {
		t.Errorf("Expected the same version after the documents were confirmed, got %d after %d", got, one)
	}
	more := documents().Account(`"domains": {"example.com": {"wildcard": true}, "new.example.com": {}}`)
	a.Update(book(more, noon.Add(2*time.Minute)), keys)
	two := version(t, a, noon.Add(2*time.Minute))
	if two <= one {
		t.Errorf("Expected a newer version with a new name, got %d after %d", two, one)
	}
	// The clock is set back: the serial is not.
	a.Update(book(documents(), noon.Add(-time.Hour)), keys)
	if got := version(t, a, noon.Add(-time.Hour)); got <= two {
		t.Errorf("Expected the serial never to go back, got %d after %d", got, two)
	}
}

// Two transfers with one serial are one zone, to the last signature. Whoever has
// a version may keep it for EXPIRE and serve what still verifies.
func TestOneSerialIsOneZone(t *testing.T) {
	a, keys := answer.NewChained(newChainedZone(t, origin), new(answer.Serial)), newKeys(t, dns.ECDSAP256SHA256)
	random := rand.New(rand.NewPCG(13, 14))
	seen := map[uint32]string{}
	for at := noon; at.Before(noon.Add(40 * 24 * time.Hour)); at = at.Add(time.Duration(random.IntN(5*3600)) * time.Second) {
		a.Update(book(documents(), at), keys)
		rrs, serial, err := a.Transfer(at)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(rrs)
		if before, ok := seen[serial]; ok && before != text {
			t.Fatalf("At %v: two zones have the serial %d", at, serial)
		}
		seen[serial] = text
		expire := rrs[0].(*dns.SOA).Expire
		keeps := time.Duration(expire) * time.Second
		for _, rr := range rrs {
			if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered != dns.TypeTXT && !sig.ValidityPeriod(at.Add(keeps+time.Duration(sig.OrigTtl)*time.Second)) {
				t.Fatalf("At %v: %v does not last for EXPIRE and a TTL, %v", at, sig, keeps)
			}
		}
	}
	if len(seen) < 40 {
		t.Errorf("Expected a version for every rotation and signature, got %d", len(seen))
	}
}

// keysWith are keys whose document says otherwise for how long what they sign is
// kept by caches.
func keysWith(t *testing.T, validity, ttl time.Duration) *dnssec.KeySet {
	t.Helper()
	raw, err := dnssec.GenerateKeys("test", dns.ED25519, noon.Add(-24*time.Hour), rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	var d map[string]any
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	d["validity"] = map[string]string{"dnskey": fmt.Sprintf("%dh", int(validity.Hours()))}
	d["dnskey_ttl"] = int(ttl.Seconds())
	if raw, err = json.Marshal(d); err != nil {
		t.Fatal(err)
	}
	keys, err := dnssec.ParseKeys(raw)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Signatures may be so short, and caches keep them for so long, that a secondary
// which waits for a refresh and a retry would have them expire there.
func TestAZoneWhoseSignaturesDoNotLastUntilARefreshIsNotTransferred(t *testing.T) {
	transferred, refused := 0, 0
	for ttl := 10 * time.Hour; ttl <= 11*time.Hour+50*time.Minute; ttl += 5 * time.Minute {
		a := answer.NewChained(newChainedZone(t, origin), new(answer.Serial))
		keys := keysWith(t, 26*time.Hour, ttl)
		for at := noon; at.Before(noon.Add(27 * time.Hour)); at = at.Add(3 * time.Minute) {
			a.Update(book(documents(), at), keys)
			rrs, _, err := a.Transfer(at)
			if err != nil {
				if !strings.Contains(err.Error(), "dnskey_ttl") || ttl <= 11*time.Hour {
					t.Fatalf("With a TTL of %v: %v", ttl, err)
				}
				refused++
				break
			}
			transferred++
			expire := rrs[0].(*dns.SOA).Expire
			last := at.Add(time.Duration(expire) * time.Second)
			for _, rr := range rrs {
				sig, ok := rr.(*dns.RRSIG)
				if ok && sig.TypeCovered != dns.TypeTXT && !sig.ValidityPeriod(last.Add(time.Duration(sig.OrigTtl)*time.Second)) {
					t.Fatalf("With a TTL of %v: %v expires before %v and a TTL", ttl, sig, last)
				}
			}
		}
	}
	if transferred == 0 || refused == 0 {
		t.Errorf("Expected some to be transferred and some not, got %d and %d", transferred, refused)
	}
}

// A secondary that is told the serial of its copy keeps that for EXPIRE more. It
// must not be told so of a zone that it would not get: the signatures in its
// copy are no longer replaced.
func TestAZoneThatIsNoLongerWholeHasAnotherSerial(t *testing.T) {
	a := answer.NewChained(newChainedZone(t, origin), new(answer.Serial))
	a.Update(book(policytest.Standard().Account(`"domains": {"example.com": {}}`), noon), newKeys(t, dns.ECDSAP256SHA256))
	var last uint32
	for at := noon; ; at = at.Add(10 * time.Minute) {
		serial, _, err := a.Renew(at)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.Transfer(at); err != nil {
			if at.Before(noon.Add(70*time.Hour)) || serial == last {
				t.Errorf("At %v the zone is refused (%v) and still has the serial %d", at, err, serial)
			}
			return
		}
		last = serial
	}
}

func TestWhatCannotBeWholeIsNotTransferred(t *testing.T) {
	keys := newKeys(t, dns.ECDSAP256SHA256)
	late := noon.Add(80 * time.Hour)
	for _, c := range []struct {
		why  string
		a    *answer.Authority
		d    policytest.Documents
		at   time.Time
		text string
	}{
		{"compact denial", answer.New(newZone(t, origin, false), 1000), documents(), noon, "denial nsec"},
		{"a silent store", newChained(t), documents(), late, "silent too long"},
		{"a subtree", newChained(t), documents().Account(`"domains": {"example.com": {"subtree": true}}`), noon, "subtree"},
	} {
		c.a.Update(book(c.d, noon), keys)
		if _, _, err := c.a.Transfer(c.at); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("With %s: expected an error with %q, got %v", c.why, c.text, err)
		}
	}
}

// Somebody's subtree is no reason to keep a zone of everybody's targets from its
// secondaries.
func TestTargetsAreTransferredWhateverIsGrantedBesides(t *testing.T) {
	z, err := zone.New(zone.Config{Origin: "persist.example.net", Targets: true, Chained: true, NS: []string{"ns1.example.org"}, TTL: 300, Grace: time.Hour, MaxStale: 72 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	a := answer.NewChained(z, new(answer.Serial))
	a.Update(book(documents().Account(`"domains": {"example.com": {"subtree": true}}`), noon), newKeys(t, dns.ECDSAP256SHA256))
	rrs, _, err := a.Transfer(noon)
	if err != nil || !slices.ContainsFunc(rrs, func(rr dns.RR) bool {
		return rr.Header().Name == "example.com.persist.example.net." && rr.Header().Rrtype == dns.TypeTXT
	}) {
		t.Errorf("Expected the target of the grant itself, got %v, %v", rrs, err)
	}
}

// What is true of a name of which the store has not spoken for long is not
// known: it is neither served nor denied.
func TestChainKeepsStaleNames(t *testing.T) {
	const owner = "_validation-persist.example.com."
	a, late := newChained(t), noon.Add(80*time.Hour)
	if r := a.Answer(ask(owner, dns.TypeTXT), late); r.Outcome != answer.Stale {
		t.Errorf("Expected SERVFAIL, got %+v", r)
	}
	if r := a.Answer(ask(owner, dns.TypeNSEC), late); r.Outcome != answer.Denial || !slices.Contains(nsecs(r)[0].TypeBitMap, dns.TypeTXT) {
		t.Errorf("Expected the name to keep its type, got %+v", r)
	}
	if r := a.Answer(ask("b.example.com.", dns.TypeTXT), late); r.Outcome != answer.NoData {
		t.Errorf("Expected an empty non-terminal to answer, got %+v", r)
	}
}

// A secondary that is cut off serves what it has up to SOA EXPIRE. Until then
// validators take all of it, and judge by persistUntil what is still in force.
func TestNoSignatureEndsBeforeASecondaryGivesUp(t *testing.T) {
	a := answer.NewChained(newChainedZone(t, origin), new(answer.Serial))
	until := noon.Add(time.Hour)
	d := policytest.Standard().Account(`"domains": {"example.com": {"until": "` + until.Format(time.RFC3339) + `"}, "b.example.com": {}}`)
	a.Update(book(d, noon), newKeys(t, dns.ECDSAP256SHA256))
	for at := noon; at.Before(until); at = at.Add(10 * time.Minute) {
		rrs, _, err := a.Transfer(at)
		if err != nil {
			t.Fatal(err)
		}
		expire := rrs[0].(*dns.SOA).Expire
		last := at.Add(time.Duration(expire) * time.Second)
		for _, rr := range rrs {
			sig, ok := rr.(*dns.RRSIG)
			if ok && !sig.ValidityPeriod(last.Add(time.Duration(sig.OrigTtl)*time.Second)) {
				t.Errorf("At %v: %v expires before %v", at, sig, last)
			}
		}
	}
}

// Queries overtake each other between the clock and the answer, and one that was
// overtaken does not bring a version back that is over.
func TestAQueryThatWasOvertakenChangesNoVersion(t *testing.T) {
	a := newChained(t)
	serial, due, err := a.Renew(noon)
	if err != nil {
		t.Fatal(err)
	}
	for due.Before(noon.Add(2 * 24 * time.Hour)) {
		if _, _, err := a.Transfer(due.Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		before, at := serial, due
		if serial, due, err = a.Renew(at); err != nil {
			t.Fatal(err)
		}
		a.Answer(ask(granted, dns.TypeTXT), at.Add(-time.Millisecond))
		if _, now, err := a.Transfer(at.Add(time.Millisecond)); err != nil || now != serial {
			t.Fatalf("At %v version %d, which came after %d, became %d (%v)", at, serial, before, now, err)
		}
	}
}

func TestAClockThatWasSetBackIsFollowed(t *testing.T) {
	a := newChained(t)
	if _, _, err := a.Renew(noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, due, err := a.Renew(noon)
	if err != nil || due.After(noon.Add(15*time.Minute)) {
		t.Errorf("The next version is due at %v (%v)", due, err)
	}
}

// Nor does one that began with the policy of before.
func TestAQueryThatAnUpdateOvertookChangesNoVersion(t *testing.T) {
	a := newChained(t)
	var want uint32
	update := func() {
		a.Update(book(documents().Account(`"domains": {"example.com": {}}`), noon), newKeys(t, dns.ECDSAP256SHA256))
		_, serial, err := a.Transfer(noon)
		if err != nil {
			t.Fatal(err)
		}
		want = serial
	}
	if _, _, err := a.Renew(noon); err != nil {
		t.Fatal(err)
	}
	a.AnswerLate(ask(granted, dns.TypeTXT), noon, update)
	if _, got, err := a.Transfer(noon); err != nil || got != want {
		t.Errorf("Version %d became %d (%v)", want, got, err)
	}
}
