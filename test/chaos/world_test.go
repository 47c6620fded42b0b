package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"
)

// What the server is told, so that much happens in a short run.
const corefile = `persist %s {
	vault %s
	auth approle %s %s
	refresh 1s 1s
	max_stale 1m
	grace 1m
	ns ns1.example.net
	keys dir %s
}`

// world is a real Vault, a real server, and a proxy between them.
type world struct {
	ctx    context.Context
	start  time.Time
	model  *model
	home   map[string]string // of the model
	vault  *parts.Vault
	proxy  *proxy
	server *parts.Server
	secret string // the file of the secret ID
}

// now is the moment it is, by a clock that nobody sets.
func (w *world) now() moment { return time.Since(w.start) }

// newWorld starts everything, with documents that e writes.
func newWorld(t *testing.T, program string, seed uint64) (*world, *editor) {
	t.Helper()
	w := &world{ctx: t.Context(), start: time.Now()}
	w.model = &model{
		begin:     w.start,
		documents: map[string]*document{},
		home:      map[string]string{},
		accounts:  map[string]string{},
		maxStale:  time.Minute,
		grace:     time.Minute,
		floor:     96 * time.Hour,
		step:      time.Hour,
	}
	w.home = w.model.home
	w.vault = parts.NewVault(t, parts.VaultOptions{Backups: os.Getenv("PERSIST_VAULT_BIN") == ""})
	w.proxy = newProxy(t, w.vault.Address, w.now)
	e := &editor{
		world: w,
		vault: w.vault,
		rand:  rand.New(rand.NewPCG(seed, 0)), // #nosec G404 -- repeatable
		usual: usual,
		says:  map[string]map[string]claim{},
		made:  map[string]int{},
	}
	must(t, w.vault.Mount(w.ctx, mount))
	e.fill(w.ctx)
	must(t, e.err)
	w.serve(t, program)
	return w, e
}

// serve starts the server, with a role of its own.
func (w *world) serve(t *testing.T, program string) {
	t.Helper()
	must(t, w.allow(w.ctx))
	role, secret, err := w.vault.AppRole(w.ctx, "approle", "server", map[string]any{
		"token_policies": policy, "token_period": "1h", "token_no_default_policy": true,
	})
	must(t, err)
	dir := t.TempDir()
	w.secret = filepath.Join(dir, "secret-id")
	must(t, os.WriteFile(filepath.Join(dir, "role-id"), []byte(role), 0o600))
	must(t, os.WriteFile(w.secret, []byte(secret), 0o600))
	w.server = parts.NewCoreDNS(t, parts.CoreDNSOptions{
		Program: program,
		Zone:    zone,
		Plugins: fmt.Sprintf(corefile, zone, w.proxy.URL, filepath.Join(dir, "role-id"), w.secret, filepath.Join(dir, "keys")),
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
