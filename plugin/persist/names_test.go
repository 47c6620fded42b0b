package persist

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// written are 40 names as people write them, with what they are.
var written = [][2]string{
	{"example.com", "example.com"},
	{"WWW.Example.COM", "www.example.com"},
	{"dot.example.com.", "dot.example.com"},
	{"UPPER.DOT.EXAMPLE.COM.", "upper.dot.example.com"},
	{"*.wild.example.com", "wild.example.com"},
	{"*.Wild.Upper.Example.com.", "wild.upper.example.com"},
	{"*.bücher.example", "xn--bcher-kva.example"},
	{"Pročprostěnemluvíčesky.example", "xn--proprostnemluvesky-uyb24dma41a.example"},
	{"почемужеонинеговорятпорусски.example", "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l.example"},
	{"他们为什么不说中文.example", "xn--ihqwcrb4cv8a8dqg056pqjye.example"},
	{"XN--STRAE-OQA.example", "xn--strae-oqa.example"},
	{"a\u030a.example", "xn--5ca.example"},
	{"例え。example", "xn--r8jz45g.example"},
	{"ＦＵＬＬ．example", "full.example"},
	{"_dmarc.example.org", "_dmarc.example.org"},
	{"a_b.example.org", "a_b.example.org"},
	{"123.example.org", "123.example.org"},
	{"0.example.org", "0.example.org"},
	{"r3---sn-apo3.example.org", "r3---sn-apo3.example.org"},
	{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.example.org", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.example.org"},
	{"below.d.e.f.example.org", "below.d.e.f.example.org"},
	{"d.e.f.example.org", "d.e.f.example.org"},
	{"com.example.org", "com.example.org"},
	{"example.com.example.org", "example.com.example.org"},
	{"in-addr.arpa.example.org", "in-addr.arpa.example.org"},
	{"validation-persist.example.org", "validation-persist.example.org"},
	{"org", "org"},
	{"persist.example.net", "persist.example.net"},
	{"www.persist.example.net", "www.persist.example.net"},
	{"net", "net"},
	{"1.2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa"},
	{"255.255.255.255.IN-ADDR.ARPA.", "255.255.255.255.in-addr.arpa"},
	{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6.arpa", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
	{"9.2.0.192.in-addr.arpa.", "9.2.0.192.in-addr.arpa"},
	{strings.Repeat("a", 63) + ".example.com", strings.Repeat("a", 63) + ".example.com"},
	{strings.Repeat("b.", 70) + "example.com", strings.Repeat("b.", 70) + "example.com"},
	{ofOctets("c", 152), ofOctets("c", 152)}, // stands for itself in front of another zone
	{ofOctets("d", 153), ofOctets("d", 153)}, // no longer does
	{ofOctets("E", 232), ofOctets("e", 232)},
	{ofOctets("F", 233) + ".", ofOctets("f", 233)}, // the longest there is
}

// ofOctets is a name of n octets as written, in example.org.
func ofOctets(letter string, n int) string {
	left := n - len(".example.org")
	var labels []string
	for left > 0 {
		size := min(left, 50)
		labels = append(labels, strings.Repeat(letter, size))
		left -= size + 1
	}
	return strings.Join(labels, ".") + ".example.org"
}

// tops are the zones above all of the names.
const tops = "com example org net arpa"

// shaped is a Corefile that serves the names, and where the records of one stand.
type shaped struct {
	corefile string
	owner    func(name string) string
}

// shapes are those of zones in which each name has a grant, of s, and of such in
// which the name above it has one, with its subtree.
func shapes(t *testing.T, s, above site) (each, subtree map[string]shaped) {
	t.Helper()
	asked := func(name string) string {
		if strings.HasSuffix(name, ".in-addr.arpa") || strings.HasSuffix(name, ".ip6.arpa") {
			return "_ip-validation-persist." + name + "."
		}
		return "_validation-persist." + name + "."
	}
	target := func(name string) string {
		if len(name) > 152 {
			sum := sha256.Sum256([]byte(name))
			name = fmt.Sprintf("%049s", new(big.Int).SetBytes(sum[:20]))
		}
		return name + ".persist.example.net."
	}
	labels := make([]string, 0, len(written))
	for _, name := range written {
		labels = append(labels, asked(name[1]))
	}
	zone := filepath.Join(s.dir, "zone")
	if err := os.WriteFile(zone, []byte("@ 60 SOA ns1.server.invalid. host.server.invalid. 1 2 3 4 60\n@ 60 NS ns1.server.invalid.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	own := func(zones, more string) string {
		return block(fmt.Sprintf("persist %s {\npolicies %s\nkeys dir %s\nns ns1.server.invalid\n%s\n}", zones, s.policies(), s.keys(), more))
	}
	each = map[string]shaped{
		"cuts":                    {block(s.cuts(".")), asked},
		"cuts, nsec":              {block(s.cuts(".", "denial nsec")), asked},
		"zone":                    {own(tops, ""), asked},
		"zone, nsec":              {own(tops, "denial nsec"), asked},
		"zone of the label":       {own(strings.Join(labels, " "), ""), asked},
		"targets":                 {own("persist.example.net", "targets"), target},
		"targets, nsec":           {own("persist.example.net", "targets\ndenial nsec"), target},
		"targets, unsigned":       {block(fmt.Sprintf("persist persist.example.net {\npolicies %s\nkeys none\nns ns1.server.invalid\ntargets\n}", s.policies())), target},
		"overlay":                 {block(fmt.Sprintf("persist %s {\npolicies %s\nfallthrough\n}", tops, s.policies()), fmt.Sprintf("file %s %s", zone, tops)), asked},
		"zone of the label, nsec": {own(strings.Join(labels, " "), "denial nsec"), asked},
	}
	subtree = map[string]shaped{
		"zone, subtree":              {strings.ReplaceAll(own(tops, ""), s.policies(), above.policies()), asked},
		"zone of the label, subtree": {strings.ReplaceAll(own(strings.Join(labels, " "), ""), s.policies(), above.policies()), asked},
		"overlay, subtree":           {strings.ReplaceAll(each["overlay"].corefile, s.policies(), above.policies()), asked},
	}
	return each, subtree
}

// However a name is written and whatever the shape of the zone: the records say
// what somebody else computes, from the formula of
// draft-ietf-acme-dns-persist-02 section 4.1, where somebody else looks for them.
func TestEveryNameInEveryShape(t *testing.T) {
	if len(written) != 40 {
		t.Fatalf("Expected 40 names, got %d", len(written))
	}
	domains, above := map[string]any{}, map[string]any{}
	for _, name := range written {
		domains[name[0]] = struct{}{}
		_, up, _ := strings.Cut(name[1], ".")
		above[cmp.Or(up, name[1])] = map[string]bool{"subtree": true}
	}
	each, subtree := shapes(t, namesSite(t, domains), namesSite(t, above))
	for shape, c := range each {
		t.Run(shape, func(t *testing.T) { c.check(t, func(written string) string { return written }) })
	}
	for shape, c := range subtree {
		t.Run(shape, func(t *testing.T) {
			c.check(t, func(written string) string { return strings.TrimPrefix(written, "*.") })
		})
	}
}

const hashPrefix = "https://ca.example/account-hash/"

// namesSite is a site of an account with domains.
func namesSite(t *testing.T, domains map[string]any) site {
	t.Helper()
	account, err := json.Marshal(map[string]any{
		"account_uri": policytest.AccountURI, "thumbprints": []string{policytest.Thumbprint}, "until": "none", "forms": []string{"uri", "hash"}, "domains": domains,
	})
	if err != nil {
		t.Fatal(err)
	}
	return newSite(t, policytest.Standard().With(policytest.Documents{
		"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "account_hash_prefix": "` + hashPrefix + `",
			"forms": ["uri", "hash"], "wildcard": true, "subtree": true, "allow_none": true}`,
		"teams/web":         `{"domains": ["."], "issuers": ["ca"], "wildcard": true, "subtree": true}`,
		"accounts/web/ca/a": string(account),
	}))
}

// check asks for every name. granted is what was granted of one, as it is written.
func (c shaped) check(t *testing.T, granted func(written string) string) {
	t.Helper()
	server := start(t, c.corefile)
	for _, name := range written {
		want := expected(granted(name[0]), name[1])
		owner := c.owner(name[1])
		for _, asked := range []string{owner, strings.ToUpper(owner)} {
			got := values(server.ask(t, question(asked, dns.TypeTXT)))
			slices.Sort(got)
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%s at %s (-want +got):\n%s", name[0], asked, diff)
			}
		}
	}
}

// expected are the values of the records of a name, sorted.
func expected(written, name string) []string {
	scope := ""
	if strings.HasPrefix(written, "*.") {
		scope = "; policy=wildcard"
	}
	sum := sha256.Sum256(append([]byte{byte(len(name))}, name+policytest.Thumbprint+policytest.AccountURI...))
	return []string{
		"ca.example; accounturi=" + hashPrefix + "sha-256/" + base64.RawURLEncoding.EncodeToString(sum[:]) + scope,
		"ca.example; accounturi=" + policytest.AccountURI + scope,
	}
}
