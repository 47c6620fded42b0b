package answer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/miekg/dns"
)

// Names of a team whose folder nobody has listed lately are not denied with others,
// and all that is denied without them is.
func TestProofsThatWouldDenyNamesOfAnOldListingAreWithheld(t *testing.T) {
	a := answer.NewChained(newChainedZone(t, origin), new(answer.Serial))
	a.Update(crossed(noon.Add(-72*time.Hour)), newKeys(t, dns.ED25519))
	for name, want := range map[string]answer.Outcome{
		"d.example.com.":                       answer.NXDomain, // c to e
		"f.example.com.":                       answer.Stale,    // e to k.m
		"m.example.com.":                       answer.NoData,
		"a.m.example.com.":                     answer.Stale,
		"n.example.com.":                       answer.Stale, // k.m to t
		"v.t.example.com.":                     answer.Stale, // the wildcard *.t is before t
		"w.u.t.example.com.":                   answer.NXDomain,
		"y.example.com.":                       answer.NXDomain, // x to the end
		"_validation-persist.off.example.com.": answer.Stale,    // k.m to t
		"_validation-persist.d.example.com.":   answer.NXDomain,
		"a._validation-persist.x.example.com.": answer.NXDomain,
		"_validation-persist._validation-persist.t.example.com.": answer.NXDomain,
	} {
		r := a.Answer(ask(name, dns.TypeTXT), noon)
		if r.Outcome != want || want == answer.Stale && (r.Rcode != dns.RcodeServerFailure || r.EDE == nil) {
			t.Errorf("%s: expected %s, got %+v", name, want, r)
		}
	}
	if r := a.Answer(answer.Query{Name: "f.example.com.", Type: dns.TypeTXT}, noon); r.Outcome != answer.NXDomain {
		t.Errorf("Expected an answer without a proof to be given, got %+v", r)
	}
}

// crossed is of three teams, of which one, with m.example.com, was listed at an
// instant and the others at noon.
func crossed(listed time.Time) *policy.Book {
	s := policytest.Standard().With(policytest.Documents{
		"teams/ops":         `{"domains": ["m.example.com"], "issuers": ["ca"]}`,
		"teams/dev":         `{"domains": ["t.example.com"], "issuers": ["ca"]}`,
		"accounts/ops/ca/a": `{"account_uri": "https://ca.example/acct/1", "domains": {"k.m.example.com": {}}}`,
		"accounts/dev/ca/a": `{"account_uri": "https://ca.example/acct/2", "domains": {"t.example.com": {}, "u.t.example.com": {}}}`,
	}).Account(`"domains": {"example.com": {}, "c.example.com": {}, "e.example.com": {}, "x.example.com": {}, "off.example.com": {"enabled": false}}`).Snapshot(1, noon)
	s.Listed["accounts/ops"] = listed
	return policy.Compile(nil, s, policy.Brakes{})
}

// claims are the suffixes that teams claim, with the team: the model of who may
// grant a name. No two teams claim the same.
type claims map[string]string

// randomTeams adds teams to d, which has one, inside its suffix and elsewhere.
func randomTeams(random *rand.Rand, d policytest.Documents) (policytest.Documents, claims) {
	c := claims{"example.com": "web"}
	for _, slug := range []string{"ops", "dev", "lab"} {
		s := randomName(random) + []string{"example.com", "example.com", "example.net"}[random.IntN(3)]
		if c[s] != "" {
			continue
		}
		c[s] = slug
		d = d.With(policytest.Documents{
			"teams/" + slug: fmt.Sprintf(`{"domains": [%q], "issuers": ["ca"]}`, s),
			"accounts/" + slug + "/ca/a": fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%s", "domains": {%q: {}, %q: {}}}`,
				slug, "a."+randomName(random)+s, "b."+randomName(random)+s),
		})
	}
	return d, c
}

// owner is the team that may grant name: the one with the longest suffix.
func (c claims) owner(name string) string {
	for up, ok := name, true; ok; _, up, ok = strings.Cut(up, ".") {
		if c[up] != "" {
			return c[up]
		}
	}
	return ""
}

// unlisted are the owners of names that may be granted by now, for all that a server
// knows: those without a grant of a team that was not listed lately.
func (p *picture) unlisted(b *policy.Book, confirmed time.Time) []string {
	var owners []string
	for _, fqdn := range candidates {
		listed := confirmed
		if p.old[p.claims.owner(string(fqdn))] {
			listed = longAgo
		}
		owner, ok := p.a.Zone().Owner(fqdn)
		if ok && p.at.Sub(listed) >= 72*time.Hour && len(b.Lookup(fqdn)) == 0 {
			owners = append(owners, owner)
		}
	}
	return owners
}

var longAgo = noon.Add(-1000 * time.Hour)

// candidates are names that a team could grant, some of them too long to be targets.
var candidates = func() (all []record.FQDN) {
	long := strings.Repeat("l", 60) + "." + strings.Repeat("l", 60) + "." + strings.Repeat("l", 40) + "."
	labels := []string{"", "a.", "b.", "a-b.", "zz.", "0.", "zzz."}
	for _, s := range []string{"example.com", "example.net"} {
		for _, first := range labels {
			for _, second := range labels {
				if second != "" || first == "" {
					all = append(all, record.FQDN(first+second+s), record.FQDN(long+first+second+s))
				}
			}
		}
	}
	return all
}()

// checkUnlisted checks that an answer denies no owner that may have a record by now:
// neither does its code, nor an NSEC record to resolvers that go on by themselves
// (RFC 8020, RFC 8198).
func (p *picture) checkUnlisted(t *testing.T, q answer.Query, r answer.Response, owners []string) {
	t.Helper()
	for _, owner := range owners {
		if r.Outcome == answer.NXDomain && dns.IsSubDomain(q.Name, owner) {
			t.Errorf("At %v: %+v is NXDOMAIN, and %s may be granted by now, %v with %v not listed", p.at, q, owner, p.claims, p.old)
		}
		for _, n := range nsecs(r) {
			if validator.Covers(n, owner) || n.Hdr.Name == owner && !slices.Contains(n.TypeBitMap, dns.TypeTXT) {
				t.Errorf("At %v: the answer to %+v has %v, and %s may be granted by now, %v with %v not listed", p.at, q, n, owner, p.claims, p.old)
			}
		}
	}
}
