package servers

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// DSAnswer is what one server of the parent says of the zone's DS RRset.
type DSAnswer struct {
	Server string    // NAME (IP:PORT), or IP:PORT
	DS     []*dns.DS // none: the server says that there are none
	TTL    time.Duration
	Err    error // why there is no answer, nil if there is one
}

// DS returns the answer of every address of every server of the parent of zone,
// in the order of their names. They are asked over TCP, because keys go by what
// they say, and an answer over UDP is easily forged. It fails where it cannot find
// them.
func (f Finder) DS(ctx context.Context, zone string) ([]DSAnswer, error) {
	zone = dns.CanonicalName(zone)
	all, err := f.parents(ctx, zone)
	if err != nil {
		return nil, fmt.Errorf("the servers of the parent of %s: %w", zone, err)
	}
	return askAll(ctx, all, func(ctx context.Context, s server) DSAnswer {
		a := DSAnswer{Server: s.String()}
		var reply *dns.Msg
		a.Err = f.Quiet.ask(s, func() (err error) {
			reply, err = authoritative(ctx, "tcp", plain(zone, dns.TypeDS), s.address, "the parent")
			return err
		})
		if a.Err == nil {
			a.read(reply, zone)
		}
		return a
	})
}

// read takes the DS RRset of zone from a reply.
func (a *DSAnswer) read(reply *dns.Msg, zone string) {
	for _, rr := range reply.Answer {
		if ds, ok := rr.(*dns.DS); ok && dns.CanonicalName(ds.Hdr.Name) == zone {
			a.DS = append(a.DS, ds)
			a.TTL = max(a.TTL, time.Duration(ds.Hdr.Ttl)*time.Second)
		}
	}
}
