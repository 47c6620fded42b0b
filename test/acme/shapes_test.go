package acme

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// shape is a way to serve names: what the Corefile says of it, and what DNS has
// above it.
type shape struct {
	stanza  string // "persist ZONE {", with all but the documents
	beside  string // the plugins after persist
	ready   string // a zone that is served as long as a domain is granted
	domains []string
	owner   func(domain string) string // where the server has its records of a domain
	above   map[string]string          // the records of the zones above, "." for the root's
	secure  bool                       // from the root down to the record
	refusal string                     // what the CA says once no grant names a domain any more
}

// What Pebble says where the name has no record, where there is no such name, and
// where there is no answer.
const (
	none     = "No TXT records found for DNS-PERSIST-01 challenge"
	nxdomain = "unsuccessful response: 3"
	servfail = "unsuccessful response: 2"
)

// shapes are all those that persist has. What the zones above need is what
// persistctl delegate prints.
func shapes(t *testing.T) map[string]shape {
	t.Helper()
	const other, targets = "example.org", "persist.example.net"
	keys := filepath.Join(t.TempDir(), "keys")
	mustPersistctl(t, "keys", "init", "--dir", keys, "--name", "shapes")
	signing := fmt.Sprintf("keys dir %s\nns ns1.example.net\n", keys)
	delegated := func(args ...string) string {
		return mustPersistctl(t, append([]string{"delegate", "--ns", "ns1.example.net", "--keys", keys}, args...)...)
	}
	return map[string]shape{
		"zone of the label, denied by a chain of NSEC": {
			stanza:  "persist " + zone + " {\n" + signing + "denial nsec\n",
			ready:   zone,
			domains: []string{name},
			owner:   atLabel,
			above:   map[string]string{name: delegated(name)},
			secure:  true,
			refusal: none,
		},
		"cuts, none of which the Corefile names": {
			stanza:  "persist . {\n" + signing + "cuts\n",
			ready:   zone,
			domains: []string{name, other},
			owner:   atLabel,
			above:   map[string]string{name: delegated(name), other: delegated(other)},
			secure:  true,
			refusal: servfail, // the zone is gone, and its delegation is lame
		},
		"targets of a CNAME": {
			stanza:  "persist " + targets + " {\n" + signing + "targets\n",
			ready:   targets,
			domains: []string{name},
			owner:   func(domain string) string { return domain + "." + targets },
			above: map[string]string{
				".":  delegated("--zone", targets),
				name: mustPersistctl(t, "delegate", name, "--zone", targets, "--targets"),
			},
			secure:  true,
			refusal: none,
		},
		"overlay of an unsigned zone": {
			stanza:  "persist " + name + " {\nfallthrough\n",
			beside:  fmt.Sprintf("file %s %s", unsignedZone(t), name),
			ready:   name,
			domains: []string{name},
			owner:   atLabel,
			above:   map[string]string{".": name + ". NS ns1.example.net.\n"},
			refusal: nxdomain, // by the zone that lies under persist
		},
	}
}

func atLabel(domain string) string { return "_validation-persist." + domain }

// unsignedZone is a file of the zone of name, in which nothing is granted.
func unsignedZone(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "db")
	text := "$TTL 60\n@ SOA ns1.example.net. hostmaster 1 3600 600 86400 60\n@ NS ns1.example.net.\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A CA whose resolver knows the root alone finds the records of every shape, for a
// name and its wildcard, and finds none once the grants have gone.
func TestEveryShapeLeadsToACertificateUntilTheGrantsGo(t *testing.T) {
	patient(t)
	for what, shape := range shapes(t) {
		t.Run(what, func(t *testing.T) {
			s := newSiteBelow(t, newTree(t, shape.above))
			account := s.register()
			s.allow(nil, map[string]any{"domains": shape.domains})
			s.grants(account, shape.domains, map[string]any{"wildcard": true})
			s.serve(shape)
			s.obtainsAll(account, shape)

			s.grants(account, nil, nil)
			s.isRefused(account, shape)
		})
	}
}

// newSiteBelow starts a CA that asks a resolver. What answers comes later.
func newSiteBelow(t *testing.T, resolver *parts.Unbound) *site {
	t.Helper()
	s := &site{t: t, policies: t.TempDir(), resolver: resolver, ca: newPebble(t, resolver.Address)}
	s.write("config", map[string]any{"schema": 1})
	return s
}

// serve starts the server at the address that the tree has of it.
func (s *site) serve(shape shape) {
	s.t.Helper()
	s.server = parts.NewCoreDNS(s.t, parts.CoreDNSOptions{
		Address: ownAddress + ":53",
		Zone:    shape.ready,
		Plugins: fmt.Sprintf("%spolicies %s\nrefresh 1s\nttl 5\n}\n%s", shape.stanza, s.policies, shape.beside),
	})
}

// obtainsAll gets one certificate for all domains of a shape and what is below them.
func (s *site) obtainsAll(c *client, shape shape) {
	s.t.Helper()
	names := make([]string, 0, 2*len(shape.domains))
	var record string
	for _, domain := range shape.domains {
		a, err := askAt(s.t.Context(), s.resolver.Address, atLabel(domain))
		if err != nil || a.record == "" || a.validated != shape.secure {
			s.t.Fatalf("Expected a record for %s, validated: %t; got %+v, %v", domain, shape.secure, a, err)
		}
		names, record = append(names, domain, "*."+domain), a.record
	}
	until, err := published(record)
	if err != nil {
		s.t.Fatal(err)
	}
	certificate, err := c.obtain(s.t.Context(), s.resolver.Address, until, names...)
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(names)
	if got := slices.Sorted(slices.Values(certificate.DNSNames)); !slices.Equal(got, names) {
		s.t.Errorf("Expected a certificate for %q, got one for %q", names, got)
	}
}

// isRefused waits until the server has no record of a shape, and orders in vain.
func (s *site) isRefused(c *client, shape shape) {
	s.t.Helper()
	for _, domain := range shape.domains {
		s.loses(shape.owner(domain))
	}
	if err := s.resolver.Flush(s.t.Context(), "."); err != nil {
		s.t.Fatal(err)
	}
	for _, domain := range shape.domains {
		for _, subject := range []string{domain, "*." + domain} {
			problem, err := c.order(s.t.Context(), subject)
			if err != nil || problem == nil || !strings.Contains(problem.Detail, shape.refusal) {
				s.t.Errorf("Expected the CA to refuse %s with %q, got %v, %v", subject, shape.refusal, problem, err)
			}
		}
	}
}

// loses waits until the server has no record of an owner, or no zone for it.
func (s *site) loses(owner string) {
	s.t.Helper()
	err := s.server.Retry(s.t.Context(), func(ctx context.Context) error {
		a, err := askAt(ctx, s.server.Address, owner)
		if err == nil && a.record != "" {
			return fmt.Errorf("the record at %s is still %q", owner, a.record)
		}
		if err != nil && strings.HasSuffix(err.Error(), " answers "+dns.RcodeToString[dns.RcodeRefused]) {
			return nil
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}
