package persist

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

// granted is how many names the benchmarks grant: more than a processor's
// caches hold.
const granted = 10_000

// BenchmarkServeDNS takes a query as it leaves miekg/dns to the response as
// miekg/dns packs it.
func BenchmarkServeDNS(b *testing.B) {
	p := newBenchmarked(b, func(s site) string { return s.stanza("denial compact 1000000") })
	b.Run("positive", func(b *testing.B) { // signed before
		queries := questions("_validation-persist.d%d.example.com.", granted)
		p.serve(b, queries)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			p.serve(b, queries[i%granted:][:1])
		}
	})
	b.Run("cut", func(b *testing.B) { // signed before
		p, queries := newBenchmarked(b, func(s site) string { return s.cuts("example.com") }), questions("_validation-persist.d%d.example.com.", granted)
		p.serve(b, queries)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			p.serve(b, queries[i%granted:][:1])
		}
	})
	b.Run("negative-seen", func(b *testing.B) { // signed before
		queries := questions("_validation-persist.x%d.example.com.", 1000)
		p.serve(b, queries)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			p.serve(b, queries[i%len(queries):][:1])
		}
	})
	b.Run("negative-unseen", func(b *testing.B) { // signed now
		b.ReportAllocs()
		for b.Loop() {
			p.unseen++
			p.serve(b, questions(fmt.Sprintf("_validation-persist.y%d-%%d.example.com.", p.unseen), 1))
		}
	})
}

// benchmarked is a handler in a server that sends nothing.
type benchmarked struct {
	*Persist

	ctx    context.Context
	unseen int // how many names were asked for that nobody has asked for before
}

func newBenchmarked(b *testing.B, stanza func(site) string) *benchmarked {
	b.Helper()
	domains := map[string]struct{}{}
	for i := range granted {
		domains[fmt.Sprintf("d%d.example.com", i)] = struct{}{}
	}
	list, err := json.Marshal(domains)
	if err != nil {
		b.Fatal(err)
	}
	c, err := parseStanza(stanza(newSite(b, policytest.Standard().Account(`"domains": `+string(list)))))
	if err != nil {
		b.Fatal(err)
	}
	p := newPersist(c)
	if err := p.start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.stop() })
	server := &dnsserver.Server{Addr: "dns://127.0.0.1:53"}
	return &benchmarked{Persist: p, ctx: context.WithValue(b.Context(), dnsserver.Key{}, server)}
}

func questions(format string, n int) []*dns.Msg {
	queries := make([]*dns.Msg, n)
	for i := range queries {
		queries[i] = question(fmt.Sprintf(format, i), dns.TypeTXT)
	}
	return queries
}

// serve answers each query once, as CoreDNS has it done.
//
//nolint:thelper // b.Helper would be part of what is measured
func (p *benchmarked) serve(b *testing.B, queries []*dns.Msg) {
	for _, q := range queries {
		w := sink{}
		if _, err := p.ServeDNS(p.ctx, request.NewScrubWriter(q, &w), q); err != nil {
			b.Fatal(err)
		}
		if w.rcode != dns.RcodeSuccess || w.size < 256 {
			b.Fatalf("Expected a signed answer to %v, got rcode %d and %d octets", q.Question, w.rcode, w.size)
		}
	}
}

// sink is the client of a server that packs what it would send.
type sink struct {
	overUDP

	rcode, size int
}

var sinkAddress = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5353}

func (*sink) RemoteAddr() net.Addr { return sinkAddress }

func (s *sink) WriteMsg(m *dns.Msg) error {
	wire, err := m.Pack()
	s.rcode, s.size = m.Rcode, len(wire)
	return err
}
