package acme

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/test/parts"
)

// site is a CA, a resolver that it asks, and a server whose documents are files.
type site struct {
	t        *testing.T
	policies string // the directory of documents
	server   *parts.Server
	resolver *parts.Unbound
	ca       *pebble
}

// newSite starts all of it with no document but the sentinel.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, policies: t.TempDir()}
	s.write("config", map[string]any{"schema": 1})
	keys := filepath.Join(t.TempDir(), "keys")
	mustPersistctl(t, "keys", "init", "--dir", keys, "--name", "site")
	s.server = parts.NewCoreDNS(t, parts.CoreDNSOptions{
		Zone:    zone,
		Plugins: fmt.Sprintf("persist %s {\npolicies %s\nrefresh 1s\nkeys dir %s\nns ns1.example.net\nttl 5\n}", zone, s.policies, keys),
	})
	ds := strings.TrimSpace(mustPersistctl(t, "keys", "ds", zone, "--dir", keys))
	s.resolver = parts.NewUnbound(t, parts.UnboundOptions{Zone: zone, Server: s.server.Address, Anchor: ds})
	s.ca = newPebble(t, s.resolver.Address)
	return s
}

// write writes a document.
func (s *site) write(path string, members map[string]any) {
	s.t.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.policies, path+".json")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// allow writes the issuer document of the CA and the team document, each with
// more members.
func (s *site) allow(issuer, team map[string]any) {
	s.t.Helper()
	s.write("issuers/pebble", joined(issuer, map[string]any{"issuer_domain_names": "pebble.letsencrypt.org", "account_uri_prefixes": s.ca.accounts(), "wildcard": true}))
	s.write("teams/web", joined(team, map[string]any{"domains": name, "issuers": "pebble", "wildcard": true}))
}

// grant writes the account document, which grants the name.
func (s *site) grant(c *client, domain map[string]any) {
	s.t.Helper()
	s.grants(c, []string{name}, domain)
}

// grants writes the account document, which grants names alike and no others.
func (s *site) grants(c *client, names []string, domain map[string]any) {
	s.t.Helper()
	domains := map[string]any{}
	for _, name := range names {
		domains[name] = domain
	}
	s.write("accounts/web/pebble/site", map[string]any{"account_uri": c.uri(), "domains": domains})
}

func joined(a, b map[string]any) map[string]any {
	all := maps.Clone(b)
	maps.Copy(all, a)
	return all
}

// register makes an account at the CA.
func (s *site) register() *client {
	s.t.Helper()
	c, err := newClient(s.t.Context(), s.ca)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// awaits returns the record that the server gives as soon as it gives one, and
// has the resolver ask for it anew.
func (s *site) awaits() string {
	s.t.Helper()
	s.settles(true)
	a, err := ask(s.t.Context(), s.resolver.Address)
	if err != nil {
		s.t.Fatal(err)
	}
	if a.record == "" || !a.validated {
		s.t.Fatalf("Expected a validated record of Unbound, got %+v", a)
	}
	return a.record
}

// settles waits until the server has a record, or has none, and has the resolver
// forget what it knows.
func (s *site) settles(there bool) {
	s.t.Helper()
	if err := await(s.t.Context(), s.server, there); err != nil {
		s.t.Fatal(err)
	}
	if err := s.resolver.Flush(s.t.Context(), zone); err != nil {
		s.t.Fatal(err)
	}
}

// rejection is the first thing that persistctl lint says of the documents.
func (s *site) rejection() string {
	s.t.Helper()
	_, out, _ := persistctl(s.t, "lint", s.policies)
	line, _, _ := strings.Cut(out, "\n")
	return line
}
