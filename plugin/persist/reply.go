package persist

import (
	"context"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

// maxUDP is the largest UDP response sent and the size advertised, in octets:
// what crosses practically every path without fragments (RFC 9715 section 3.2).
const maxUDP = 1232

// reply writes resp. What goes wrong while signing is returned as an error
// without a reply, for the errors plugin to log and the server to answer
// SERVFAIL.
func (p *Persist) reply(ctx context.Context, a *answer.Authority, state request.Request, resp answer.Response) (int, error) {
	p.count(ctx, a.Zone().Origin, resp.Outcome)
	if resp.Err != nil {
		log.Errorf("%s: %v", a.Zone().Origin, resp.Err)
	}
	if resp.Outcome == answer.Limited && state.Proto() != "udp" {
		return dns.RcodeSuccess, nil // dropped: nothing is written, nor should the server write
	}
	m := message(state.Req, resp)
	if resp.Outcome == answer.Limited || !fits(m, limit(state)) {
		truncate(m)
		truncatedTotal.WithLabelValues(metrics.WithServer(ctx), a.Zone().Origin, metrics.WithView(ctx)).Inc()
	}
	return dns.RcodeSuccess, state.W.WriteMsg(m)
}

// message builds the response to r. SetReply copies the CD bit, which an
// authoritative server clears (RFC 4035 section 3.1.6).
func message(r *dns.Msg, resp answer.Response) *dns.Msg {
	m := new(dns.Msg).SetRcode(r, resp.Rcode)
	m.Authoritative = resp.Rcode == dns.RcodeSuccess || resp.Rcode == dns.RcodeNameError
	m.CheckingDisabled = false
	m.Compress = true
	m.Answer, m.Ns = resp.Answer, resp.Authority
	if opt := r.IsEdns0(); opt != nil {
		m.Extra = []dns.RR{options(opt, resp.EDE)}
	}
	return m
}

// options answers the client's OPT: DO and CO as they came, every undefined
// flag cleared (RFC 6891 section 6.1.4, RFC 9824 section 5.1).
func options(client *dns.OPT, ede *dns.EDNS0_EDE) *dns.OPT {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(maxUDP)
	if client.Do() {
		opt.SetDo()
	}
	if client.Co() {
		opt.SetCo()
	}
	if ede != nil {
		opt.Option = []dns.EDNS0{ede}
	}
	return opt
}

// limit is the size that the response must not exceed, in octets.
func limit(state request.Request) int {
	if state.Proto() != "udp" {
		return dns.MaxMsgSize
	}
	return min(state.Size(), maxUDP)
}

// fits reports whether m packs into size octets.
func fits(m *dns.Msg, size int) bool {
	return size == dns.MaxMsgSize || m.Len() <= size
}

// truncate leaves the question and the OPT: a partial RRset is of no use, and
// a client that sees TC asks again over TCP (RFC 2181 section 9).
func truncate(m *dns.Msg) {
	m.Truncated = true
	m.Rcode = dns.RcodeSuccess
	m.Answer, m.Ns = nil, nil
}
