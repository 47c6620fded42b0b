// Package persist serves signed _validation-persist TXT records (ACME
// dns-persist-01, draft-ietf-acme-dns-persist) from policy documents.
//
// What is served is a pure function of the accepted documents, the keys and
// the clock: ServeDNS finds the zone, asks its answer.Authority and writes
// what comes back. Documents and keys are loaded in the background; no query
// ever waits for a store.
package persist

import (
	"context"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/cache"
	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/plugin/ready"
	"github.com/coredns/coredns/plugin/transfer"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
	"golang.org/x/time/rate"
)

const pluginName = "persist"

var (
	_ plugin.Handler      = (*Persist)(nil)
	_ ready.Readiness     = (*Persist)(nil)
	_ metadata.Provider   = (*Persist)(nil)
	_ cache.ZoneBypasser  = (*Persist)(nil)
	_ transfer.Transferer = (*Persist)(nil)
)

// Persist answers for the zones of one stanza.
type Persist struct {
	Next plugin.Handler

	config      *config
	corefile    *corefile
	view        string // the name of the server block's view, empty without one
	origins     plugin.Zones
	authorities map[string]*answer.Authority // by origin
	now         func() time.Time

	service // what OnStartup acquires
	tallies
	failures rate.Sometimes // to be logged
	lameness rate.Sometimes // of cuts that are gone, to be logged

	lowers   *lowers        // what an overlay lies over
	shadowed rate.Sometimes // records of it, to be logged
}

// Name implements plugin.Handler.
func (p *Persist) Name() string { return pluginName }

// CacheBypassZones implements cache.ZoneBypasser: an answer is valid for the
// instant it is made for, and a cache above would keep withdrawn records.
func (p *Persist) CacheBypassZones() []string { return p.origins }

// ServeDNS implements plugin.Handler.
func (p *Persist) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if malformed(r) {
		return dns.RcodeFormatError, nil
	}
	state := request.Request{W: w, Req: r}
	a := p.authority(state.Name())
	if a == nil {
		return p.next(ctx, w, r)
	}
	switch z := a.Zone(); {
	case z.Overlay:
		return p.serveOverlay(ctx, a, state)
	case z.Cuts:
		return p.serveCuts(ctx, a, state)
	}
	q := query(ctx, state)
	if resp, refused := refuse(r); refused {
		return p.reply(ctx, a, state, q, resp)
	}
	return p.reply(ctx, a, state, q, a.Answer(q, p.now()))
}

// authority returns who answers for name, which is absolute and in lower case;
// nil where it lies in none of the zones. However many there are, it costs a
// look-up for each label.
func (p *Persist) authority(name string) *answer.Authority {
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		if a := p.authorities[name[off:]]; a != nil {
			return a
		}
	}
	return p.authorities["."] // only where it has cuts
}

// next hands over a query for somebody else's zone. Where nobody follows, the
// name is simply not ours.
func (p *Persist) next(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if p.Next == nil {
		return dns.RcodeRefused, nil
	}
	return plugin.NextOrFailure(pluginName, p.Next, ctx, w, r)
}

// malformed reports whether r does not ask one question (RFC 9619), or has more
// than one OPT record (RFC 6891 section 6.1.1).
func malformed(r *dns.Msg) bool {
	opts := 0
	for _, rr := range r.Extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			opts++
		}
	}
	return len(r.Question) != 1 || opts > 1
}

// refuse answers messages that are not a query in class IN. NOTIFY reaches
// plugins like any query, other classes do where chaos or forward stands in
// the server block.
func refuse(r *dns.Msg) (answer.Response, bool) {
	switch {
	case r.Opcode != dns.OpcodeQuery:
		return answer.Response{Outcome: answer.Refused, Rcode: dns.RcodeNotImplemented}, true
	case r.Question[0].Qclass != dns.ClassINET:
		return answer.Response{Outcome: answer.Refused, Rcode: dns.RcodeRefused}, true
	}
	return answer.Response{}, false
}

func query(ctx context.Context, state request.Request) answer.Query {
	q := answer.Query{Name: state.Name(), Type: state.QType(), Stream: isStream(ctx, state)}
	if opt := state.Req.IsEdns0(); opt != nil {
		q.DO, q.CO = opt.Do(), opt.Co()
	}
	return q
}
