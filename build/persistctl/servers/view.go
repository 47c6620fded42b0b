package servers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// View is what one party says of an RRset.
type View struct {
	Server string   // NAME (IP:PORT), or IP:PORT; the name alone of a server whose addresses are not known
	RRs    []dns.RR // the RRset; empty: there is none
	Alias  string   // the name that a CNAME record there leads to; empty: there is none
	Secure bool     // it validates
	Err    error    // why there is no answer, nil if there is one
	Bogus  error    // why a validating resolver would not take the answer, nil if it would
	TCP    error    // why there is no answer over TCP where there is one over UDP
}

// Views returns what every server says of the RRset with a name and type: every
// address of every server in the NS RRset that the resolver has of the zone and in
// those that the servers of the parent have, or those of f.Own. It returns the
// delegation too, which is nil where f.Own is given. Signatures are held against the DNSKEY RRset that the resolver
// validates, at the instant at. It fails where it cannot find the servers.
//
// The resolver is asked for names and addresses without validation, so that the
// servers of a zone that does not validate can be asked too. Where it has no answer
// of the zone at all, which is so below a lame delegation, those that the parent
// delegates to are asked all the same.
func (f Finder) Views(ctx context.Context, name string, qtype uint16, at time.Time) ([]View, *Delegation, error) {
	name = dns.CanonicalName(name)
	r, err := f.resolver()
	if err != nil {
		return nil, nil, err
	}
	zone, silent, err := r.zoneOf(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	all, unknown, d, err := f.serving(ctx, r, zone, silent)
	if err != nil {
		return nil, nil, err
	}
	held := trust{zone: zone}
	if silent == nil {
		if held, err = r.trust(ctx, zone); err != nil {
			return nil, d, err
		}
	}
	views, err := askAll(ctx, all, func(ctx context.Context, s server) View {
		return s.view(ctx, name, qtype, zone, held, at)
	})
	return append(views, unknown...), d, err
}

// serving returns the addresses of the servers of zone, a view for each server
// without any, and who names them. Where the resolver has no answer of the zone, for
// the reason silent, that is the parent alone.
func (f Finder) serving(ctx context.Context, r resolver, zone string, silent error) (all []server, unknown []View, d *Delegation, err error) {
	if len(f.Own) > 0 {
		return f.without(given(f.Own)), nil, nil, nil
	}
	own := r.looseAnswer
	if silent != nil {
		own = func(context.Context, string, uint16) ([]dns.RR, error) { return nil, nil }
	}
	said, err := f.delegation(ctx, zone, own)
	if err != nil {
		return nil, nil, nil, err
	}
	names := said.servers()
	switch {
	case len(names) == 0 && silent != nil:
		return nil, nil, nil, silent
	case len(names) == 0:
		return nil, nil, nil, fmt.Errorf("the resolver %s has no NS RRset of %s", r, zone)
	}
	for _, name := range names {
		if f.leavesOut(name) {
			continue
		}
		addresses, err := r.addressesBy(ctx, name, f.IPv4, r.looseAnswer)
		stale := said.glued(name, addresses, f.IPv4)
		if err != nil && len(stale) == 0 {
			unknown = append(unknown, View{Server: name, Err: err})
		}
		for _, address := range slices.Concat(addresses, stale) {
			all = append(all, f.found(name, address))
		}
	}
	return f.without(all), unknown, &said, nil
}

// view asks one server over UDP, and once more over TCP.
func (s server) view(ctx context.Context, name string, qtype uint16, zone string, trust trust, at time.Time) View {
	v := View{Server: s.String()}
	query := plain(name, qtype)
	query.IsEdns0().SetDo()
	reply, err := said(ctx, "udp", query, s.address, zone)
	if err != nil {
		v.Err = err
		return v
	}
	_, v.TCP = once(ctx, "tcp", query, s.address)
	v.read(reply, name, qtype)
	v.Bogus = trust.check(reply, name, at)
	v.Secure = v.Bogus == nil && trust.secure
	return v
}

// read takes the RRset from the answer section of a server.
func (v *View) read(reply *dns.Msg, name string, qtype uint16) {
	for _, rr := range reply.Answer {
		if dns.CanonicalName(rr.Header().Name) != name {
			continue
		}
		if alias, ok := rr.(*dns.CNAME); ok && qtype != dns.TypeCNAME {
			v.Alias = dns.CanonicalName(alias.Target)
		}
		if rr.Header().Rrtype == qtype {
			v.RRs = append(v.RRs, rr)
		}
	}
}
