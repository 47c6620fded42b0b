package persist

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin"

	"github.com/miekg/dns"
)

// signer is a plugin that serves every name as a signed zone of its own, as may
// somebody to whom a name below an overlay is delegated. It counts who asks.
func signer(asked map[string]int) plugin.Handler {
	return plugin.HandlerFunc(func(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
		asked[r.Question[0].Name]++
		m := new(dns.Msg).SetReply(r)
		m.Answer = []dns.RR{&dns.DNSKEY{Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET}}}
		return dns.RcodeSuccess, w.WriteMsg(m)
	})
}

// Neither whoever can make up zones under an overlay nor years of edits take memory
// or log without bound, or have zones that are asked for looked at again.
func TestZonesUnderAnOverlayAreRememberedWithinBounds(t *testing.T) {
	setClock(t, noon)
	asked, said := map[string]int{}, listen(t)
	l, next := newLowers(), signer(asked)
	for i := range 3 * keptLowers {
		if !l.signed(next, fmt.Sprintf("n%d.example.com.", i)) || !l.signed(next, "example.com.") {
			t.Fatal("Expected every zone to be found signed by whoever asks first")
		}
	}
	if n := l.byApex.Len(); n > keptLowers {
		t.Errorf("Expected %d zones to be remembered at most, got %d", keptLowers, n)
	}
	if n := strings.Count(said.String(), "now serves a DNSKEY"); n == 0 || n > 2*mostTold {
		t.Errorf("Expected the log to name a few of them, got %d lines", n)
	}
	if asked["example.com."] != 1 {
		t.Errorf("Expected a zone that is asked for to be looked at once in a minute, got %d times", asked["example.com."])
	}
}
