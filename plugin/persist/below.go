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

// refuseHidden refuses a zone that a plugin after persist has the data of: none
// of its other names would be found any more.
func (p *Persist) refuseHidden(server *dnsserver.Config) error {
	for _, name := range []string{"file", "auto", "secondary"} {
		if server.Handler(name) == nil {
			continue
		}
		for _, origin := range p.origins {
			m := inquire(p.Next, origin, dns.TypeSOA)
			switch {
			case m == nil || !m.Authoritative || !has(m.Answer, dns.TypeSOA):
			case p.config.targets:
				return fmt.Errorf("the %s plugin of the same server block serves %s too, and would never be asked: give targets a zone that nobody else serves, and delegate that", name, origin)
			default:
				return fmt.Errorf("the %s plugin of the same server block serves %s too, and would never be asked: write fallthrough for an overlay over it, "+
					"or serve the zone %s%s instead and delegate that", name, origin, "_validation-persist.", origin)
			}
		}
	}
	return nil
}

// moment is how long persist waits for what it asks the next plugin.
const moment = 2 * time.Second

// inquire asks next, which may have to ask another server, for a moment. It
// returns nil where there is no answer.
func inquire(next plugin.Handler, name string, rrtype uint16) *dns.Msg {
	ctx, cancel := context.WithTimeout(context.Background(), moment)
	defer cancel()
	nw := nonwriter.New(nobody{})
	if _, err := next.ServeDNS(ctx, nw, new(dns.Msg).SetQuestion(name, rrtype)); err != nil {
		return nil
	}
	return nw.Msg
}

// nobody is the client of a question that the server asks itself. It comes over
// TCP, so that no answer is too large for it.
type nobody struct{ dns.ResponseWriter }

func (nobody) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53} }
func (nobody) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
