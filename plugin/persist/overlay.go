package persist

import (
	"context"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/nonwriter"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

// serveOverlay answers a query inside a zone that the next plugin serves: the
// granted names are ours, everything else is handed on. The next plugin is
// asked first, because names below its delegations and DNAMEs are not ours and
// because negative answers carry its SOA.
func (p *Persist) serveOverlay(ctx context.Context, a *answer.Authority, state request.Request) (int, error) {
	if _, refused := refuse(state.Req); refused {
		return p.next(ctx, state.W, state.Req)
	}
	below, rcode, err := p.ask(ctx, state)
	if below == nil {
		return rcode, err
	}
	q := query(ctx, state)
	resp, claim := a.Overlay(q, p.now())
	theirs := claim == answer.Theirs || claim == answer.Exists && below.Rcode != dns.RcodeNameError
	if theirs || delegated(below, state.Name()) {
		return dns.RcodeSuccess, state.W.WriteMsg(below)
	}
	if resp.Outcome == answer.NoData {
		resp.Authority = p.soaOf(ctx, a.Zone().Origin, state, below)
	}
	return p.reply(ctx, a, state, q, resp)
}

// ask returns what the next plugin answers, or nil with what it returned
// instead of an answer.
func (p *Persist) ask(ctx context.Context, state request.Request) (*dns.Msg, int, error) {
	nw := nonwriter.New(state.W)
	rcode, err := plugin.NextOrFailure(pluginName, p.Next, ctx, nw, state.Req)
	return nw.Msg, rcode, err
}

// delegated reports whether m says that name belongs to another zone: a
// referral, or a DNAME above it.
func delegated(m *dns.Msg, name string) bool {
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == dns.TypeDNAME && isBelow(name, rr.Header().Name) {
			return true
		}
	}
	return len(m.Answer) == 0 && has(m.Ns, dns.TypeNS) && !has(m.Ns, dns.TypeSOA)
}

// isBelow reports whether name is a subdomain of parent other than itself.
func isBelow(name, parent string) bool {
	return dns.IsSubDomain(parent, name) && dns.CountLabel(name) > dns.CountLabel(parent)
}

// soaOf returns the SOA record that makes a negative answer complete: the one
// in below, which is what the next plugin says of the name, or else, where that
// is a positive answer, what it says to being asked for it.
func (p *Persist) soaOf(ctx context.Context, origin string, state request.Request, below *dns.Msg) []dns.RR {
	if soa := negativeSOA(below.Ns, state.Name()); soa != nil {
		return soa
	}
	m, _, _ := p.ask(ctx, request.Request{W: state.W, Req: new(dns.Msg).SetQuestion(origin, dns.TypeSOA)})
	if m == nil {
		return nil
	}
	return negativeSOA(slices.Concat(m.Answer, m.Ns), origin)
}

// negativeSOA finds the SOA record of a zone in which name lies, and not that of
// one to which a CNAME led, with the TTL that it has in negative answers (RFC
// 2308 section 3).
func negativeSOA(rrs []dns.RR, name string) []dns.RR {
	for _, rr := range rrs {
		if soa, ok := rr.(*dns.SOA); ok && dns.IsSubDomain(soa.Hdr.Name, name) {
			soa = dns.Copy(soa).(*dns.SOA)
			soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
			return []dns.RR{soa}
		}
	}
	return nil
}

func has(rrs []dns.RR, rrtype uint16) bool {
	for _, rr := range rrs {
		if rr.Header().Rrtype == rrtype {
			return true
		}
	}
	return false
}
