package persist

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns/coredns/plugin/pkg/dnstest"

	"github.com/miekg/dns"
)

// somebody is a client whose answers are looked at, not sent.
type somebody struct {
	overUDP
	tcp bool
}

func (s somebody) RemoteAddr() net.Addr {
	if s.tcp {
		return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	}
	return s.overUDP.RemoteAddr()
}

func (somebody) WriteMsg(*dns.Msg) error { return nil }

// FuzzServeDNS hands arbitrary messages to the handler: whatever is asked, the
// answer packs, keeps within UDP, carries an SOA where it is empty, and every
// signature in it is over records that are there.
func FuzzServeDNS(f *testing.F) {
	clock = func() time.Time { return noon }
	c, err := parseStanza(newSite(f, documents().With(policytest.Documents{
		"accounts/web/ca/b": `{"account_uri": "https://ca.example/acct/7", "domains": {"dev.example.com": {"subtree": true}}}`,
	})).stanza("denial compact 1000000"))
	if err != nil {
		f.Fatal(err)
	}
	p := newPersist(c)
	if err := p.start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = p.stop() })
	for _, name := range []string{owner, "example.com.", "b.example.com.", "*.x.example.com.", "x.example.org.", "_validation-persist.x.dev.example.com.", "x.y.dev.example.com.", "*.x.dev.example.com."} {
		for _, qtype := range []uint16{dns.TypeTXT, dns.TypeANY, dns.TypeNSEC, dns.TypeNXNAME} {
			wire, err := question(name, qtype).Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(wire, false)
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte, tcp bool) {
		query := new(dns.Msg)
		if err := query.Unpack(wire); err != nil {
			return
		}
		w := dnstest.NewRecorder(somebody{tcp: tcp})
		rcode, err := p.ServeDNS(context.Background(), w, query)
		if err != nil {
			t.Fatalf("%v: %v", query, err)
		}
		if w.Msg != nil {
			checkReply(t, query, w.Msg, tcp)
		} else if rcode == dns.RcodeServerFailure {
			t.Errorf("Expected an answer to %v", query)
		}
	})
}

func checkReply(t *testing.T, query, reply *dns.Msg, tcp bool) {
	t.Helper()
	wire, err := reply.Pack()
	if err != nil {
		t.Fatalf("The answer to %v does not pack: %v\n%v", query, err, reply)
	}
	if !tcp && len(wire) > answer.MaxUDP {
		t.Errorf("The answer has %d octets: %v", len(wire), reply)
	}
	proper := reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError
	if proper && !reply.Truncated && len(reply.Answer) == 0 && !has(reply.Ns, dns.TypeSOA) {
		t.Errorf("An empty answer without SOA: %v", reply)
	}
	opt := query.IsEdns0()
	if asked := query.Question[0].Qtype; (opt == nil || !opt.Do()) && asked != dns.TypeRRSIG && (has(reply.Answer, dns.TypeRRSIG) || has(reply.Ns, dns.TypeRRSIG)) {
		t.Errorf("Signatures without DO: %v", reply)
	}
}
