package acme

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/coredns-persist/persist/test/parts"
)

// keysMount is a mount of its own, so that who may read or write documents
// need not see the keys.
const keysMount = "persist-keys"

// startVault starts a Vault that holds no document but the sentinel.
func (d *demo) startVault(ctx context.Context) (_ string, err error) {
	d.vault, err = parts.StartVault(ctx, parts.VaultOptions{TLS: true})
	if err != nil {
		return "", err
	}
	d.started(d.vault)
	for _, mount := range []string{documentsMount, keysMount} {
		if err := d.vault.Mount(ctx, mount); err != nil {
			return "", err
		}
	}
	return d.vault.Address, d.vault.Put(ctx, documentsMount, "config", `{"schema": 1}`)
}

// admit lets the server log in by AppRole, with the policy that persistctl
// prints for it.
func (d *demo) admit(ctx context.Context) (string, error) {
	const role = "persist-server"
	policy, err := d.persistctl(ctx, "vault-policy", "server", "--mount", documentsMount, "--keys", keyDocument)
	if err != nil {
		return "", err
	}
	if err := d.vault.Policy(ctx, role, policy); err != nil {
		return "", err
	}
	roleID, secretID, err := d.vault.AppRole(ctx, "approle", role, map[string]any{"token_policies": role, "token_ttl": "10m"})
	if err != nil {
		return "", err
	}
	return "AppRole " + role, errors.Join(
		os.WriteFile(d.roleID(), []byte(roleID), 0o600),
		os.WriteFile(d.secretID(), []byte(secretID), 0o600),
	)
}

func (d *demo) roleID() string   { return filepath.Join(d.dir, "role-id") }
func (d *demo) secretID() string { return filepath.Join(d.dir, "secret-id") }
