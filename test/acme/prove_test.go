package acme

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-acme/lego/v5/certcrypto"
)

// keyFile writes the account key as lego keeps it.
func (c *client) keyFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "account.key")
	if err := os.WriteFile(file, certcrypto.PEMEncode(c.key), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// prove runs persistctl account prove for the account at url with a client's
// key.
func (s *site) prove(url string, c *client) (status int, out, said string) {
	s.t.Helper()
	return persistctl(s.t, "account", "prove", url, "--directory", s.ca.directory(), "--ca", s.ca.root, "--key", c.keyFile(s.t), "--by", "CHG-1234")
}

// The whole way: an account is registered, proven, approved and granted a name,
// and the CA takes the record. Without the proof there is none.
func TestAnIssuerThatRequiresProofServesProvenAccountsAlone(t *testing.T) {
	s := newSite(t)
	c := s.register()
	approved := map[string]any{"accounts": map[string]any{c.uri(): map[string]any{}}}
	s.allow(nil, approved)
	s.grant(c, map[string]any{})
	s.awaits()
	s.allow(map[string]any{"require_proof": true}, approved)
	s.settles(false)
	if got := s.rejection(); !strings.Contains(got, "has no proof, which issuers/pebble requires") {
		t.Errorf("Expected the grant to be rejected for want of a proof, got %q", got)
	}
	if problem, err := c.order(t.Context(), name); err != nil || problem == nil || !strings.HasPrefix(problem.Detail, "No TXT records found") {
		t.Errorf("Expected the CA to find no record, got %v, %v", problem, err)
	}

	status, out, said := s.prove(c.uri(), c)
	if status != 0 || said != "" {
		t.Fatalf("Expected status 0, got %d: %s", status, said)
	}
	var approval map[string]any
	if err := json.Unmarshal([]byte(out), &approval); err != nil {
		t.Fatal(err)
	}
	s.allow(map[string]any{"require_proof": true}, approval)
	if record := s.awaits(); !strings.Contains(record, "accounturi="+c.uri()+";") {
		t.Errorf("Expected a record of %s, got %q", c.uri(), record)
	}
	if got := s.rejection(); !strings.Contains(got, "1 grant, 0 rejections, 0 warnings") {
		t.Errorf("Expected no rejection, got %q", got)
	}
	if problem, err := c.order(t.Context(), name); problem != nil || err != nil {
		t.Errorf("Expected the CA to validate the name, got %v, %v", problem, err)
	}
}

func TestTheCARefusesToProveAnotherKeyAndADeactivatedAccount(t *testing.T) {
	s := newSite(t)
	c, other := s.register(), s.register()

	status, out, said := s.prove(c.uri(), other)
	if status != 1 || out != "" || !strings.Contains(said, "to the key with the thumbprint") {
		t.Errorf("Expected the key of another account to be refused, got status %d, %q and %q", status, out, said)
	}
	status, out, said = s.prove(c.uri()+"0", c)
	if status != 1 || out != "" {
		t.Errorf("Expected another account's URL to be refused, got status %d, %q and %q", status, out, said)
	}

	if status, _, said := s.prove(c.uri(), c); status != 0 {
		t.Fatalf("Expected the account to be proven while it is valid, got status %d: %s", status, said)
	}
	l, err := c.lego()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Registration.DeleteRegistration(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, out, said = s.prove(c.uri(), c); status != 1 || out != "" || !strings.Contains(said, c.uri()) {
		t.Errorf("Expected the deactivated account to be refused, got status %d, %q and %q", status, out, said)
	}
	t.Log(said)
}
