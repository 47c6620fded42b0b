package store

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/google/go-cmp/cmp"
)

// write writes a file in a directory of the test and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	check(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// role makes an AppRole that may read the mount.
func (m *mount) role(t *testing.T, settings map[string]any) VaultConfig {
	t.Helper()
	m.source(t) // writes the policy
	settings["token_policies"] = m.name
	role, secret, err := m.AppRole(t.Context(), "approle", m.name, settings)
	check(t, err)
	return VaultConfig{
		Address: m.Address, Mount: m.name, Auth: "approle",
		RoleIDFile: write(t, "role-id", role+"\n"), SecretIDFile: write(t, "secret-id", secret+"\n"),
	}
}

// login opens the mount with an AppRole and loads it.
func login(t *testing.T, cfg VaultConfig) (*Vault, *rig) {
	t.Helper()
	v, err := NewVault(cfg)
	check(t, err)
	r := watch(t, v, nil)
	r.scan(t)
	return v, r
}

func (v *Vault) held() string {
	a := v.identity.(*appRole)
	if a.lease == nil {
		return ""
	}
	return a.lease.token
}

func TestTokenFileIsReadAgainWhenItChanges(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	file := write(t, "token", "hvs.nonsense\n")
	v, err := NewVault(VaultConfig{Address: m.Address, Mount: m.name, Auth: "token_file", TokenFile: file})
	check(t, err)
	r := watch(t, v, nil)
	r.fails(t, ErrDenied, "invalid token")
	check(t, os.WriteFile(file, []byte("  "+m.RootToken+"\n\n"), 0o600))
	r.scan(t)
	check(t, os.Remove(file))
	r.scan(t) // with the token before
	check(t, os.WriteFile(file, nil, 0o600))
	r.scan(t)
}

func TestMissingTokenFileIsNamed(t *testing.T) {
	v, err := NewVault(VaultConfig{Address: "http://127.0.0.1:1", Auth: "token_file", TokenFile: "/nowhere/token"})
	check(t, err)
	watch(t, v, nil).fails(t, ErrDenied, "there is no token", "/nowhere/token")
	v, err = NewVault(VaultConfig{Address: "http://127.0.0.1:1", Auth: "token_file", TokenFile: write(t, "token", "\n")})
	check(t, err)
	watch(t, v, nil).fails(t, ErrDenied, "is empty")
}

func TestAppRoleLogsInWhenAskedAndRevokesItsToken(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	cfg := m.role(t, map[string]any{"token_ttl": "1h"})
	v, err := NewVault(cfg)
	check(t, err)
	check(t, v.Close(t.Context())) // nothing to give back
	v, r := login(t, cfg)
	token := v.held()
	r.scan(t)
	if v.held() != token {
		t.Error("It has logged in twice")
	}
	if !m.valid(t, token) {
		t.Error("The token is not valid")
	}
	check(t, v.Close(t.Context()))
	if m.valid(t, token) {
		t.Error("The token is still valid after Close")
	}
}

// valid reports whether Vault knows token.
func (m *mount) valid(t *testing.T, token string) bool {
	t.Helper()
	_, err := m.Client.Auth().Token().LookupWithContext(t.Context(), token)
	return err == nil
}

func TestNobodyLogsInAfterClose(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	v, r := login(t, m.role(t, map[string]any{"token_ttl": "1h"}))
	check(t, v.Close(t.Context()))
	r.fails(t, nil, "the store is closed")
	if v.held() != "" {
		t.Error("It has logged in")
	}
	check(t, v.Close(t.Context()))
}

func TestAppRoleRenewsAtTwoThirdsOfTheLife(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	v, r := login(t, m.role(t, map[string]any{"token_ttl": "1h", "token_max_ttl": "24h"}))
	token := v.held()
	l := v.identity.(*appRole).lease
	if due := l.due.Sub(l.obtained); due > 40*time.Minute || due < 36*time.Minute {
		t.Errorf("It is due after %v", due)
	}
	r.clock.advance(39 * time.Minute)
	r.scan(t)
	if now := v.identity.(*appRole).lease; v.held() != token || now == l || now.expires.Sub(r.clock.now()) < 58*time.Minute {
		t.Errorf("It was not renewed: %+v", now)
	}
}

func TestAppRoleLogsInAnewWhereATokenCannotBeRenewed(t *testing.T) {
	for name, settings := range map[string]map[string]any{
		"batch":       {"token_ttl": "1h", "token_type": "batch"},
		"not allowed": {"token_ttl": "1h", "token_no_default_policy": true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMount(t)
			fill(t, m)
			v, r := login(t, m.role(t, settings))
			token := v.held()
			r.clock.advance(39 * time.Minute)
			r.scan(t)
			if v.held() == token {
				t.Error("It goes on with the token before")
			}
		})
	}
}

func TestAppRoleLogsInAnewWhereRenewalGivesLittle(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	v, r := login(t, m.role(t, map[string]any{"token_ttl": "1h"}))
	token := v.held()
	v.identity.(*appRole).lease.granted = 3 * time.Hour // as if one hour were what is left of three
	r.clock.advance(39 * time.Minute)
	r.scan(t)
	if v.held() == token {
		t.Error("It goes on with a token near its greatest age")
	}
	if m.valid(t, token) || !m.valid(t, v.held()) {
		t.Error("The token that was replaced is valid still, or the new one is not")
	}
}

func TestAppRoleLogsInAnewWhereTheTokenIsOver(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	v, r := login(t, m.role(t, map[string]any{"token_ttl": "1h"}))
	token := v.held()
	r.clock.advance(2 * time.Hour)
	r.scan(t)
	if v.held() == token {
		t.Error("It goes on with a token that is over")
	}
}

func TestBatchTokenIsNotRevoked(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	v, _ := login(t, m.role(t, map[string]any{"token_ttl": "1h", "token_type": "batch"}))
	check(t, v.Close(t.Context()))
}

func TestAppRoleLogsInAnewWhenTheTokenIsNotValid(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	v, r := login(t, m.role(t, map[string]any{"token_ttl": "1h"}))
	check(t, m.Revoke(t.Context(), v.held()))
	r.scan(t)
}

// A token has the policies that its role had when it was made.
func TestAppRoleLogsInAnewForMoreRightsEveryFiveMinutes(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	cfg := m.role(t, map[string]any{"token_ttl": "1h"})
	check(t, m.Policy(t.Context(), m.name+"-poor", `path "elsewhere" { capabilities = ["read"] }`))
	setPolicy := func(name string) {
		t.Helper()
		_, err := m.Client.Logical().WriteWithContext(t.Context(), "auth/approle/role/"+m.name, map[string]any{"token_policies": name})
		check(t, err)
	}
	setPolicy(m.name + "-poor")
	v, err := NewVault(cfg)
	check(t, err)
	r := watch(t, v, nil)
	r.fails(t, ErrDenied, "policy needs read")
	setPolicy(m.name)
	r.fails(t, ErrDenied, "policy needs read")
	r.clock.advance(relogin)
	r.scan(t)
}

// changes scans every five minutes for d and returns when the token was another
// one, counted in minutes from now on.
func (r *rig) changes(t *testing.T, v *Vault, d time.Duration) (minutes []int, tokens []string) {
	t.Helper()
	start, held := r.clock.now(), v.held()
	for r.clock.now().Sub(start) < d {
		r.clock.advance(4 * time.Minute)
		r.scan(t) // which takes a minute
		if now := v.held(); now != held {
			minutes = append(minutes, int(r.clock.now().Sub(start).Minutes()))
			tokens = append(tokens, held)
			held = now
		}
	}
	return minutes, tokens
}

// What stays denied, because nobody is to be allowed it, must not cost logins
// for ever.
func TestLoginsForMoreRightsGrowRare(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	cfg := m.role(t, map[string]any{"token_ttl": "768h"})
	v, r := login(t, cfg)
	rule := func(capability string) {
		t.Helper()
		check(t, m.Policy(t.Context(), m.name, strings.NewReplacer("MOUNT", m.name, "CAN", capability).Replace(`
			path "MOUNT/data/*"              { capabilities = ["read"] }
			path "MOUNT/metadata/*"          { capabilities = ["list"] }
			path "MOUNT/data/accounts/ops/*" { capabilities = ["CAN"] }`)))
	}
	rule("deny")
	minutes, replaced := r.changes(t, v, 5*time.Hour)
	if diff := cmp.Diff([]int{5, 15, 35, 75, 135, 195, 255}, minutes); diff != "" {
		t.Errorf("Logins (-want +got):\n%s", diff)
	}
	for _, token := range replaced {
		if m.valid(t, token) {
			t.Error("A token that was replaced is still valid")
		}
	}
	rule("read")
	if minutes, _ := r.changes(t, v, 70*time.Minute); minutes != nil {
		t.Errorf("It logs in though nothing is denied, after %v minutes", minutes)
	}
	rule("deny")
	minutes, _ = r.changes(t, v, 30*time.Minute)
	if diff := cmp.Diff([]int{5, 15}, minutes); diff != "" {
		t.Errorf("Logins when something is denied again (-want +got):\n%s", diff)
	}
}

func TestAppRoleSaysWhatToLookAt(t *testing.T) {
	m := newMount(t)
	cfg := m.role(t, map[string]any{})
	for name, tt := range map[string]struct {
		change func(*VaultConfig)
		class  error
		texts  []string
	}{
		"secret":        {func(c *VaultConfig) { c.SecretIDFile = write(t, "secret-id", "wrong-secret") }, ErrDenied, []string{"invalid role or secret ID", "secret-id"}},
		"role":          {func(c *VaultConfig) { c.RoleIDFile = write(t, "role-id", "wrong-role") }, ErrDenied, []string{"invalid role or secret ID", "role-id"}},
		"empty role":    {func(c *VaultConfig) { c.RoleIDFile = write(t, "role-id", "\n") }, ErrDenied, []string{"no role ID", "role-id"}},
		"no role":       {func(c *VaultConfig) { c.RoleIDFile = "/nowhere/role-id" }, ErrDenied, []string{"/nowhere/role-id"}},
		"no secret":     {func(c *VaultConfig) { c.SecretIDFile = "/nowhere/secret-id" }, ErrDenied, []string{"/nowhere/secret-id"}},
		"another mount": {func(c *VaultConfig) { c.AuthMount = "elsewhere" }, ErrDenied, []string{"is approle enabled at auth/elsewhere"}},
	} {
		t.Run(name, func(t *testing.T) {
			changed := cfg
			tt.change(&changed)
			v, err := NewVault(changed)
			check(t, err)
			r := watch(t, v, nil)
			r.fails(t, tt.class, tt.texts...)
			if all := strings.Join(r.log.warnings, "\n"); strings.Contains(all, "wrong-") {
				t.Errorf("The log quotes the secret: %s", all)
			}
		})
	}
}

func TestAppRoleBacksOff(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	good := m.role(t, map[string]any{})
	bad := good
	bad.SecretIDFile = write(t, "secret-id", "wrong")
	v, err := NewVault(bad)
	check(t, err)
	r := watch(t, v, nil)
	r.fails(t, ErrDenied)
	secret, err := os.ReadFile(good.SecretIDFile)
	check(t, err)
	check(t, os.WriteFile(bad.SecretIDFile, secret, 0o600))
	wantError(t, r.Scan(t.Context()), ErrDenied, "invalid role or secret ID") // too early
	r.scan(t)
}

func TestAppRoleKeepsItsTokenWhileLoginFails(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	cfg := m.role(t, map[string]any{"token_ttl": "1h", "token_type": "batch"})
	_, r := login(t, cfg)
	check(t, os.WriteFile(cfg.SecretIDFile, []byte("wrong"), 0o600))
	r.clock.advance(45 * time.Minute)
	r.scan(t)
	r.clock.advance(15 * time.Minute)
	r.fails(t, ErrDenied, "invalid role or secret ID")
}

func TestOneLoginServesAllRequests(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	v, err := NewVault(m.role(t, map[string]any{"token_num_uses": 0}))
	check(t, err)
	tokens := make([]string, 20)
	var group sync.WaitGroup
	for i := range tokens {
		group.Go(func() { tokens[i], _ = v.identity.token(t.Context()) })
	}
	group.Wait()
	for _, token := range tokens {
		if token == "" || token != tokens[0] {
			t.Fatal("There was more than one login")
		}
	}
}

func TestVaultIsReachedOverTLS(t *testing.T) {
	server := parts.NewVault(t, parts.VaultOptions{TLS: true})
	m := &mount{server, "persist"}
	check(t, m.Mount(t.Context(), m.name))
	fill(t, m)
	t.Setenv("VAULT_TOKEN", m.RootToken)
	v, err := NewVault(VaultConfig{Address: m.Address, CACert: m.CA})
	check(t, err)
	s := watch(t, v, nil).scan(t)
	if s.Date.IsZero() || time.Since(s.Date).Abs() > time.Minute || s.DateAt.IsZero() {
		t.Errorf("The store's date is %v, read at %v", s.Date, s.DateAt)
	}

	v, err = NewVault(VaultConfig{Address: m.Address})
	check(t, err)
	watch(t, v, nil).fails(t, ErrUnavailable, "name the CA")
	v, err = NewVault(VaultConfig{Address: strings.Replace(m.Address, "https", "http", 1)})
	check(t, err)
	if err := watch(t, v, nil).Scan(t.Context()); err == nil {
		t.Error("Plain http is served")
	}
}
