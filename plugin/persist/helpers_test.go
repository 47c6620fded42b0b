package persist

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/parts"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/any"
	_ "github.com/coredns/coredns/plugin/auto"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/chaos"
	_ "github.com/coredns/coredns/plugin/dnssec"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/metadata"
	_ "github.com/coredns/coredns/plugin/metrics"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	_ "github.com/coredns/coredns/plugin/root"
	_ "github.com/coredns/coredns/plugin/secondary"
	_ "github.com/coredns/coredns/plugin/transfer"
	_ "github.com/coredns/coredns/plugin/tsig"
	_ "github.com/coredns/coredns/plugin/view"
	_ "github.com/coredns/coredns/plugin/whoami"

	"github.com/miekg/dns"
)

func TestMain(m *testing.M) {
	clog.Discard()
	caddy.Quiet = true
	dnsserver.Quiet = true
	err := dnsserver.SetDirectives([]string{
		"root", "metadata", "reload", "bind", "ready", "prometheus", "errors", "log", "any", "chaos",
		"tsig", "cache", "dnssec", "transfer", "persist", "file", "auto", "secondary", "forward", "whoami", "view",
	})
	if err != nil {
		panic(err)
	}
	code := m.Run()
	if tendedVault != nil {
		if err := tendedVault.Stop(); err != nil {
			panic(err)
		}
	}
	os.Exit(code)
}

// noon is what the clock says in tests that set it.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// setClock has documents, rotation and signatures go by the returned instant.
// Tests that use it cannot run in parallel.
func setClock(t *testing.T, at time.Time) *manualClock {
	t.Helper()
	c := &manualClock{}
	c.set(at)
	before := clock
	clock = c.now
	t.Cleanup(func() { clock = before })
	return c
}

// documents grant example.com and a name below it.
func documents() policytest.Documents {
	return policytest.Standard().Account(`"domains": {"example.com": {"wildcard": true}, "a.b.example.com": {}}`)
}

// site is a directory of documents and one of keys.
type site struct{ dir string }

func newSite(tb testing.TB, d policytest.Documents) site {
	tb.Helper()
	s := site{tb.TempDir()}
	d.Write(tb, s.policies())
	return s
}

func (s site) policies() string { return filepath.Join(s.dir, "policies") }
func (s site) keys() string     { return filepath.Join(s.dir, "keys") }

// stanza serves example.com from the site, with more properties.
func (s site) stanza(more ...string) string {
	return fmt.Sprintf("persist example.com {\npolicies %s\nkeys dir %s\nns ns1.example.net\n%s\n}", s.policies(), s.keys(), strings.Join(more, "\n"))
}

// block is a server block for everything on a free port of 127.0.0.1.
func block(stanzas ...string) string {
	return ".:0 {\nbind 127.0.0.1\n" + strings.Join(stanzas, "\n") + "\n}\n"
}

// server is a real CoreDNS, as it runs in production.
type server struct {
	*caddy.Instance
	udp, tcp string
}

func start(tb testing.TB, corefile string) *server {
	tb.Helper()
	corefile = onFreePort(tb, corefile)
	instance, err := caddy.Start(caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: "Corefile", ServerTypeName: "dns"})
	if err != nil {
		tb.Fatalf("Could not start:\n%s\n%v", corefile, err)
	}
	s := &server{Instance: instance}
	tb.Cleanup(func() {
		for _, err := range s.ShutdownCallbacks() {
			tb.Error(err)
		}
		if err := s.Stop(); err != nil {
			tb.Error(err)
		}
	})
	s.locate()
	return s
}

// onFreePort has the port 0 of server blocks be one that is free. It is not left to
// the kernel to choose: CoreDNS shares its ports with whoever else does
// (SO_REUSEPORT), and then gets half of the questions of another server.
func onFreePort(tb testing.TB, corefile string) string {
	tb.Helper()
	port, err := parts.FreePort()
	if err != nil {
		tb.Fatal(err)
	}
	return strings.ReplaceAll(corefile, ":0 {", fmt.Sprintf(":%d {", port))
}

func (s *server) locate() {
	for _, listener := range s.Servers() {
		if a, ok := listener.LocalAddr().(*net.UDPAddr); ok {
			s.udp = a.String()
		}
		if a, ok := listener.Addr().(*net.TCPAddr); ok {
			s.tcp = a.String()
		}
	}
}

// failToStart returns why a Corefile is refused.
func failToStart(t *testing.T, corefile string) string {
	t.Helper()
	instance, err := caddy.Start(caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: "Corefile", ServerTypeName: "dns"})
	if err == nil {
		instance.ShutdownCallbacks()
		_ = instance.Stop()
		t.Fatalf("Expected this to be refused:\n%s", corefile)
	}
	return err.Error()
}

// rescan has every store that is watched read again now.
func rescan(tb testing.TB) {
	tb.Helper()
	for _, b := range backends.all() {
		if err := b.watcher.Scan(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
}

// question is a query with EDNS and the DO bit.
func question(name string, qtype uint16) *dns.Msg {
	return new(dns.Msg).SetQuestion(name, qtype).SetEdns0(1232, true)
}

func (s *server) ask(tb testing.TB, m *dns.Msg) *dns.Msg {
	tb.Helper()
	return exchange(tb, "udp", s.udp, m)
}

func exchange(tb testing.TB, network, address string, m *dns.Msg) *dns.Msg {
	tb.Helper()
	c := &dns.Client{Net: network, Timeout: 5 * time.Second, UDPSize: 4096}
	r, _, err := c.Exchange(m, address)
	if err != nil {
		tb.Fatalf("%v\n%v", m, err)
	}
	return r
}

// text is the first TXT record's value in the answer, empty if there is none.
func text(r *dns.Msg) string {
	for _, rr := range r.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			return strings.Join(txt.Txt, "")
		}
	}
	return ""
}

// ede is the Extended DNS Error of the response, -1 if there is none.
func ede(r *dns.Msg) int {
	if opt := r.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				return int(e.InfoCode)
			}
		}
	}
	return -1
}

// overUDP is a client of DNS over UDP that takes nothing.
type overUDP struct{ dns.ResponseWriter }

func (overUDP) LocalAddr() net.Addr  { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53} }
func (overUDP) RemoteAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)} }
