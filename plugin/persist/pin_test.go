package persist

import (
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// A reload goes on from what is loaded, but for a store that is not meant any
// more.
func TestReloadTakesNothingOverFromAStoreThatIsNotPinned(t *testing.T) {
	impatient(t)
	setClock(t, noon)
	site := newSite(t, documents().With(policytest.Documents{"config": `{"schema": 1, "store_id": "prod", "generation": 3}`}))
	s := start(t, block(site.stanza()))
	for _, c := range []struct {
		pin   string
		taken bool
	}{{"store prod", true}, {"store prod 3", true}, {"store prod 4", false}, {"store prod 2", true}, {"store lab", false}} {
		if err := s.reload(t, block(site.stanza(c.pin))); err != nil {
			t.Fatal(err)
		}
		if c.taken {
			rescan(t) // where nothing was taken over before
		}
		if c.taken && !served(t, s, "example.com") {
			t.Errorf("%s: expected what is loaded to be served", c.pin)
		}
		if !c.taken {
			expectSilence(t, s, c.pin, dns.ExtendedErrorCodeNotReady)
		}
		if isReady() != c.taken {
			t.Errorf("%s: expected to be ready %t", c.pin, c.taken)
		}
	}
}
