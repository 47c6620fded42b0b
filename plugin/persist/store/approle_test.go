package store

import (
	"fmt"
	"maps"
	"os"
	"testing"
)

func fakeAppRole(t *testing.T) *fakeDoor {
	t.Helper()
	f := newFake(t)
	d := &fakeDoor{fake: f, cfg: VaultConfig{
		Address: f.URL, Auth: "approle", AuthMount: "doors/approle",
		RoleIDFile: write(t, "role-id", "the-role\n"), SecretIDFile: write(t, "secret-id", "secret-0\n"),
	}}
	d.role.Says = map[string]string{"role_id": "the-role", "secret_id": "secret-0"}
	n := 0
	d.turn = func(t *testing.T) {
		t.Helper()
		n++
		d.role.Says = maps.Clone(d.role.Says)
		d.role.Says["secret_id"] = fmt.Sprintf("secret-%d", n)
		rewrite(t, d.cfg.SecretIDFile, d.role.Says["secret_id"])
	}
	return d
}

func realAppRole(t *testing.T) *realDoor {
	t.Helper()
	d := newRealDoor(t, newMount(t), "approle", "role/server")
	d.write(t, d.path, d.role)
	about, err := d.Client.Logical().ReadWithContext(t.Context(), d.path+"/role-id")
	check(t, err)
	d.cfg.RoleIDFile = write(t, "role-id", fmt.Sprintln(about.Data["role_id"]))
	d.cfg.SecretIDFile = write(t, "secret-id", fmt.Sprintln(d.secretID(t)))
	d.turn = func(t *testing.T) {
		t.Helper()
		before, err := os.ReadFile(d.cfg.SecretIDFile)
		check(t, err)
		d.write(t, d.path+"/secret-id/destroy", map[string]any{"secret_id": string(before[:len(before)-1])})
		rewrite(t, d.cfg.SecretIDFile, fmt.Sprintln(d.secretID(t)))
	}
	return d
}

// secretID makes a secret ID of an AppRole.
func (d *realDoor) secretID(t *testing.T) string {
	t.Helper()
	return fmt.Sprint(d.write(t, d.path+"/secret-id", nil)["secret_id"])
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
