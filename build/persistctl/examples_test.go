package main

import (
	"crypto/elliptic"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/audit"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/hashicorp/vault/api"
	"github.com/spf13/cobra"
)

// policies are the documents of the examples.
const policies = "docs/example/policies"

func TestExamplesOfTheHelpWork(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "docs/example"), os.DirFS("../../docs/example")); err != nil {
		t.Fatal(err)
	}
	// The key of RFC 8037 appendix A.2.
	jwk := `{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	if err := os.WriteFile(filepath.Join(dir, "account.jwk"), []byte(jwk), 0o600); err != nil {
		t.Fatal(err)
	}
	var chain audit.Chain
	log := chain.Append(audit.Line{At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Event: audit.Started, PID: 1})
	if err := os.WriteFile(filepath.Join(dir, "audit.log"), log, 0o600); err != nil {
		t.Fatal(err)
	}
	vault := vaultWithExamples(t)
	key := ecKey(t, elliptic.P256())
	holder := newHolder(t, key)
	if err := os.WriteFile(filepath.Join(dir, "account.pem"), inPKCS8(t, key), 0o600); err != nil {
		t.Fatal(err)
	}

	for _, example := range examples(newRoot()) {
		t.Run(example, func(t *testing.T) {
			line := strings.NewReplacer(
				"/etc/coredns/keys", filepath.Join(dir, "keys"),
				"https://vault.example.net:8200", vault.Address,
				"https://ca.example/directory", holder.ca.url+"/directory",
				"https://ca.example/acct/123", holder.url,
			).Replace(example)
			cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "VAULT_ADDR="+vault.Address, "VAULT_TOKEN="+vault.RootToken, "SSL_CERT_FILE="+holder.ca.root)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("Expected success, got %v:\n%s", err, out)
			}
			if len(out) == 0 && !strings.Contains(line, ">") {
				t.Error("Expected some output, got none")
			}
		})
	}
}

func TestEveryCommandHasExamplesOfItself(t *testing.T) {
	for _, cmd := range commands(newRoot()) {
		lines := exampleLines(cmd)
		if len(lines) == 0 {
			t.Errorf("Expected examples of %s, there are none", cmd.CommandPath())
		}
		for _, line := range lines {
			if !strings.HasPrefix(line, cmd.CommandPath()) {
				t.Errorf("Expected an example of %s, got %q", cmd.CommandPath(), line)
			}
		}
	}
}

// vaultWithExamples starts a Vault with the documents of the examples, a mount
// for keys, and one that signs.
func vaultWithExamples(t *testing.T) *parts.Vault {
	t.Helper()
	v := parts.NewVault(t, parts.VaultOptions{})
	for _, mount := range []string{"persist", "persist-keys"} {
		if err := v.Mount(t.Context(), mount); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Client.Sys().MountWithContext(t.Context(), "transit", &api.MountInput{Type: "transit"}); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join("../..", policies)
	for _, pattern := range []string{"*.json", "*/*.json", "*/*/*/*.json"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("No documents %s: %v", pattern, err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			path, err := filepath.Rel(root, strings.TrimSuffix(file, ".json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Put(t.Context(), "persist", filepath.ToSlash(path), string(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return v
}

// examples returns the examples of all commands, those first that make keys.
func examples(root *cobra.Command) []string {
	var first, rest []string
	for _, cmd := range commands(root) {
		if cmd.CommandPath() == "persistctl keys init" {
			first = append(first, exampleLines(cmd)...)
		} else {
			rest = append(rest, exampleLines(cmd)...)
		}
	}
	return slices.Concat(first, rest)
}

func exampleLines(cmd *cobra.Command) []string {
	var lines []string
	for line := range strings.Lines(cmd.Example) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// commands returns every command that does something itself.
func commands(cmd *cobra.Command) []*cobra.Command {
	if !cmd.HasSubCommands() {
		return []*cobra.Command{cmd}
	}
	var all []*cobra.Command
	for _, sub := range cmd.Commands() {
		all = append(all, commands(sub)...)
	}
	return all
}
