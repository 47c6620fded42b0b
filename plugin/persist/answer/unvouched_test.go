package answer_test

import (
	"slices"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// A name that exists without a grant, but could have one, as the apex of a zone of
// one name and a name above a target, may have it by now when the listing is old.
// Its TXT records are then not denied, neither by type nor in a bitmap; all else
// is answered, for resolvers on their way down (RFC 9156).
func TestNamesThatMayBeGrantedByNowAreNotDenied(t *testing.T) {
	const apex = "_validation-persist.example.com."
	for what, c := range map[string]struct {
		a      *answer.Authority
		name   string
		proves bool // whether there is an NSEC record of the name itself
	}{
		"compact targets": {compactTargets(t), "example.com." + origin, true},
		"nsec targets":    {chainedTargets(t), "example.com." + origin, true},
		"compact apex":    {answer.New(newZone(t, apex, false), 1000), apex, true},
		"nsec apex":       {answer.NewChained(newChainedZone(t, apex), new(answer.Serial)), apex, true},
	} {
		keys := newKeys(t, dns.ED25519)
		for _, old := range []bool{false, true} {
			s := policytest.Standard().Account(`"domains": {"www.example.com": {}}`).Snapshot(1, noon)
			want := answer.NoData
			if old {
				s.Listed["accounts/web"] = noon.Add(-73 * time.Hour)
				want = answer.Stale
			}
			c.a.Update(policy.Compile(nil, s, policy.Brakes{}), keys)
			if r := c.a.Answer(ask(c.name, dns.TypeTXT), noon); r.Outcome != want {
				t.Errorf("%s, old %t: expected %s, got %+v", what, old, want, r)
			}
			r := c.a.Answer(ask(c.name, dns.TypeA), noon)
			if r.Outcome != answer.NoData {
				t.Errorf("%s, old %t: expected NODATA for another type, got %+v", what, old, r)
			}
			for _, n := range nsecs(r) {
				if n.Hdr.Name == c.name && c.proves && slices.Contains(n.TypeBitMap, dns.TypeTXT) != old {
					t.Errorf("%s, old %t: expected the bit of TXT to be %t, got %v", what, old, old, n)
				}
			}
		}
	}
}
