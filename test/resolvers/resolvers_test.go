package resolvers

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

const zone = "example.com."

// signed is a server with keys that the test knows.
type signed struct {
	*parts.Server
	keys *dnssec.KeySet
}

func newSigned(t *testing.T, algorithm uint8) *signed {
	t.Helper()
	dir := t.TempDir()
	policies, keys := filepath.Join(dir, "policies"), filepath.Join(dir, "keys")
	policytest.Standard().Account(`"domains": {"example.com": {"wildcard": true}, "a.b.example.com": {}, "off.example.com": {"enabled": false}}`).Write(t, policies)
	if err := dnssec.InitDir(keys, "example", algorithm, time.Now(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	raw, err := dnssec.LoadDir(keys)
	if err != nil {
		t.Fatal(err)
	}
	set, err := dnssec.ParseKeys(raw)
	if err != nil {
		t.Fatal(err)
	}
	server := parts.NewCoreDNS(t, parts.CoreDNSOptions{
		Zone:    zone,
		Plugins: fmt.Sprintf("persist %s {\npolicies %s\nkeys dir %s\nns ns1.example.net ns2.example.net\n}", zone, policies, keys),
	})
	return &signed{server, set}
}

// question is what is asked, and what must come back.
type question struct {
	name   string
	qtype  string
	rcode  string // as CAs see it, through a resolver
	answer bool   // whether there is data
}

const owner = "_validation-persist.example.com."

// matrix is every kind of name with the types that it has and lacks.
func matrix() []question {
	const noError, nxDomain = "NOERROR", "NXDOMAIN"
	list := []question{
		{owner, "TXT", noError, true},
		{owner, "ANY", noError, true},
		{"_VALIDATION-Persist.Example.COM.", "TXT", noError, true},
		{"_validation-persist.a.b.example.com.", "TXT", noError, true},
		{"_validation-persist.off.example.com.", "TXT", noError, false},
		{zone, "SOA", noError, true},
		{zone, "NS", noError, true},
		{zone, "DNSKEY", noError, true},
	}
	for _, qtype := range []string{"TXT", "A", "DS", "CAA", "NS", "TYPE65280"} {
		for _, name := range []string{"a.b.example.com.", "b.example.com.", "off.example.com."} {
			list = append(list, question{name, qtype, noError, false})
		}
		for _, name := range []string{
			"x.example.com.", "_validation-persist.b.example.com.", "y.b.example.com.", "x." + owner,
			"*foo.example.com.", "*.example.com.", "*.b.example.com.", "*.x.y.example.com.", "a.*.example.com.", longest(),
		} {
			list = append(list, question{name, qtype, nxDomain, false})
		}
		if qtype != "TXT" {
			list = append(list, question{owner, qtype, noError, false})
		}
		if qtype != "NS" && qtype != "DS" { // DS is asked of the parent
			list = append(list, question{zone, qtype, noError, false})
		}
	}
	return list
}

// longest is a name of 255 octets, the most there can be.
func longest() string {
	label := strings.Repeat("x", 59) + "."
	return strings.Repeat(label, 4) + "x." + zone
}

func TestNamesOfTheMatrixAreAsLongAsCanBe(t *testing.T) {
	if n, err := dns.PackDomainName(longest(), make([]byte, 300), 0, nil, false); err != nil || n != 255 {
		t.Errorf("Expected 255 octets, got %d, %v", n, err)
	}
}

func TestDelvValidatesEverything(t *testing.T) {
	delv := program(t, "delv", "bind9-dnsutils")
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		s := newSigned(t, algorithm)
		anchor := filepath.Join(t.TempDir(), "anchor.conf")
		ds := s.keys.DS(zone, time.Now())[0]
		trust := fmt.Sprintf("trust-anchors { %q static-ds %d %d %d %q; };\n", zone, ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
		if err := os.WriteFile(anchor, []byte(trust), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, q := range matrix() {
			if q.qtype == "ANY" {
				continue // delv does not ask it
			}
			out, err := run(t, delv, s.Address, "-a", anchor, "+root="+zone, q.name, q.qtype)
			want := "; negative response, fully validated"
			if q.answer {
				want = "; fully validated"
			}
			if err != nil || !strings.Contains(out, want) {
				t.Errorf("Algorithm %d, %s %s: expected %q, got %v\n%s", algorithm, q.name, q.qtype, want, err, out)
			}
		}
	}
}

// run runs a command of BIND against a server.
func run(t *testing.T, command, address string, args ...string) (string, error) {
	t.Helper()
	host, port, _ := strings.Cut(address, ":")
	out, err := exec.CommandContext(t.Context(), command, append([]string{"@" + host, "-p", port}, args...)...).CombinedOutput()
	return string(out), err
}

// program finds a command that a Debian package has.
func program(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: as root, run: apt-get install %s", err, pkg)
	}
	return path
}

// A resolver asks every name twice: from an empty cache, and again when it may
// answer from the NSEC records that it has seen (RFC 8198).
func TestUnboundValidatesEverything(t *testing.T) {
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		for _, size := range []string{"1232", "512"} {
			t.Run(fmt.Sprintf("algorithm %d, %s octets", algorithm, size), func(t *testing.T) {
				s := newSigned(t, algorithm)
				u := parts.NewUnbound(t, parts.UnboundOptions{
					Zone: zone, Server: s.Address, Anchor: s.keys.DS(zone, time.Now())[0].String(),
					Lines: []string{"edns-buffer-size: " + size},
				})
				for range 2 {
					for _, q := range matrix() {
						askResolver(t, u.Address, q)
					}
				}
				if err := u.Stop(); err != nil {
					t.Error(err)
				}
				for _, line := range u.Failures() {
					t.Errorf("Unbound: %s", line)
				}
			})
		}
	}
}

func askResolver(t *testing.T, address string, q question) {
	t.Helper()
	qtype, ok := dns.StringToType[q.qtype]
	if !ok {
		qtype = 65280
	}
	m := new(dns.Msg).SetQuestion(q.name, qtype).SetEdns0(1232, true)
	m.AuthenticatedData = true
	r, _, err := (&dns.Client{Timeout: 10 * time.Second, UDPSize: 4096}).ExchangeContext(t.Context(), m, address)
	if err == nil && r.Truncated {
		r, _, err = (&dns.Client{Net: "tcp", Timeout: 10 * time.Second}).ExchangeContext(t.Context(), m, address)
	}
	if err != nil {
		t.Errorf("%s %s: %v", q.name, q.qtype, err)
		return
	}
	// RFC 9824 section 3: a resolver that does not know compact denial says
	// NOERROR for a name that does not exist, as it was told.
	rcode := dns.RcodeToString[r.Rcode]
	right := rcode == q.rcode || q.rcode == "NXDOMAIN" && rcode == "NOERROR"
	if !right || !r.AuthenticatedData || (len(r.Answer) > 0) != q.answer {
		t.Errorf("%s %s: expected %s, AD and data %t, got\n%v", q.name, q.qtype, q.rcode, q.answer, r)
	}
}
