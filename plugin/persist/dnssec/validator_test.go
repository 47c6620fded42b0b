package dnssec

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// bare serves a zone of one TXT RRset, t.persist.example., and below it nothing.
type bare struct {
	t    *testing.T
	keys *KeySet
	at   time.Time
}

const (
	bareOwner = "t.persist.example."
	bareSOA   = "persist.example. 60 IN SOA ns1.example.net. hostmaster.example.net. 1 7200 1800 86400 60"
)

func (b bare) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	m.Authoritative = true
	m.SetEdns0(1232, true)
	q := r.Question[0]
	name := strings.ToLower(q.Name)
	switch {
	case name == origin && q.Qtype == dns.TypeDNSKEY:
		set, _ := b.keys.DNSKEY(origin, b.at)
		m.Answer = b.signed(set)
	case name == bareOwner && q.Qtype == dns.TypeTXT:
		m.Answer = b.signed(rrs(b.t, bareOwner+" 300 IN TXT a"))
	case name == bareOwner:
		b.deny(m, Present(name, []uint16{dns.TypeTXT}, 60))
	case name == origin:
		b.deny(m, Present(name, []uint16{dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY}, 60))
	default:
		encloser := origin
		if dns.IsSubDomain(bareOwner, name) {
			encloser = bareOwner
		}
		proof, compact := Denial(name, encloser, 60)
		b.deny(m, proof...)
		if !compact {
			m.Rcode = dns.RcodeNameError
		}
	}
	if err := w.WriteMsg(m); err != nil {
		b.t.Error(err)
	}
}

func (b bare) signed(set []dns.RR) []dns.RR {
	return append(set, mustSign(b.t, b.keys, set, b.at).RRSIG...)
}

func (b bare) deny(m *dns.Msg, proof ...*dns.NSEC) {
	m.Ns = b.signed(rrs(b.t, bareSOA))
	for _, n := range proof {
		m.Ns = append(m.Ns, b.signed([]dns.RR{n})...)
	}
}

// serveBare serves the zone on a loopback port until the test is over.
func serveBare(t *testing.T, algorithm uint8) (b bare, port string) {
	t.Helper()
	at := now(t)
	b = bare{t, testKeysFrom(t, algorithm, at), at}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started, done := make(chan struct{}), make(chan struct{})
	server := &dns.Server{PacketConn: pc, Handler: b, NotifyStartedFunc: func() { close(started) }}
	go func() {
		defer close(done)
		if err := server.ActivateAndServe(); err != nil {
			t.Error(err)
		}
	}()
	<-started
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		<-done
	})
	_, port, _ = net.SplitHostPort(pc.LocalAddr().String())
	return b, port
}

func TestDelvAcceptsEveryProof(t *testing.T) {
	delv, err := exec.LookPath("delv")
	if err != nil {
		t.Fatal("delv is missing: install bind9-dnsutils")
	}
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		b, port := serveBare(t, algorithm)
		ds := b.keys.DS(origin, b.at)[0]
		anchor := filepath.Join(t.TempDir(), "anchor")
		text := fmt.Sprintf("trust-anchors { %q static-ds %d %d %d %q; };\n", origin, ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
		if err := os.WriteFile(anchor, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, question := range []struct{ name, rrtype, want string }{
			{bareOwner, "TXT", "; fully validated"},
			{origin, "DNSKEY", "; fully validated"},
			{bareOwner, "A", "; negative response, fully validated"},
			{origin, "A", "; negative response, fully validated"},
			{"x." + origin, "TXT", "; negative response, fully validated"},
			{"*x." + origin, "TXT", "; negative response, fully validated"},
			{"x.*." + origin, "TXT", "; negative response, fully validated"},
			{"*." + origin, "TXT", "; negative response, fully validated"},
			{"*.t." + origin, "TXT", "; negative response, fully validated"},
			{"*.x." + origin, "TXT", "; negative response, fully validated"},
			{"*.x.y.t." + origin, "TXT", "; negative response, fully validated"},
			{"*.*." + origin, "TXT", "; negative response, fully validated"},
			{`*.\000.` + origin, "TXT", "; negative response, fully validated"},
			{`*.a\000.` + origin, "TXT", "; negative response, fully validated"},
			{longest("a"), "TXT", "; negative response, fully validated"},
			{longest(`\255`), "TXT", "; negative response, fully validated"},
		} {
			out, err := exec.Command(delv, "@127.0.0.1", "-p", port, "-a", anchor, "+root="+origin, question.name, question.rrtype).CombinedOutput()
			if err != nil || !strings.Contains(string(out), question.want) {
				t.Errorf("Algorithm %d, %s %s: want %q (%v)\n%s", algorithm, question.name, question.rrtype, question.want, err, out)
			}
		}
	}
}

// longest is a name of 255 octets in the zone.
func longest(octet string) string {
	l := split(origin)
	for l.room() > 1 {
		l = l.under([]byte(strings.Repeat("?", min(maxLabel, l.room()-1))))
	}
	return strings.ReplaceAll(l.String(), "?", octet)
}
