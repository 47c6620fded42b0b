package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/hashicorp/vault/api"
	"github.com/miekg/dns"
)

// as gives the commands that follow a token with the policy that persistctl
// prints.
func as(t *testing.T, v *parts.Vault, name string, policy ...string) string {
	t.Helper()
	if err := v.Policy(t.Context(), name, persistctl(t, append([]string{"vault-policy"}, policy...)...)); err != nil {
		t.Fatal(err)
	}
	token, err := v.Token(t.Context(), time.Hour, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("VAULT_TOKEN", token)
	return token
}

// A KSK in Transit, a job that may use it and a server that may not, each with
// the policy that is printed for it: delv and Unbound trust what the server says.
func TestValidatorsTrustAServerThatDoesNotHaveTheKSK(t *testing.T) {
	v := parts.NewVault(t, parts.VaultOptions{})
	ctx := t.Context()
	for _, mount := range []string{"persist", "persist-keys"} {
		if err := v.Mount(ctx, mount); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Client.Sys().MountWithContext(ctx, "transit", &api.MountInput{Type: "transit"}); err != nil {
		t.Fatal(err)
	}
	for path, body := range policytest.Standard() {
		if err := v.Put(ctx, "persist", path, body); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("VAULT_ADDR", v.Address)
	for _, algorithm := range []string{"13", "15"} {
		keys, ksk := "persist-keys/k"+algorithm, "transit/k"+algorithm
		t.Setenv("VAULT_TOKEN", v.RootToken)
		persistctl(t, "keys", "init", "--vault", keys, "--name", "k"+algorithm, "--algorithm", algorithm, "--ksk-transit", ksk)
		as(t, v, "signer"+algorithm, "signer", "--keys", keys, "--transit", ksk)
		persistctl(t, "keys", "sign", owner, "--vault", keys)
		tokenFile := filepath.Join(t.TempDir(), "token")
		token := as(t, v, "server"+algorithm, "server", "--keys", keys)
		if err := os.WriteFile(tokenFile, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		server := parts.NewCoreDNS(t, parts.CoreDNSOptions{
			Zone: owner,
			Plugins: fmt.Sprintf("persist %s {\nvault %s\nauth token_file %s\nkeys vault %s\nns ns1.example.net\n}",
				owner, v.Address, tokenFile, keys),
		})
		validates(t, server, keys)
	}
}

// validates has delv and Unbound ask for a record and for the keys.
func validates(t *testing.T, server *parts.Server, keys string) {
	t.Helper()
	anchor := filepath.Join(t.TempDir(), "anchor")
	if err := os.WriteFile(anchor, []byte(persistctl(t, "keys", "ds", owner, "--vault", keys, "--delv")), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(server.Address, ":")
	unbound := parts.NewUnbound(t, parts.UnboundOptions{
		Zone: owner, Server: server.Address, Anchor: strings.TrimSpace(persistctl(t, "keys", "ds", owner, "--vault", keys)),
	})
	for _, qtype := range []uint16{dns.TypeTXT, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeSOA} {
		out, err := exec.CommandContext(t.Context(), "delv", "@"+host, "-p", port, "-a", anchor, "+root="+owner, owner, dns.Type(qtype).String()).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "; fully validated") {
			t.Errorf("%s: expected delv to validate %s, got %v:\n%s", keys, dns.Type(qtype), err, out)
		}
		if r := ask(t, unbound.Server, "tcp", owner, qtype); !r.AuthenticatedData || len(r.Answer) < 2 {
			t.Errorf("%s: expected Unbound to validate %s, got %v", keys, dns.Type(qtype), r)
		}
	}
}
