package answer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
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
