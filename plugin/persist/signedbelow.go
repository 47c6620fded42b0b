package persist

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/nonwriter"

	"github.com/miekg/dns"
)

// refuseSignedBelow refuses an overlay where the plugin after persist signs
// the zone by itself: the names that persist adds would stand unsigned in a
// signed zone, and its denials would deny them.
func (p *Persist) refuseSignedBelow() error {
	for _, origin := range p.origins {
		if servesDNSKEY(p.Next, origin) {
			return fmt.Errorf("the plugin after persist serves a DNSKEY for %s, so what an overlay adds to it would be bogus: "+
				"delegate %s%s and serve that zone with keys of its own, or let the dnssec plugin sign an unsigned file", origin, "_validation-persist.", origin)
		}
	}
	return nil
}

// servesDNSKEY asks next, which may have to ask another server, for a moment.
func servesDNSKEY(next plugin.Handler, origin string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	nw := nonwriter.New(nobody{})
	_, err := next.ServeDNS(ctx, nw, new(dns.Msg).SetQuestion(origin, dns.TypeDNSKEY))
	return err == nil && nw.Msg != nil && has(nw.Msg.Answer, dns.TypeDNSKEY)
}

// nobody is the client of a question that the server asks itself.
type nobody struct{ dns.ResponseWriter }

func (nobody) LocalAddr() net.Addr  { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53} }
func (nobody) RemoteAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)} }
