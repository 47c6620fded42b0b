package servers

import (
	"cmp"
	"context"
	"fmt"

	"github.com/miekg/dns"
)

// loose asks a resolver for what there is, whether it validates or not (RFC 4035
// section 3.2.2).
func (r resolver) loose(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	query := new(dns.Msg).SetQuestion(name, qtype).SetEdns0(payload, false)
	query.CheckingDisabled = true
	return r.reply(ctx, query)
}

// reply returns an answer of the resolver, which may be that there is no such name.
func (r resolver) reply(ctx context.Context, query *dns.Msg) (*dns.Msg, error) {
	reply, err := exchange(ctx, "udp", query, string(r))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the resolver %s: %w", r, err)
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		q := query.Question[0]
		return reply, fmt.Errorf("the resolver %s answers %s for %s %s%s", r, dns.RcodeToString[reply.Rcode], q.Name, dns.Type(q.Qtype), extended(reply))
	}
	return reply, nil
}

// zoneOf returns the apex of the zone that a name lies in: the owner of the SOA record
// by which the resolver denies a CNAME record there. A name that has one is no apex,
// so its zone is that of the name above.
//
// Where the resolver answers SERVFAIL and has an answer for a name above, silent is
// that SERVFAIL, and the zone is the highest for which it is given: a cut whose
// servers answer the resolver nothing that it can use.
func (r resolver) zoneOf(ctx context.Context, name string) (zone string, silent, err error) {
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		reply, err := r.loose(ctx, name[off:], dns.TypeCNAME)
		switch {
		case reply == nil || err != nil && reply.Rcode != dns.RcodeServerFailure:
			return "", nil, err
		case err != nil:
			zone, silent = name[off:], err
			continue
		case len(reply.Answer) > 0:
			continue
		}
		if apex := apexIn(reply); apex != "" {
			return cmp.Or(zone, apex), silent, nil
		}
	}
	if silent != nil {
		return "", nil, silent
	}
	return "", nil, fmt.Errorf("the resolver %s gives no SOA record for %s", r, name)
}

// apexIn is the owner of the SOA record by which a reply denies, empty without one.
func apexIn(reply *dns.Msg) string {
	for _, rr := range reply.Ns {
		if rr.Header().Rrtype == dns.TypeSOA {
			return dns.CanonicalName(rr.Header().Name)
		}
	}
	return ""
}

// looseAnswer is the answer section of loose.
func (r resolver) looseAnswer(ctx context.Context, name string, qtype uint16) ([]dns.RR, error) {
	reply, err := r.loose(ctx, name, qtype)
	if err != nil {
		return nil, err
	}
	return reply.Answer, nil
}
