package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/coredns-persist/persist/test/parts"
)

// proxying is the part of an agent's configuration that has it listen, and
// loggingInByAppRole the one by which it has a token.
const (
	proxying = `
		listener "unix" {
		  address                = %q
		  tls_disable            = true
		  require_request_header = true
		}
		api_proxy { use_auto_auth_token = %t }`
	loggingInByAppRole = `
		auto_auth {
		  method "approle" {
		    mount_path = "auth/%s"
		    config = {
		      role_id_file_path                   = %q
		      secret_id_file_path                 = %q
		      remove_secret_id_file_after_reading = false
		    }
		  }
		  sink "file" { config = { path = %q } }
		}`
)

// startAgent runs a Vault Agent and returns when there is what it makes: its
// socket, or the file of its token.
func startAgent(t *testing.T, vault, configuration, made string) {
	t.Helper()
	program, err := parts.Program("vault")
	check(t, err)
	file := write(t, "agent.hcl", configuration)
	p := parts.Run(t, exec.Command(program, "agent", "-address="+vault, "-config="+file))
	check(t, p.Retry(t.Context(), func(context.Context) error {
		_, err := os.Stat(made)
		return err
	}))
}

func TestTokenIsAnAgents(t *testing.T) {
	d := realAppRole(t)
	fill(t, d.mount)
	d.set(t, terms{})
	dir := t.TempDir()
	socket, sink := filepath.Join(dir, "agent.sock"), filepath.Join(dir, "token")
	startAgent(t, d.Address, fmt.Sprintf(proxying, socket, true)+fmt.Sprintf(loggingInByAppRole, d.name, d.cfg.RoleIDFile, d.cfg.SecretIDFile, sink), sink)
	t.Setenv("VAULT_TOKEN", "hvs.not-this-one")
	for _, cfg := range []VaultConfig{
		{Address: "unix://" + socket, Auth: "agent"},
		{Address: d.Address, Auth: "token_file", TokenFile: sink},
	} {
		cfg.Mount = d.name
		v, err := NewVault(cfg)
		check(t, err)
		watch(t, v, nil).scan(t)
		check(t, v.Close(t.Context()))
		if token, err := readToken(sink); err != nil || !d.valid(t, token) {
			t.Errorf("%s ends the token of the agent: %v", cfg.Auth, err)
		}
	}
}

func TestTokenThatCannotBeReplacedHereIsSaidHow(t *testing.T) {
	m := newMount(t)
	t.Setenv("VAULT_TOKEN", "hvs.nonsense")
	file := write(t, "token", "hvs.nonsense")
	socket := filepath.Join(t.TempDir(), "agent.sock")
	startAgent(t, m.Address, fmt.Sprintf(proxying, socket, false), socket)
	for says, cfg := range map[string]VaultConfig{
		"start with another one in VAULT_TOKEN": {Address: m.Address},
		"write another one to " + file:          {Address: m.Address, Auth: "token_file", TokenFile: file},
		"use_auto_auth_token":                   {Address: "unix://" + socket, Auth: "agent"},
	} {
		cfg.Mount = m.name
		v, err := NewVault(cfg)
		check(t, err)
		watch(t, v, nil).fails(t, ErrDenied, says)
	}
}
