package answer_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/miekg/dns"
)

// targetStanding is what the rules say of a name in a zone of targets, where an
// owner is the name validated itself and stands above others.
func (r rules) targetStanding(name string) standing {
	fqdn := strings.TrimSuffix(strings.TrimSuffix(name, "."+origin), ".")
	if len(fqdn) > 152 { // it stands at its alias, if it is granted
		return missing
	}
	if s := r.ownerOf(fqdn); s != missing {
		return s
	}
	for granted := range r.granted {
		if strings.HasSuffix(granted, "."+fqdn) {
			return bare
		}
	}
	return missing
}

// Names of subtrees are targets as listed ones are: each answer is what the rules
// say, validates, and no NSEC record denies a target or a type of one.
func TestSubtreesInZonesOfTargetsFollowTheRules(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	kinds := map[standing]int{}
	for range 150 {
		d, r := randomSubtrees(random)
		p := picture{a: compactTargets(t), d: d, keys: newKeys(t, dns.ED25519), v: validator.New(), at: noon}
		p.a.Update(book(d, noon), p.keys)
		keys := p.dnskey(t)
		names, proofs := map[string][]uint16{origin: {dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY}}, []*dns.NSEC{}
		for range 80 {
			q := randomQuestion(random)
			q.Name, q.DO = randomBelow(random)+origin, true
			if _, ok := dns.IsDomainName(q.Name); !ok || len(q.Name) > 254 {
				continue
			}
			want, resp := r.targetStanding(q.Name), p.a.Answer(q, noon)
			kinds[want]++
			checkKind(t, q, resp, want)
			p.validate(t, q, resp, keys)
			if want == recorded && q.Type == dns.TypeTXT {
				checkBound(t, strings.TrimSuffix(q.Name, origin), resp.Answer)
			}
			proofs = append(proofs, nsecs(resp)...)
			want.note(names, q.Name)
		}
		for _, n := range proofs {
			contradicts(t, n, names, noon)
		}
	}
	if kinds[missing] < 500 || kinds[bare] < 200 || kinds[recorded] < 200 {
		t.Errorf("Names of each kind: %v: that shows little", kinds)
	}
}
