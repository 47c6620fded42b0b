package store

import (
	"cmp"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
)

// terms are those of a role: what comes of a login. The zero value is a token
// that is valid for an hour, may be renewed, and may read the documents.
type terms struct {
	ttl       time.Duration
	batch     bool
	noDefault bool // it lacks the policy default, by which tokens renew and revoke themselves
	denied    bool // it may not read the documents
}

// door is a login to a store with documents in it.
type door interface {
	config() VaultConfig
	set(t *testing.T, s terms) // the terms of the role from now on
	rotate(t *testing.T)       // hands out other credentials; those before are worth nothing
	revoke(t *testing.T, token string)
	valid(t *testing.T, token string) bool
}

// builders make a door to a fake or to a real Vault, for each auth method.
var builders = map[string]struct {
	fake func(*testing.T) *fakeDoor
	real func(*testing.T) *realDoor
}{
	"approle":    {fakeAppRole, realAppRole},
	"cert":       {fakeCert, realCert},
	"jwt":        {fakeJWT("jwt"), realJWT},
	"kubernetes": {fakeJWT("kubernetes"), realKubernetes},
}

// doors are all of them, each with documents behind it, and a role of no special
// terms.
func doors() map[string]func(*testing.T) door {
	all := map[string]func(*testing.T) door{}
	for name, builder := range builders {
		all["fake/"+name] = func(t *testing.T) door {
			t.Helper()
			d := builder.fake(t)
			fill(t, d.fake)
			d.set(t, terms{})
			return d
		}
		all["vault/"+name] = func(t *testing.T) door {
			t.Helper()
			d := builder.real(t)
			fill(t, d.mount)
			d.set(t, terms{})
			return d
		}
	}
	return all
}

// fakeDoor is a door of the fake.
type fakeDoor struct {
	*fake
	cfg  VaultConfig
	role storetest.Role
	turn func(t *testing.T) // hands out other credentials, and changes role
}

func (d *fakeDoor) config() VaultConfig { return d.cfg }

func (d *fakeDoor) set(_ *testing.T, s terms) {
	d.role.TTL, d.role.Batch, d.role.NoDefaultPolicy = max(s.ttl, time.Hour), s.batch, s.noDefault
	d.role.Policies = []string{"persist"}
	if s.denied {
		d.role.Policies = nil
	}
	d.SetRole(d.cfg.AuthMount, d.role)
}

func (d *fakeDoor) rotate(t *testing.T) {
	t.Helper()
	d.turn(t)
	d.SetRole(d.cfg.AuthMount, d.role)
}

func (d *fakeDoor) revoke(_ *testing.T, token string)     { d.Revoke(token) }
func (d *fakeDoor) valid(_ *testing.T, token string) bool { return d.Valid(token) }

// realDoor is a door of a real Vault.
type realDoor struct {
	*mount
	cfg  VaultConfig
	path string             // of the role
	role map[string]any     // its settings, but for the terms
	turn func(t *testing.T) // hands out other credentials, and may change role
}

func (d *realDoor) config() VaultConfig { return d.cfg }

func (d *realDoor) set(t *testing.T, s terms) {
	t.Helper()
	d.role["token_ttl"], d.role["token_max_ttl"] = max(s.ttl, time.Hour).String(), "768h"
	d.role["token_type"], d.role["token_no_default_policy"] = "service", s.noDefault
	d.role["token_policies"] = d.name
	if s.batch {
		d.role["token_type"] = "batch"
	}
	if s.denied {
		d.role["token_policies"] = "elsewhere"
	}
	d.write(t, d.path, d.role)
}

func (d *realDoor) rotate(t *testing.T) {
	t.Helper()
	d.turn(t)
	d.write(t, d.path, d.role)
}

func (d *realDoor) revoke(t *testing.T, token string) {
	t.Helper()
	check(t, d.Revoke(t.Context(), token))
}

// write writes settings to a path of Vault and returns the answer's data.
func (m *mount) write(t *testing.T, path string, settings map[string]any) map[string]any {
	t.Helper()
	made, err := m.Client.Logical().WriteWithContext(t.Context(), path, settings)
	check(t, err)
	if made == nil {
		return nil
	}
	return made.Data
}

// valid reports whether Vault knows token.
func (m *mount) valid(t *testing.T, token string) bool {
	t.Helper()
	_, err := m.Client.Auth().Token().LookupWithContext(t.Context(), token)
	return err == nil
}

// newRealDoor enables an auth method at a mount of its own, with a policy that
// lets read the documents.
func newRealDoor(t *testing.T, m *mount, method, role string) *realDoor {
	t.Helper()
	m.source(t) // writes the policy
	check(t, m.EnableAuth(t.Context(), m.name, method))
	return &realDoor{
		mount: m,
		cfg:   VaultConfig{Address: m.Address, Mount: m.name, Auth: method, AuthMount: m.name},
		path:  fmt.Sprintf("auth/%s/%s", m.name, role),
		role:  map[string]any{},
	}
}

// secretFiles are what makes the credentials of a door.
func secretFiles(cfg VaultConfig) []string {
	if cfg.Auth == "cert" {
		return []string{cfg.ClientCert, cfg.ClientKey}
	}
	return []string{cmp.Or(cfg.SecretIDFile, cfg.JWTFile)}
}

// misplace takes the credentials of a door away, until restore is called.
func misplace(t *testing.T, cfg VaultConfig) (restore func()) {
	t.Helper()
	for _, file := range secretFiles(cfg) {
		check(t, os.Rename(file, file+".away"))
	}
	return func() {
		for _, file := range secretFiles(cfg) {
			check(t, os.Rename(file+".away", file))
		}
	}
}

// spoil makes the credentials of a door be worth nothing, until restore is
// called.
func spoil(t *testing.T, cfg VaultConfig) (restore func()) {
	t.Helper()
	restore = misplace(t, cfg)
	if cfg.Auth == "cert" {
		renewPair(t, cfg)
	} else {
		rewrite(t, secretFiles(cfg)[0], "spoilt")
	}
	return restore
}
