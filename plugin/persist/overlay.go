package persist

import (
	"context"
	"slices"
	"strings"

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
	if !claims(claim, below) || p.yields(ctx, a, q.Name, below) {
		return dns.RcodeSuccess, state.W.WriteMsg(below)
	}
	if claim == answer.Ours {
		p.tellShadowed(q.Name, below)
	}
	if resp.Outcome == answer.NoData {
		resp.Authority = p.soaOf(ctx, a.Zone().Origin, state, below)
	}
	return p.reply(ctx, a, state, q, resp)
}

// claims reports whether persist has anything to say beside what the next plugin
// does: at an owner always, and above one where that denies the name. Whatever
// is no answer, such as SERVFAIL, stays what it is.
func claims(claim answer.Claim, below *dns.Msg) bool {
	switch {
	case claim == answer.Theirs || !conclusive(below):
		return false
	case claim == answer.Exists:
		return below.Rcode == dns.RcodeNameError && len(below.Answer) == 0 // else the name is an alias of one that is denied
	}
	return true
}

// yields reports whether a name that persist claims is the next plugin's after
// all, and counts why.
func (p *Persist) yields(ctx context.Context, a *answer.Authority, name string, below *dns.Msg) bool {
	tally := p.tally(ctx, a.Zone().Origin)
	if delegated(below, name) {
		tally.delegated.Inc()
		return true
	}
	apex := a.Zone().Origin
	if soa := soaAbove(below.Ns, name); soa != nil {
		apex = dns.CanonicalName(soa.Hdr.Name)
	}
	if p.lowers.signed(p.Next, apex) {
		tally.signed.Inc()
		return true
	}
	return false
}

// tellShadowed logs, once in an hour, that the next plugin has records at a
// granted name that nobody sees: its TXT records, or an alias.
func (p *Persist) tellShadowed(name string, below *dns.Msg) {
	for _, rr := range below.Answer {
		h := rr.Header()
		if (h.Rrtype == dns.TypeTXT || h.Rrtype == dns.TypeCNAME) && strings.EqualFold(h.Name, name) {
			p.shadowed.Do(func() {
				log.Warningf("the plugin after persist has a %s record at %s, or a wildcard that makes one. It is not served, since documents grant that name: remove it, or the grant",
					dns.Type(h.Rrtype), name)
			})
			return
		}
	}
}

// conclusive reports whether m says what there is at a name, and all of it.
func conclusive(m *dns.Msg) bool {
	return !m.Truncated && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError)
}

// ask returns what the next plugin answers, or nil with what it returned
// instead of an answer.
func (p *Persist) ask(ctx context.Context, state request.Request) (*dns.Msg, int, error) {
	nw := nonwriter.New(state.W)
	rcode, err := plugin.NextOrFailure(pluginName, p.Next, ctx, nw, state.Req)
	return nw.Msg, rcode, err
}

// delegated reports whether m says that name belongs to another zone: a
// referral, a DNAME above it, or a DS record, which the parent has.
func delegated(m *dns.Msg, name string) bool {
	for _, rr := range m.Answer {
		switch h := rr.Header(); h.Rrtype {
		case dns.TypeDNAME:
			if isBelow(name, h.Name) {
				return true
			}
		case dns.TypeDS:
			if strings.EqualFold(h.Name, name) {
				return true
			}
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
// is a positive answer, the one of the zone that the name lies in.
func (p *Persist) soaOf(ctx context.Context, origin string, state request.Request, below *dns.Msg) []dns.RR {
	name := state.Name()
	if soa := soaAbove(below.Ns, name); soa != nil {
		return negative(soa)
	}
	for {
		m, _, _ := p.ask(ctx, request.Request{W: state.W, Req: new(dns.Msg).SetQuestion(name, dns.TypeSOA)})
		if m != nil {
			if soa := soaAbove(slices.Concat(m.Answer, m.Ns), name); soa != nil {
				return negative(soa)
			}
		}
		if name == origin {
			return nil
		}
		name = parentOf(name)
	}
}

// parentOf returns a name, not the root, without its first label.
func parentOf(name string) string {
	off, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[off:]
}

// soaAbove finds the SOA record of a zone in which name lies, and not that of one
// to which a CNAME led.
func soaAbove(rrs []dns.RR, name string) *dns.SOA {
	for _, rr := range rrs {
		if soa, ok := rr.(*dns.SOA); ok && dns.IsSubDomain(soa.Hdr.Name, name) {
			return soa
		}
	}
	return nil
}

// negative returns soa with the TTL that it has in negative answers (RFC 2308
// section 3).
func negative(soa *dns.SOA) []dns.RR {
	soa = dns.Copy(soa).(*dns.SOA)
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	return []dns.RR{soa}
}

func has(rrs []dns.RR, rrtype uint16) bool {
	for _, rr := range rrs {
		if rr.Header().Rrtype == rrtype {
			return true
		}
	}
	return false
}
