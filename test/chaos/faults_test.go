package chaos

import (
	"context"
	"os"
	"time"

	"github.com/hashicorp/vault/api"
)

// policy is the server's, by its name.
const policy = "persist-server"

// fault is something that goes wrong, and comes right again.
type fault struct {
	name       string
	begin, end func(w *world) error
	away       bool          // Vault cannot be written meanwhile
	late       time.Duration // how long a request takes meanwhile, where that is long
}

var nothing = func(*world) error { return nil }

// network are faults between the server and Vault.
var network = []fault{
	{name: "slow", begin: mooded(delay), end: mooded(pass), late: lateness},
	{name: "throttled", begin: mooded(throttle), end: mooded(pass)},
	{name: "cut", begin: mooded(cut), end: mooded(pass)},
}

// hanging is a network that swallows everything; the server waits 10 s for each
// answer.
var hanging = fault{name: "hanging", begin: mooded(hang), end: mooded(pass), late: 10 * time.Second}

// silenced is a network that is cut for longer than max_stale.
const silenced = "cut past max_stale"

// storage are faults of Vault itself.
var storage = []fault{
	{name: "sealed", begin: func(w *world) error { return w.vault.Seal(w.ctx) }, end: func(w *world) error { return w.vault.Unseal(w.ctx) }, away: true},
	{
		name:  "killed",
		begin: func(w *world) error { w.vault.Kill(); return nil },
		end:   func(w *world) error { return w.vault.Restart(w.ctx) },
		away:  true,
	},
}

// rights are faults of what the server may do.
var rights = []fault{
	{name: "tokens revoked", begin: (*world).revoke, end: nothing},
	{name: "secret ID replaced", begin: (*world).forgetSecret, end: (*world).newSecret},
	{name: "policies pulled from the role", begin: func(w *world) error { return w.setRole("") }, end: func(w *world) error { return w.setRole(policy) }},
}

// emptied is a policy that allows nothing for a while.
var emptied = fault{
	name:  "policy emptied",
	begin: func(w *world) error { return w.vault.Policy(w.ctx, policy, `path "none" { capabilities = ["read"] }`) },
	end:   func(w *world) error { return w.allow(w.ctx) },
}

func mooded(m mood) func(*world) error {
	return func(w *world) error {
		w.proxy.set(m)
		return nil
	}
}

// allow writes the server's policy as it should be.
func (w *world) allow(ctx context.Context) error {
	return w.vault.Policy(ctx, policy, `
		path "persist/data/*" { capabilities = ["read"] }
		path "persist/metadata/*" { capabilities = ["list"] }
		path "auth/token/renew-self" { capabilities = ["update"] }
		path "auth/token/revoke-self" { capabilities = ["update"] }`)
}

// revoke ends every token that the server has.
func (w *world) revoke() error {
	return w.vault.Client.Sys().RevokePrefixWithContext(w.ctx, "auth/approle/login")
}

// setRole has the role give other policies, and the server take a new token.
func (w *world) setRole(policies string) error {
	_, err := w.vault.Client.Logical().WriteWithContext(w.ctx, "auth/approle/role/server", map[string]any{"token_policies": policies})
	if err != nil {
		return err
	}
	return w.revoke()
}

// forgetSecret destroys the secret ID that the server has, and its tokens.
func (w *world) forgetSecret() error {
	secret, err := os.ReadFile(w.secret)
	if err != nil {
		return err
	}
	_, err = w.vault.Client.Logical().WriteWithContext(w.ctx, "auth/approle/role/server/secret-id/destroy", map[string]any{"secret_id": string(secret)})
	if err != nil {
		return err
	}
	return w.revoke()
}

// newSecret gives the server another secret ID.
func (w *world) newSecret() error {
	var made *api.Secret
	err := persevere(func() (err error) {
		made, err = w.vault.Client.Logical().WriteWithContext(w.ctx, "auth/approle/role/server/secret-id", nil)
		return err
	})
	if err != nil {
		return err
	}
	return os.WriteFile(w.secret, []byte(made.Data["secret_id"].(string)), 0o600)
}
