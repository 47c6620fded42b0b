package persist

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
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

// refuseHidden refuses a zone that a plugin after persist has the data of: none
// of its other names would be found any more.
func (p *Persist) refuseHidden(server *dnsserver.Config) error {
	for _, name := range []string{"file", "auto", "secondary"} {
		if server.Handler(name) == nil {
			continue
		}
		for _, origin := range p.origins {
			if m := inquire(p.Next, origin, dns.TypeSOA); m != nil && m.Authoritative && has(m.Answer, dns.TypeSOA) {
				return fmt.Errorf("the %s plugin of the same server block serves %s too, and would never be asked: write fallthrough for an overlay over it, "+
					"or serve the zone %s%s instead and delegate that", name, origin, "_validation-persist.", origin)
			}
		}
	}
	return nil
}

func servesDNSKEY(next plugin.Handler, origin string) bool {
	m := inquire(next, origin, dns.TypeDNSKEY)
	return m != nil && has(m.Answer, dns.TypeDNSKEY)
}

// inquire asks next, which may have to ask another server, for a moment. It
// returns nil where there is no answer.
func inquire(next plugin.Handler, name string, rrtype uint16) *dns.Msg {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	nw := nonwriter.New(nobody{})
	if _, err := next.ServeDNS(ctx, nw, new(dns.Msg).SetQuestion(name, rrtype)); err != nil {
		return nil
	}
	return nw.Msg
}

// nobody is the client of a question that the server asks itself.
type nobody struct{ dns.ResponseWriter }

func (nobody) LocalAddr() net.Addr  { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53} }
func (nobody) RemoteAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)} }
