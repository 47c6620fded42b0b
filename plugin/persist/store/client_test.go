package store

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A configuration is refused before anything is sent.
func TestConfigurationIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  VaultConfig
		env  map[string]string
		says string
	}{
		"plain http":                {VaultConfig{Address: "http://192.0.2.1:8200"}, nil, "in the clear: use https"},
		"plain http to a name":      {VaultConfig{Address: "http://vault.example.net:8200"}, nil, "in the clear: use https"},
		"plain http by environment": {VaultConfig{}, map[string]string{"VAULT_ADDR": "http://192.0.2.1:8200"}, "in the clear: use https"},
		"agent over plain http":     {VaultConfig{}, map[string]string{"VAULT_AGENT_ADDR": "http://192.0.2.1:8200"}, "in the clear: use https"},
		"plain http to a proxy":     {VaultConfig{Address: "http://127.0.0.1:8200"}, map[string]string{"VAULT_PROXY_ADDR": "http://192.0.2.1:3128"}, "to a proxy in the clear"},
		"another scheme":            {VaultConfig{Address: "ldap://vault.example.net"}, nil, "write https://HOST:PORT"},
		"no scheme":                 {VaultConfig{Address: "vault.example.net"}, nil, "write https://HOST:PORT"},
		"a user":                    {VaultConfig{Address: "https://me:secret@vault.example.net"}, nil, "user name"},
		"a user by environment":     {VaultConfig{}, map[string]string{"VAULT_ADDR": "https://me:secret@vault.example.net"}, "user name"},
		"a user of an agent":        {VaultConfig{}, map[string]string{"VAULT_AGENT_ADDR": "http://me:secret@127.0.0.1:1"}, "user name"},
		"a user, no port":           {VaultConfig{Address: "https://me:secret@vault.example.net:port"}, nil, "user name"},
		"a user, no scheme":         {VaultConfig{Address: "me:secret@vault.example.net"}, nil, "user name"},
		"a slash in a password":     {VaultConfig{Address: "https://me:1/secret@vault.example.net"}, nil, "user name"},
		"a user of a socket":        {VaultConfig{Address: "unix://me:secret@host/vault.sock"}, nil, "user name"},
		"half a user":               {VaultConfig{Address: "https://me:secret"}, nil, "the address cannot be parsed: write https://HOST:PORT"},
		"a user of a proxy":         {VaultConfig{Address: "https://192.0.2.1"}, map[string]string{"VAULT_PROXY_ADDR": "http://me:secret@192.0.2.1:port"}, "VAULT_PROXY_ADDR or VAULT_HTTP_PROXY cannot be parsed"},
		"no slashes":                {VaultConfig{Address: "https:vault.example.net"}, nil, "write https://HOST:PORT"},
		"no checks":                 {VaultConfig{Address: "https://192.0.2.1"}, map[string]string{"VAULT_SKIP_VERIFY": "1"}, "VAULT_SKIP_VERIFY"},
		"no CA":                     {VaultConfig{Address: "https://192.0.2.1", CACert: "/nowhere/ca.pem"}, nil, "/nowhere/ca.pem"},
		"a key alone":               {VaultConfig{Address: "https://192.0.2.1", ClientKey: "/nowhere/key.pem"}, nil, "both client cert and client key"},
		"no token":                  {VaultConfig{Address: "https://192.0.2.1"}, map[string]string{"VAULT_TOKEN": ""}, "VAULT_TOKEN is not set"},
		"cert without certificate":  {VaultConfig{Address: "https://192.0.2.1", Auth: "cert"}, nil, "auth cert shows a TLS client certificate: name it"},
		"unknown method":            {VaultConfig{Address: "https://192.0.2.1", Auth: "password"}, nil, `unknown auth method "password"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("VAULT_TOKEN", "hvs.test")
			for key, value := range tt.env {
				t.Setenv(key, value)
			}
			_, err := NewVault(tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("The error is %v, wanted %q", err, tt.says)
			}
		})
	}
}

func TestSourceIsNamedByWhatItHolds(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "hvs.test")
	for want, cfg := range map[string]VaultConfig{
		"https://192.0.2.1:8200/persist":       {Address: "https://192.0.2.1:8200"},
		"https://192.0.2.1:8200/team-a/policy": {Address: "https://192.0.2.1:8200/", Mount: "/policy/", Namespace: "team-a/"},
		"http://[::1]:8200/persist":            {Address: "http://[::1]:8200"},
		"http://localhost:8200/persist":        {Address: "http://localhost:8200"},
		"unix:///run/vault.sock/persist":       {Address: "unix:///run/vault.sock"},
	} {
		v, err := NewVault(cfg)
		check(t, err)
		if v.String() != want {
			t.Errorf("It is named %s, wanted %s", v, want)
		}
	}
}

func TestEnvironmentCountsAsForEveryClient(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	var seen sync.Mutex
	var namespace, header string
	f.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		seen.Lock()
		namespace, header = r.Header.Get("X-Vault-Namespace"), r.Header.Get("X-Extra")
		seen.Unlock()
		return false
	})
	t.Setenv("VAULT_TOKEN", "hvs.test")
	t.Setenv("VAULT_ADDR", f.URL)
	t.Setenv("VAULT_NAMESPACE", "team-a")
	t.Setenv("VAULT_HEADERS", `{"X-Extra": "1"}`)
	t.Setenv("VAULT_CLIENT_TIMEOUT", "7s")
	v, err := NewVault(VaultConfig{})
	check(t, err)
	if v.timeout != 7*time.Second {
		t.Errorf("The timeout is %v", v.timeout)
	}
	watch(t, v, nil).scan(t)
	if namespace != "team-a" || header != "1" {
		t.Errorf("Namespace %q and header %q were sent", namespace, header)
	}
}

func TestVaultIsReachedOverAUnixSocket(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	socket := filepath.Join(t.TempDir(), "vault@1.sock")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	check(t, err)
	server := &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	t.Setenv("VAULT_TOKEN", "hvs.test")
	v, err := NewVault(VaultConfig{Address: "unix://" + socket})
	check(t, err)
	watch(t, v, nil).scan(t)
	server.Close()
	watch(t, v, nil).fails(t, ErrUnavailable, socket)
}

func TestRetryAfterIsANumberOfSecondsOrADate(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"soon":                          0,
		"Tue, 24 Nov 2026 12:00:30 GMT": 30 * time.Second,
		"Tue, 24 Nov 2026 11:00:30 GMT": 0,
	} {
		if got := throttled(http.Header{"Retry-After": {value}}, now).RetryAfter; got != want {
			t.Errorf("%q is %v, wanted %v", value, got, want)
		}
	}
}

func TestDateIsTheStores(t *testing.T) {
	f, _ := loaded(t)
	f.Fail(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Tue, 24 Nov 2026 11:00:30 GMT")
		f.Read(w, "config")
	})
	v := f.vault(t)
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	v.now = func() time.Time { return at }
	_, err := v.Read(t.Context(), "config")
	check(t, err)
	if date, read := v.Date(); !date.Equal(time.Date(2026, 11, 24, 11, 0, 30, 0, time.UTC)) || !read.Equal(at) {
		t.Errorf("It is %v at %v", date, read)
	}
}

func TestClientCertificateIsReadForEveryConnection(t *testing.T) {
	dir := t.TempDir()
	pair := func() []byte {
		t.Helper()
		cert, key := newPair(t)
		check(t, os.WriteFile(filepath.Join(dir, "cert.pem"), cert, 0o600))
		check(t, os.WriteFile(filepath.Join(dir, "key.pem"), key, 0o600))
		return cert
	}
	pair()
	server := newTLSServer(t)
	v, err := NewVault(VaultConfig{
		Address: server.URL, CACert: server.ca, Auth: "token_file", TokenFile: write(t, "token", "hvs.test"),
		ClientCert: filepath.Join(dir, "cert.pem"), ClientKey: filepath.Join(dir, "key.pem"),
	})
	check(t, err)
	for range 2 {
		want := pair()
		server.CloseClientConnections()
		_, _ = v.Read(t.Context(), "config")
		if got := server.client(); string(got) != string(want) {
			t.Errorf("The server was shown\n%s", got)
		}
	}
}
