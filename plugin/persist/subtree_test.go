package persist

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

func subtrees() policytest.Documents {
	return policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true}, "off.dev.example.com": {"enabled": false}}`)
}

// delv validates an answer that a server gives, from its key on, and returns what
// it prints.
func delv(t *testing.T, s *server, zone, name string) string {
	t.Helper()
	anchor := filepath.Join(t.TempDir(), "anchor")
	for _, rr := range s.ask(t, question(zone, dns.TypeDNSKEY)).Answer {
		if key, ok := rr.(*dns.DNSKEY); ok && key.Flags&dns.SEP != 0 {
			line := fmt.Sprintf("trust-anchors { %q static-key %d %d %d %q; };\n", zone, key.Flags, key.Protocol, key.Algorithm, key.PublicKey)
			if err := os.WriteFile(anchor, []byte(line), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, port, err := net.SplitHostPort(s.udp)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "delv", "@127.0.0.1", "-p", port, "-a", anchor, "+root="+zone, name, "TXT").CombinedOutput()
	if err != nil {
		t.Errorf("delv %s: %v", name, err)
	}
	return string(out)
}

const (
	valid   = "; fully validated\n"
	noneYet = "; negative response, fully validated\n"
)

func TestNamesOfSubtreesValidate(t *testing.T) {
	s := start(t, block(newSite(t, subtrees()).stanza()))
	for name, want := range map[string]string{
		"_validation-persist.dev.example.com.":             valid,
		"_validation-persist.x.dev.example.com.":           valid,
		"_Validation-Persist.E.d.C.b.a.dev.example.com.":   valid,
		"_validation-persist.f.e.d.c.b.a.dev.example.com.": noneYet,
		"x.dev.example.com.":                               noneYet,
		"_validation-persist.off.dev.example.com.":         noneYet,
		"_validation-persist.x.off.dev.example.com.":       noneYet,
		"*.x.dev.example.com.":                             noneYet,
	} {
		if out := delv(t, s, "example.com.", name); !strings.Contains(out, want) {
			t.Errorf("%s: expected %q, got:\n%s", name, want, out)
		}
	}
}

// Baseline Requirements 3.2.2.5.8: CoreDNS takes a prefix for its reverse zone.
func TestAddressesOfPrefixesValidate(t *testing.T) {
	d := policytest.Standard().With(policytest.Documents{
		"teams/web": `{"domains": ["192.0.2.0/24", "2001:db8::/32"], "issuers": ["ca"], "subtree": true}`,
	}).Account(`"domains": {"192.0.2.0/25": {}, "192.0.2.200": {}, "2001:db8:1::/48": {}}`)
	s := start(t, block(strings.Replace(newSite(t, d).stanza(), "persist example.com", "persist 192.0.2.0/24 2001:db8::/32", 1)))
	for address, want := range map[string]string{
		"192.0.2.0": valid, "192.0.2.127": valid, "192.0.2.128": noneYet, "192.0.2.200": valid,
		"2001:db8:1::1": valid, "2001:db8:1:ffff:ffff:ffff:ffff:ffff": valid, "2001:db8:2::1": noneYet,
	} {
		reverse, err := dns.ReverseAddr(address)
		if err != nil {
			t.Fatal(err)
		}
		zone := "2.0.192.in-addr.arpa."
		if strings.Contains(address, ":") {
			zone = "8.b.d.0.1.0.0.2.ip6.arpa."
		}
		if out := delv(t, s, zone, "_ip-validation-persist."+reverse); !strings.Contains(out, want) {
			t.Errorf("%s: expected %q, got:\n%s", address, want, out)
		}
	}
}

func TestChainedZonesServeTheNameOfTheGrantAndSaySo(t *testing.T) {
	setClock(t, noon)
	said := listen(t)
	s := start(t, block(newSite(t, subtrees().With(policytest.Documents{
		"accounts/web/ca/b": `{"account_uri": "https://ca.example/acct/7", "domains": {"test.example.com": {"subtree": true}}}`,
	})).stanza("denial nsec")))
	said.expect(t, "the subtree of dev.example.com, test.example.com is granted, and denial nsec does not serve it, only the name itself", "write denial compact")
	if r := s.ask(t, question("_validation-persist.dev.example.com.", dns.TypeTXT)); text(r) == "" {
		t.Errorf("Expected the name of the grant to be served, got %v", r)
	}
	if r := s.ask(t, question("_validation-persist.x.dev.example.com.", dns.TypeTXT)); r.Rcode != dns.RcodeNameError {
		t.Errorf("Expected NXDOMAIN below it, got %v", r)
	}
}

// A withdrawal acts at the next scan for names that nobody has listed, too.
func TestNamesOfSubtreesAreWithdrawnAtTheNextScan(t *testing.T) {
	setClock(t, noon)
	site := newSite(t, subtrees())
	s := start(t, block(site.stanza()))
	const name = "_validation-persist.x.y.dev.example.com."
	for i, step := range []struct {
		documents policytest.Documents
		rcode     int
		served    bool
		ede       int
	}{
		{subtrees(), dns.RcodeSuccess, true, -1},
		{subtrees().With(policytest.Documents{"control": `{"stop": {"domain:y.dev.example.com": {}}}`}), dns.RcodeSuccess, false, int(dns.ExtendedErrorCodeOther)},
		{subtrees().With(policytest.Documents{"control": `{}`}), dns.RcodeSuccess, true, -1},
		{policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true, "enabled": false}}`).With(policytest.Documents{"control": `{}`}), dns.RcodeSuccess, false, int(dns.ExtendedErrorCodeOther)},
		{policytest.Standard().Account(`"domains": {"dev.example.com": {}}`).With(policytest.Documents{"control": `{}`}), dns.RcodeSuccess, false, -1},
	} {
		step.documents.Write(t, site.policies())
		for path := range step.documents {
			at := policytest.Written.Add(time.Duration(i) * time.Minute)
			if err := os.Chtimes(filepath.Join(site.policies(), path+".json"), at, at); err != nil {
				t.Fatal(err)
			}
		}
		rescan(t)
		r := s.ask(t, question(name, dns.TypeTXT))
		if r.Rcode != step.rcode || (text(r) != "") != step.served || ede(r) != step.ede {
			t.Errorf("Step %d: expected %+v, got %v", i, step, r)
		}
	}
}

func TestMetadataTellsTheAccountsOfSubtrees(t *testing.T) {
	c, err := parseStanza(newSite(t, subtrees()).stanza())
	if err != nil {
		t.Fatal(err)
	}
	p := newPersist(c)
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.stop() }()
	req := request.Request{W: &test.ResponseWriter{}, Req: question("_validation-persist.x.dev.example.com.", dns.TypeTXT)}
	ctx := p.Metadata(metadata.ContextWithMetadata(context.Background()), req)
	for label, want := range map[string]string{"persist/fqdn": "x.dev.example.com", "persist/accounts": "web/ca/a"} {
		if got := metadata.ValueFunc(ctx, label)(); got != want {
			t.Errorf("Expected %s to be %q, got %q", label, want, got)
		}
	}
}
