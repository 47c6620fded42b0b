package persist

import (
	"context"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

// reply counts and writes resp, the answer to q. Why signing failed is logged
// once a minute at most: it fails for every query alike.
func (p *Persist) reply(ctx context.Context, a *answer.Authority, state request.Request, q answer.Query, resp answer.Response) (int, error) {
	tally := p.tally(ctx, a.Zone().Origin)
	tally.answers[resp.Outcome].Inc()
	if resp.Err != nil {
		p.failures.Do(func() { log.Errorf("%s: %v", a.Zone().Origin, resp.Err) })
	}
	over := resp.Outcome == answer.Limited
	if over && q.Stream {
		tally.dropped.Inc()
		return dns.RcodeSuccess, nil // nothing is written, nor should the server write
	}
	m, size := message(state.Req, resp), limit(state, q.Stream)
	switch {
	case over:
		truncate(m)
		tally.limited.Inc()
	case !fits(m, size):
		truncate(m)
		tally.tooBig.Inc()
	default:
		p.explain(m, size, resp.EDE)
	}
	return dns.RcodeSuccess, state.W.WriteMsg(m)
}

// explain adds what tells people more than the answer: why it is what it is,
// and where resolvers report what is wrong with it.
func (p *Persist) explain(m *dns.Msg, size int, why *dns.EDNS0_EDE) {
	if why != nil {
		attach(m, size, why)
	}
	if p.config.report != "" {
		attach(m, size, &dns.EDNS0_REPORTING{Code: dns.EDNS0REPORTING, AgentDomain: p.config.report})
	}
}

// attach adds an option where the client uses EDNS and there is room: no option
// is worth asking again over TCP for.
func attach(m *dns.Msg, size int, option dns.EDNS0) {
	opt := m.IsEdns0()
	if opt == nil {
		return
	}
	compress, before := m.Compress, opt.Option
	opt.Option = append(opt.Option, option)
	if !fits(m, size) {
		m.Compress, opt.Option = compress, before
	}
}

// message builds the response to r. SetReply copies the CD bit, which an
// authoritative server clears (RFC 4035 section 3.1.6).
func message(r *dns.Msg, resp answer.Response) *dns.Msg {
	m := new(dns.Msg).SetRcode(r, resp.Rcode)
	m.Authoritative = resp.Rcode == dns.RcodeSuccess || resp.Rcode == dns.RcodeNameError
	m.CheckingDisabled = false
	m.Answer, m.Ns = resp.Answer, resp.Authority
	if opt := r.IsEdns0(); opt != nil {
		m.Extra = []dns.RR{options(opt)}
	}
	return m
}

// options answers the client's OPT: DO and CO as they came, every undefined
// flag cleared (RFC 6891 section 6.1.4, RFC 9824 section 5.1).
func options(client *dns.OPT) *dns.OPT {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(answer.MaxUDP)
	if client.Do() {
		opt.SetDo()
	}
	if client.Co() {
		opt.SetCo()
	}
	return opt
}

// isStream reports whether the response goes over a connection. To CoreDNS a
// client of DNS over QUIC or HTTP/3 is one of UDP.
func isStream(ctx context.Context, state request.Request) bool {
	server := metrics.WithServer(ctx)
	return state.Proto() != "udp" || strings.HasPrefix(server, transport.QUIC+"://") || strings.HasPrefix(server, transport.HTTPS3+"://")
}

// limit is the size that the response must not exceed, in octets. CoreDNS goes
// by the one in the request's OPT record: it compresses nothing and cuts
// nothing that is smaller, and advertises it. So that becomes ours.
func limit(state request.Request, stream bool) int {
	udp, size := state.Proto() == "udp", min(state.Size(), answer.MaxUDP)
	if opt := state.Req.IsEdns0(); opt != nil {
		if udp && stream {
			size = dns.MaxMsgSize
		}
		opt.SetUDPSize(uint16(size)) // #nosec G115 -- at most dns.MaxMsgSize
	}
	if !udp {
		return dns.MaxMsgSize
	}
	return size
}

// fits reports whether m packs into size octets. Most do without compression,
// which costs more to look at than anything else in an answer.
func fits(m *dns.Msg, size int) bool {
	m.Compress = false
	if m.Len() <= size {
		return true
	}
	m.Compress = true
	return m.Len() <= size
}

// truncate leaves the question and the OPT: a partial RRset is of no use, and
// a client that sees TC asks again over TCP (RFC 2181 section 9).
func truncate(m *dns.Msg) {
	m.Truncated = true
	m.Rcode = dns.RcodeSuccess
	m.Answer, m.Ns = nil, nil
}
