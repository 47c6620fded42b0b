package answer_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/miekg/dns"
)

const (
	addressLabel = "_ip-validation-persist"
	reverse32    = "8.b.d.0.1.0.0.2.ip6.arpa." // of 2001:db8::/32
)

// prefixes are the rules of IP prefixes over a set of grants, by arithmetic on
// addresses: whether records of each are served.
type prefixes map[netip.Prefix]bool

// lengths are such that no two prefixes in each other have a reverse name in
// common, for that would have two entries of a document; most end at no nibble.
var lengths = []int{33, 38, 41, 46, 52, 59, 64, 67, 125, 128}

// randomPrefixes makes documents that grant prefixes near each other.
func randomPrefixes(random *rand.Rand) (policytest.Documents, prefixes) {
	p := prefixes{}
	var entries []string
	for range 1 + random.IntN(8) {
		prefix := netip.PrefixFrom(randomAddress(random), lengths[random.IntN(len(lengths))]).Masked()
		if _, twice := p[prefix]; !twice {
			p[prefix] = random.IntN(4) > 0
			entries = append(entries, fmt.Sprintf(`%q: {"enabled": %t}`, prefix, p[prefix]))
		}
	}
	d := policytest.Standard().With(policytest.Documents{"teams/web": `{"domains": ["2001:db8::/32"], "issuers": ["ca"], "subtree": true}`})
	return d.Account(`"domains": {` + strings.Join(entries, ", ") + `}`), p
}

// randomAddress is one of 2001:db8::/32, of bits that prefixes meet in.
func randomAddress(random *rand.Rand) netip.Addr {
	var octets [16]byte
	binary.BigEndian.PutUint32(octets[:], 0x20010db8)
	for _, i := range []int{4, 5, 6, 7, 8, 15} {
		octets[i] = []byte{0, 0, 0, 0x04, 0x81, 0xff}[random.IntN(6)]
	}
	return netip.AddrFrom16(octets)
}

// standingOf is what the rules say of a reverse name of n nibbles, those that the
// prefix has in front, or of the owner there.
func (p prefixes) standingOf(of netip.Prefix, owner bool) standing {
	closest, found := netip.Prefix{}, false
	above := false // of something granted
	for granted := range p {
		if granted.Bits() <= of.Bits() && granted.Contains(of.Addr()) && (!found || granted.Bits() > closest.Bits()) {
			closest, found = granted, true
		}
		above = above || granted.Bits() > of.Bits() && of.Contains(granted.Addr())
	}
	switch {
	case !owner && (found || above):
		return bare
	case owner && found && of.IsSingleIP() && p[closest]:
		return recorded
	case owner && (found && of.IsSingleIP() || p.written(of)):
		return bare
	}
	return missing
}

// written reports whether of is one of the reverse names that a prefix which ends
// within a nibble stands for.
func (p prefixes) written(of netip.Prefix) bool {
	for granted := range p {
		if (granted.Bits()+3)/4*4 == of.Bits() && granted.Contains(of.Addr()) {
			return true
		}
	}
	return false
}

// reverseOf is the reverse name of a prefix that ends at a nibble.
func reverseOf(of netip.Prefix) string {
	full, _ := dns.ReverseAddr(of.Addr().String())
	return full[2*(32-of.Bits()/4):]
}

// Random prefixes of IPv6 addresses, most of which end within a nibble, and random
// reverse names: each answer is what the rules say, validates in a second
// implementation, and no NSEC record denies a name or a type that the rules have exist.
func TestReverseNamesFollowTheRulesOfPrefixes(t *testing.T) {
	random := rand.New(rand.NewPCG(31, 32))
	kinds := map[standing]int{}
	for range 60 {
		d, r := randomPrefixes(random)
		p := picture{a: answer.New(newZone(t, reverse32, false), 1e6), d: d, keys: newKeys(t, dns.ED25519), v: validator.New(), at: noon}
		b := book(d, noon)
		if len(b.Rejections()) > 0 {
			t.Fatalf("%v: %v", d, b.Rejections())
		}
		p.a.Update(b, p.keys)
		keys := p.dnskey(t)
		names, proofs := map[string][]uint16{}, make([]*dns.NSEC, 0, 80)
		for range 80 {
			of := netip.PrefixFrom(randomAddress(random), 36+4*random.IntN(24)).Masked()
			if random.IntN(2) == 0 {
				of = netip.PrefixFrom(randomAddress(random), 128)
			}
			owner := random.IntN(3) > 0
			q := randomQuestion(random)
			if q.Name, q.DO = reverseOf(of), true; owner {
				q.Name = addressLabel + "." + q.Name
			}
			want, resp := r.standingOf(of, owner), p.a.Answer(q, noon)
			kinds[want]++
			if checkKind(t, q, resp, want); t.Failed() {
				t.Fatalf("%v, by %v", of, r)
			}
			p.validate(t, q, resp, keys)
			proofs = append(proofs, nsecs(resp)...)
			want.note(names, q.Name)
		}
		for _, n := range proofs {
			contradicts(t, n, names, noon)
		}
	}
	if kinds[missing] < 500 || kinds[bare] < 500 || kinds[recorded] < 200 {
		t.Errorf("Names of each kind: %v: that shows little", kinds)
	}
}
