package store

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
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

// Who reads "permission denied" looks for what is wrong in Vault, which nobody has
// asked.
func TestFileThatIsNotThereIsNoDenial(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	check(t, err)
	roleID := write(t, "role-id", "role")
	for says, cfg := range map[string]VaultConfig{
		"write the role ID there, by vault read -field=role_id auth/doors/role/ROLE/role-id":           {Auth: "approle", AuthMount: "doors", RoleIDFile: "gone", SecretIDFile: "gone"},
		"write a secret ID there, by vault write -field=secret_id -f auth/approle/role/ROLE/secret-id": {Auth: "approle", RoleIDFile: roleID, SecretIDFile: "gone"},
		"write a wrapping token there, by vault write -wrap-ttl=1h":                                    {Auth: "approle", RoleIDFile: roleID, SecretIDFile: "gone", Wrapped: true},
		"have Vault Agent, or who else keeps it, write a token there":                                  {Auth: "token_file", TokenFile: "gone"},
		"name the file that has it: auth kubernetes ROLE JWT_FILE":                                     {Auth: "kubernetes", Role: "dns", JWTFile: "gone"},
		"have whoever signs the JWTs of this server write one there":                                   {Auth: "jwt", Role: "dns", JWTFile: "gone"},
	} {
		cfg.Address = "http://127.0.0.1:1"
		v, err := NewVault(cfg)
		check(t, err)
		_, err = v.Read(t.Context(), "config")
		wantError(t, err, ErrDenied, filepath.Join(here, "gone")+": no such file or directory: ", says)
		if strings.Contains(err.Error(), ErrDenied.Error()) {
			t.Errorf("It reads like a denial by Vault: %v", err)
		}
	}
}

// wrap turns a door of AppRole into one whose file holds wrapping tokens, and
// returns what writes one of the secret ID in use.
func (d *fakeDoor) wrap() (again func(t *testing.T)) {
	d.cfg.Wrapped = true
	return func(t *testing.T) {
		t.Helper()
		rewrite(t, d.cfg.SecretIDFile, d.Wrap("auth/doors/approle/role/dns/secret-id", d.role.Says["secret_id"])+"\n")
	}
}

func (d *realDoor) wrap() (again func(t *testing.T)) {
	d.cfg.Wrapped = true
	return func(t *testing.T) {
		t.Helper()
		rewrite(t, d.cfg.SecretIDFile, d.wrapped(t, d.path+"/secret-id", nil))
	}
}

// wrapped writes to a path and returns the wrapping token of the answer.
func (d *realDoor) wrapped(t *testing.T, path string, settings map[string]any) string {
	t.Helper()
	c, err := d.Client.CloneWithHeaders()
	check(t, err)
	c.SetToken(d.RootToken)
	c.SetWrappingLookupFunc(func(string, string) string { return "1h" })
	made, err := c.Logical().WriteWithContext(t.Context(), path, settings)
	check(t, err)
	return made.WrapInfo.Token
}

// wrappedDoors are those of AppRole, with a wrapping token in the file that nobody
// has used, and what writes another one.
var wrappedDoors = map[string]func(*testing.T) (door, func(*testing.T)){
	"fake": func(t *testing.T) (door, func(*testing.T)) {
		t.Helper()
		d := fakeAppRole(t)
		fill(t, d.fake)
		d.set(t, terms{})
		again := d.wrap()
		again(t)
		return d, again
	},
	"vault": func(t *testing.T) (door, func(*testing.T)) {
		t.Helper()
		d := realAppRole(t)
		fill(t, d.mount)
		d.set(t, terms{})
		again := d.wrap()
		again(t)
		return d, again
	},
}

func TestWrappedSecretIDIsUnwrappedOnceAndKept(t *testing.T) {
	for name, open := range wrappedDoors {
		t.Run(name, func(t *testing.T) {
			d, _ := open(t)
			v, r := enter(t, d)
			for range 3 {
				d.revoke(t, v.held(t))
				r.scan(t)
			}
			// As where a stanza changes, and the store is opened anew.
			enter(t, d)
		})
	}
}

func TestWrappingTokenThatSomebodyHasUsedIsSaidToBe(t *testing.T) {
	for name, open := range wrappedDoors {
		t.Run(name, func(t *testing.T) {
			d, again := open(t)
			enter(t, d)
			forgetUnwrapped(d) // as a server does that is started anew
			v, err := NewVault(d.config())
			check(t, err)
			r := watch(t, v, nil)
			r.fails(t, ErrDenied, d.config().SecretIDFile, "was used already, or has run out", "write another one, by vault write -wrap-ttl=1h",
				"auth/"+d.config().AuthMount+"/role/ROLE/secret-id", "somebody else has the secret ID")
			again(t)
			r.scan(t)
		})
	}
}

func forgetUnwrapped(d door) {
	unwrapped.Lock()
	defer unwrapped.Unlock()
	delete(unwrapped.byFile, d.config().SecretIDFile)
}

func TestAnotherWrappingTokenInTheFileCounts(t *testing.T) {
	for name, open := range wrappedDoors {
		t.Run(name, func(t *testing.T) {
			d, again := open(t)
			v, r := enter(t, d)
			again(t)
			d.revoke(t, v.held(t))
			r.scan(t)
		})
	}
}

// Whoever can write the file, and may wrap something, could have the server log
// in as it likes.
func TestWrappingTokenOfSomethingElseIsNotUsed(t *testing.T) {
	d := realAppRole(t)
	d.set(t, terms{})
	d.wrap()
	rewrite(t, d.cfg.SecretIDFile, d.wrapped(t, "sys/wrapping/wrap", map[string]any{"secret_id": d.secretID(t)}))
	v, err := NewVault(d.cfg)
	check(t, err)
	watch(t, v, nil).fails(t, ErrDenied, `wraps what was made at "sys/wrapping/wrap"`, "somebody may have exchanged it")
	wrapping, err := os.ReadFile(d.cfg.SecretIDFile)
	check(t, err)
	if _, err := d.Client.Logical().Unwrap(string(wrapping)); err != nil {
		t.Errorf("It was used: %v", err)
	}
}

func TestVaultThatIsAwayCostsNoWrappingToken(t *testing.T) {
	d := fakeAppRole(t)
	fill(t, d.fake)
	d.set(t, terms{})
	d.wrap()(t)
	v, err := NewVault(d.cfg)
	check(t, err)
	r := watch(t, v, nil)
	d.Fail(storetest.Answering(http.StatusServiceUnavailable, "Vault is sealed"))
	r.fails(t, ErrUnavailable, "sealed: unseal it")
	d.Heal()
	r.scan(t)
}

func TestSecretIDThatWasUnwrappedMayRunOut(t *testing.T) {
	d := realAppRole(t)
	fill(t, d.mount)
	d.role["secret_id_num_uses"] = 1
	d.set(t, terms{})
	d.wrap()(t)
	v, r := enter(t, d)
	d.revoke(t, v.held(t))
	r.fails(t, ErrDenied, "or is another wrapping token needed there")
}

// A row of docs/failures.md. What the server has read stays, and by whatever it
// logs in again it goes on.
func TestWhenASecretIDIsDestroyedLoginsGoOnWithTheNextOne(t *testing.T) {
	for _, name := range []string{"fake/approle", "vault/approle"} {
		t.Run(name, func(t *testing.T) {
			d := doors()[name](t)
			v, r := enter(t, d)
			read, token := r.Snapshot(), v.held(t)
			file := d.config().SecretIDFile
			destroyed, err := os.ReadFile(file)
			check(t, err)
			d.rotate(t)
			next, err := os.ReadFile(file)
			check(t, err)
			rewrite(t, file, string(destroyed))
			d.revoke(t, token)
			for range 3 {
				r.fails(t, ErrDenied, "is approle enabled at auth/")
				if r.Snapshot() != read {
					t.Error("What was read is not kept")
				}
			}
			rewrite(t, file, string(next))
			r.scan(t)
		})
	}
}
