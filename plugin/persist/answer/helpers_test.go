package answer_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

const origin = "example.com."

// noon is when the documents of these tests are confirmed.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// documents grant a name at the top of the zone and one three labels down; a
// third is disabled.
func documents() policytest.Documents {
	return policytest.Standard().Account(`"domains": {"example.com": {"wildcard": true}, "a.b.example.com": {}, "off.example.com": {"enabled": false}}`)
}

func book(d policytest.Documents, confirmed time.Time) *policy.Book {
	return policy.Compile(nil, d.Snapshot(1, confirmed), policy.Brakes{})
}

func newZone(tb testing.TB, name string, overlay bool) *zone.Zone {
	tb.Helper()
	c := zone.Config{Origin: name, Overlay: overlay, NS: []string{"ns1.example.net"}, TTL: 300, Grace: time.Hour, MaxStale: 72 * time.Hour}
	z, err := zone.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

// newKeys makes the same keys whenever it is called with the same algorithm.
func newKeys(tb testing.TB, algorithm uint8) *dnssec.KeySet {
	tb.Helper()
	raw, err := dnssec.GenerateKeys("test", algorithm, noon.Add(-24*time.Hour), rand.NewChaCha8([32]byte{algorithm}))
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := dnssec.ParseKeys(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

// newAuthority answers for example.com from documents confirmed at noon.
func newAuthority(tb testing.TB) *answer.Authority {
	tb.Helper()
	a := answer.New(newZone(tb, origin, false), 1000)
	a.Update(book(documents(), noon), newKeys(tb, dns.ECDSAP256SHA256))
	return a
}

func ask(name string, qtype uint16) answer.Query {
	return answer.Query{Name: name, Type: qtype, DO: true}
}

// rrset is the records of one owner and type, with the signatures over them.
type rrset struct {
	rrs  []dns.RR
	sigs []*dns.RRSIG
}

// split groups the records of a section. It fails where a signature does not
// follow its RRset.
func split(t *testing.T, section []dns.RR) []rrset {
	t.Helper()
	var sets []rrset
	for _, rr := range section {
		h := rr.Header()
		last := len(sets) - 1
		if sig, ok := rr.(*dns.RRSIG); ok && last >= 0 {
			of := sets[last].rrs[0].Header()
			if of.Name != h.Name || of.Rrtype != sig.TypeCovered {
				t.Errorf("Signature does not follow its RRset: %v", sig)
			}
			sets[last].sigs = append(sets[last].sigs, sig)
			continue
		}
		if last >= 0 && sets[last].rrs[0].Header().Name == h.Name && sets[last].rrs[0].Header().Rrtype == h.Rrtype {
			sets[last].rrs = append(sets[last].rrs, rr)
			continue
		}
		sets = append(sets, rrset{rrs: []dns.RR{rr}})
	}
	return sets
}

// verify holds every RRset of the response against the DNSKEY RRset of the
// same instant, with the verifier of miekg/dns.
func verify(t *testing.T, a *answer.Authority, r answer.Response, at time.Time) {
	t.Helper()
	keys := a.Answer(ask(origin, dns.TypeDNSKEY), at).Answer
	for _, set := range slices.Concat(split(t, r.Answer), split(t, r.Authority)) {
		verifySet(t, set, keys, at)
	}
}

func verifySet(t *testing.T, set rrset, keys []dns.RR, at time.Time) {
	t.Helper()
	first := set.rrs[0].Header()
	if first.Rrtype == dns.TypeRRSIG {
		return // asked for by type: there is no RRset to verify
	}
	if len(set.sigs) != 1 {
		t.Fatalf("Expected one signature, got %d over %v", len(set.sigs), set.rrs)
	}
	sig := set.sigs[0]
	role := uint16(dns.ZONE)
	switch first.Rrtype {
	case dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY: // RFC 7344 section 4.1
		role |= dns.SEP
	}
	verified := false
	for _, rr := range keys {
		if key, ok := rr.(*dns.DNSKEY); ok && key.Flags == role && key.KeyTag() == sig.KeyTag {
			if err := sig.Verify(key, set.rrs); err != nil {
				t.Errorf("%v over %v: %v", sig, set.rrs, err)
			}
			verified = true
		}
	}
	switch {
	case !verified:
		t.Errorf("No key with the flags %d and the tag of %v", role, sig)
	case !sig.ValidityPeriod(at) || !sig.ValidityPeriod(at.Add(time.Duration(first.Ttl)*time.Second)):
		t.Errorf("At %v: %v is not valid for a TTL", at, sig)
	case sig.OrigTtl != first.Ttl || sig.Hdr.Ttl != first.Ttl:
		t.Errorf("TTL of %v differs from its RRset's, %d", sig, first.Ttl)
	case !sig.ValidityPeriod(at.Add(-time.Hour)):
		t.Errorf("At %v: %v is bogus for a clock one hour behind", at, sig)
	}
}

// nsecs are the NSEC records of a response.
func nsecs(r answer.Response) []*dns.NSEC {
	var list []*dns.NSEC
	for _, rr := range slices.Concat(r.Answer, r.Authority) {
		if n, ok := rr.(*dns.NSEC); ok {
			list = append(list, n)
		}
	}
	return list
}

// has reports whether there is a record of the type.
func has(section []dns.RR, rrtype uint16) bool {
	return slices.ContainsFunc(section, func(rr dns.RR) bool { return rr.Header().Rrtype == rrtype })
}

// longName is a name of n octets in wire form below the zone.
func longName(n int) string {
	name := origin
	for left := n - 13; left > 0; { // 13 octets are example.com.
		label := min(left-1, 63)
		if left-1-label == 1 {
			label-- // a label has at least one octet besides its length
		}
		name = strings.Repeat("x", label) + "." + name
		left -= label + 1
	}
	return name
}
