package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"

	"github.com/miekg/dns"
)

// site is the files that the server blocks of these tests name.
type site struct{ dir string }

func newSite(t *testing.T) site {
	t.Helper()
	s := site{t.TempDir()}
	for name, body := range map[string]string{
		"zone":                  "example.com. 300 IN SOA ns1.example.com. hostmaster.example.com. 1 3600 600 86400 60\n",
		"policies/config.json":  `{"schema": 1}`,
		"policies/control.json": `{}`,
	} {
		s.write(t, name, body)
	}
	return s
}

func (s site) write(t *testing.T, name, body string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs a server with the stanzas in one block until the test ends.
func start(t *testing.T, stanzas ...string) error {
	t.Helper()
	dnsserver.Quiet, caddy.Quiet = true, true
	corefile := fmt.Sprintf("example.com:0 {\nbind 127.0.0.1\n%s\n}\n", strings.Join(stanzas, "\n"))
	instance, err := caddy.Start(caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: "Corefile", ServerTypeName: "dns"})
	if err == nil {
		t.Cleanup(func() {
			for _, err := range instance.ShutdownCallbacks() {
				t.Error(err)
			}
			if err := instance.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
	return err
}

func (s site) signed() string {
	return fmt.Sprintf("persist {\npolicies %s\nkeys dir %s\nns ns1.example.net\n}", filepath.Join(s.dir, "policies"), filepath.Join(s.dir, "keys"))
}

func (s site) overlay() string {
	return fmt.Sprintf("persist {\npolicies %s\nfallthrough\n}", filepath.Join(s.dir, "policies"))
}

func (s site) file() string { return "file " + filepath.Join(s.dir, "zone") }

// dnssec signs with a new key in the files of BIND's dnssec-keygen.
func (s site) dnssec(t *testing.T) string {
	t.Helper()
	key := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300},
		Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "Kexample.com.key", key.String()+"\n")
	s.write(t, "Kexample.com.private", key.PrivateKeyString(private))
	return "dnssec {\nkey file " + filepath.Join(s.dir, "Kexample.com") + "\n}"
}

// Two signers in one block answer with two sets of keys: no validator would
// accept what comes out.
func TestDNSSECBesideASignedZoneIsRefused(t *testing.T) {
	s := newSite(t)
	err := start(t, s.dnssec(t), s.signed())
	if err == nil || !strings.Contains(err.Error(), "plugin/persist: the dnssec plugin stands in the same server block") {
		t.Errorf("Expected the dnssec plugin to be refused, got %v", err)
	}
}

func TestOneSignerIsEnough(t *testing.T) {
	s := newSite(t)
	for name, stanzas := range map[string][]string{
		"persist signs":                  {s.signed()},
		"dnssec signs what lies over it": {s.dnssec(t), s.overlay(), s.file()},
	} {
		t.Run(name, func(t *testing.T) {
			if err := start(t, stanzas...); err != nil {
				t.Errorf("Expected the server to start, got %v", err)
			}
		})
	}
}
