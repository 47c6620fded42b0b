package acme

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Pebble speaks an earlier draft than 02, so its directory names itself in
// caaIdentities alone, and nothing says what its account URIs start with.
func TestPebblesDirectoryBecomesItsIssuerDocument(t *testing.T) {
	ca := newPebble(t, "127.0.0.1:1") // it is asked to validate nothing
	c, err := newClient(t.Context(), ca)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"issuer", "probe", ca.directory(), "--ca", ca.root}
	status, _, said := persistctl(t, args...)
	if status != 1 || !strings.Contains(said, "to do: account_uri_prefixes is missing") {
		t.Errorf("Expected to be told of the one member to fill in, got status %d: %s", status, said)
	}

	status, out, said := persistctl(t, append(args, "--account", c.uri())...)
	if status != 0 || !strings.Contains(said, "draft-ietf-acme-dns-persist-01 or earlier") {
		t.Errorf("Expected a document of an earlier draft, got status %d: %s", status, said)
	}
	status, ordered, said := persistctl(t, append(args, "--key", c.keyFile(t), "--order", name)...)
	if status != 0 || !strings.Contains(said, "An order for example.com offers dns-persist-01, as draft-ietf-acme-dns-persist-01") {
		t.Errorf("Expected an order to show the challenge, got status %d: %s", status, said)
	}
	if ordered != out {
		t.Errorf("Expected an order of the account to come to the same document, got %s", ordered)
	}
	var document struct {
		Names    []string `json:"issuer_domain_names"`
		Prefixes []string `json:"account_uri_prefixes"`
		Forms    []string `json:"forms"`
	}
	if err := json.Unmarshal([]byte(out), &document); err != nil {
		t.Fatal(err)
	}
	want := document
	want.Names, want.Prefixes, want.Forms = []string{"pebble.letsencrypt.org"}, []string{ca.accounts()}, []string{"uri"}
	if diff := cmp.Diff(want, document); diff != "" {
		t.Errorf("The document (-want +got):\n%s", diff)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "issuers"), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"config.json": `{"schema": 1}`, "issuers/pebble.json": out} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustPersistctl(t, "lint", dir)
}
