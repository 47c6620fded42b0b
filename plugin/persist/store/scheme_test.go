package store

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
)

func TestWrongOneOfHTTPAndHTTPSIsNamed(t *testing.T) {
	secure, ca := storetest.NewTLS(t)
	plain := newFake(t)
	at, to := strings.TrimPrefix(secure.URL, "https://"), strings.TrimPrefix(plain.URL, "http://")
	for name, cfg := range map[string]VaultConfig{
		"token":   {Auth: "token_file", TokenFile: write(t, "token", "hvs.test")},
		"login":   {Auth: "jwt", Role: "dns", JWTFile: write(t, "jwt", "a.b.c")},
		"wrapped": {Auth: "approle", RoleIDFile: write(t, "role-id", "role"), SecretIDFile: write(t, "wrapped", "hvs.wrapping"), Wrapped: true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.CACert = ca
			cfg.Address = "http://" + at
			_, err := newVault(t, cfg).Read(t.Context(), "config")
			// Its answer may be lost with the connection, which it ends at once.
			wantError(t, err, ErrUnavailable, "write https://"+at)
			cfg.Address = "https://" + to
			_, err = newVault(t, cfg).Read(t.Context(), "config")
			wantError(t, err, ErrUnavailable, to+" speaks http: write http://"+to)
		})
	}
}

func TestAnswerInTheClearOfAServerWithTLSIsUnderstood(t *testing.T) {
	f := newFake(t)
	f.Fail(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Client sent an HTTP request to an HTTPS server.", http.StatusBadRequest)
	})
	at := strings.TrimPrefix(f.URL, "http://")
	_, err := f.source(t).(*Vault).Read(t.Context(), "config")
	wantError(t, err, ErrUnavailable, at+" speaks https: write https://"+at)
}

// A service of systemd has none of the variables that a terminal has.
func TestAddressThatNobodyNamedIsSaidToBeTheDefault(t *testing.T) {
	const says = "VAULT_ADDR is not set, so this is the default address"
	for _, name := range []string{"VAULT_ADDR", "VAULT_AGENT_ADDR"} {
		t.Setenv(name, "")
		check(t, os.Unsetenv(name))
	}
	cfg := VaultConfig{Auth: "token_file", TokenFile: write(t, "token", "hvs.test")}
	_, err := newVault(t, cfg).Read(t.Context(), "config")
	wantError(t, err, ErrUnavailable, "at https://127.0.0.1:8200: ", says)
	t.Setenv("VAULT_ADDR", "https://127.0.0.1:1")
	_, err = newVault(t, cfg).Read(t.Context(), "config")
	wantError(t, err, ErrUnavailable, "connection refused")
	if strings.Contains(err.Error(), says) {
		t.Errorf("The address was named: %v", err)
	}
}

func newVault(t *testing.T, cfg VaultConfig) *Vault {
	t.Helper()
	v, err := NewVault(cfg)
	check(t, err)
	return v
}
