package persist

import (
	"context"

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
	below, rcode, err := p.ask(ctx, state)
	if below == nil {
		return rcode, err
	}
	resp, claim := a.Overlay(query(state), p.now())
	theirs := claim == answer.Theirs || claim == answer.Exists && below.Rcode != dns.RcodeNameError
	if theirs || delegated(below, state.Name()) {
		return dns.RcodeSuccess, state.W.WriteMsg(below)
	}
	if resp.Outcome == answer.NoData {
		resp.Authority = soaOf(below)
	}
	return p.reply(ctx, a, state, resp)
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
		if rr.Header().Rrtype == dns.TypeDNAME && rr.Header().Name != name {
			return true
		}
	}
	return len(m.Answer) == 0 && len(soaOf(m)) == 0 && has(m.Ns, dns.TypeNS)
}

func soaOf(m *dns.Msg) []dns.RR {
	for _, rr := range m.Ns {
		if rr.Header().Rrtype == dns.TypeSOA {
			return []dns.RR{rr}
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
