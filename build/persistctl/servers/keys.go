package servers

import (
	"context"
	"fmt"

	"github.com/miekg/dns"
)

// KeyAnswer is what one server of a zone says of its DNSKEY RRset.
type KeyAnswer struct {
	Server     string       // NAME (IP:PORT), or IP:PORT
	Keys       []dns.RR     // *dns.DNSKEY
	Signatures []*dns.RRSIG // over Keys
	Err        error        // why there is no answer, nil if there is one
}

// Keys returns the answer of every address of every server of zone, in the order
// of their names. It fails where it cannot find them.
func (f Finder) Keys(ctx context.Context, zone string) ([]KeyAnswer, error) {
	zone = dns.CanonicalName(zone)
	all, err := f.own(ctx, zone)
	if err != nil {
		return nil, fmt.Errorf("the servers of %s: %w", zone, err)
	}
	return askAll(ctx, all, func(ctx context.Context, s server) KeyAnswer {
		a := KeyAnswer{Server: s.String()}
		query := plain(zone, dns.TypeDNSKEY)
		query.IsEdns0().SetDo()
		var reply *dns.Msg
		a.Err = f.Quiet.ask(s, func() (err error) {
			reply, err = authoritative(ctx, "udp", query, s.address, "the zone")
			return err
		})
		if a.Err == nil {
			a.read(reply, zone)
		}
		return a
	})
}

// read takes the DNSKEY RRset of zone and its signatures from a reply.
func (a *KeyAnswer) read(reply *dns.Msg, zone string) {
	for _, rr := range reply.Answer {
		if dns.CanonicalName(rr.Header().Name) != zone {
			continue
		}
		switch rr := rr.(type) {
		case *dns.DNSKEY:
			a.Keys = append(a.Keys, rr)
		case *dns.RRSIG:
			if rr.TypeCovered == dns.TypeDNSKEY {
				a.Signatures = append(a.Signatures, rr)
			}
		}
	}
}
