package store

import (
	"os"
	"testing"
)

// secretFile is the file with the credentials of a door.
func secretFile(cfg VaultConfig) string { return cfg.SecretIDFile }

// misplace takes the credentials of a door away, until restore is called.
func misplace(t *testing.T, cfg VaultConfig) (restore func()) {
	t.Helper()
	file := secretFile(cfg)
	check(t, os.Rename(file, file+".away"))
	return func() { check(t, os.Rename(file+".away", file)) }
}

// spoil makes the credentials of a door be worth nothing, until restore is
// called.
func spoil(t *testing.T, cfg VaultConfig) (restore func()) {
	t.Helper()
	restore = misplace(t, cfg)
	rewrite(t, secretFile(cfg), "spoilt")
	return restore
}

func TestAppRoleNamesFilesItCannotUse(t *testing.T) {
	for name, change := range map[string]func(*VaultConfig){
		"/nowhere/role-id":   func(c *VaultConfig) { c.RoleIDFile = "/nowhere/role-id" },
		"role-id is empty":   func(c *VaultConfig) { c.RoleIDFile = write(t, "role-id", "\n") },
		"/nowhere/secret-id": func(c *VaultConfig) { c.SecretIDFile = "/nowhere/secret-id" },
		"secret-id is empty": func(c *VaultConfig) { c.SecretIDFile = write(t, "secret-id", "") },
	} {
		cfg := fakeAppRole(t).cfg
		change(&cfg)
		v, err := NewVault(cfg)
		check(t, err)
		watch(t, v, nil).fails(t, ErrDenied, "there is nothing to log in with", name)
	}
}
