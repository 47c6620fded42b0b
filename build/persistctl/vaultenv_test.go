package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"
)

// front stands between persistctl and a real Vault, and keeps what came last.
type front struct {
	*httptest.Server

	token string // that it adds, as an agent does; empty: none

	mu   sync.Mutex
	last *http.Request // guarded by mu
}

func newFront(t *testing.T, v *parts.Vault) *front {
	t.Helper()
	behind, err := url.Parse(v.Address)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{}
	to := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Header.Del("X-Vault-Namespace") // of Enterprise
		if f.token != "" {
			r.Out.Header.Set("X-Vault-Token", f.token)
		}
	}}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.last = r
		f.mu.Unlock()
		to.ServeHTTP(w, r)
	}))
	f.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	t.Cleanup(f.Close)
	return f
}

// ca is the PEM file of who vouches for the front, alone in its directory.
func (f *front) ca(t *testing.T) string {
	t.Helper()
	return pemFile(t, "CERTIFICATE", f.Certificate().Raw)
}

func pemFile(t *testing.T, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// clientPair returns the files of a client's certificate and of its key.
func clientPair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pemFile(t, "CERTIFICATE", der), pemFile(t, "PRIVATE KEY", pkcs8)
}

// filledVault is a real Vault with documents, and the environment without any
// variable of it.
func filledVault(t *testing.T) *parts.Vault {
	t.Helper()
	for _, set := range os.Environ() {
		if name, value, _ := strings.Cut(set, "="); strings.HasPrefix(name, "VAULT_") {
			t.Setenv(name, value) // restored after the test
			os.Unsetenv(name)
		}
	}
	t.Setenv("HOME", t.TempDir())
	v := parts.NewVault(t, parts.VaultOptions{})
	if err := v.Mount(t.Context(), "persist"); err != nil {
		t.Fatal(err)
	}
	if err := v.Put(t.Context(), "persist", "config", `{"schema": 1}`); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVariablesOfVaultCountAsForTheVaultCommand(t *testing.T) {
	v := filledVault(t)
	f := newFront(t, v)
	f.StartTLS()
	ca := f.ca(t)
	vouching := map[string]string{"VAULT_CACERT": ca, "VAULT_CAPATH": filepath.Dir(ca), "VAULT_CACERT_BYTES": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}))}
	cert, key := clientPair(t)
	for name, value := range map[string]string{
		"VAULT_ADDR": f.URL, "VAULT_TOKEN": v.RootToken, "VAULT_NAMESPACE": "team-a", "VAULT_CLIENT_CERT": cert, "VAULT_CLIENT_KEY": key,
		"VAULT_TLS_SERVER_NAME": "example.com", "VAULT_HEADERS": `{"X-Extra": "1"}`, "VAULT_CLIENT_TIMEOUT": "30s",
	} {
		t.Setenv(name, value)
	}
	var out, complaint strings.Builder
	if execute([]string{"lint", "--vault"}, &out, &complaint) != exitFailed || !strings.Contains(complaint.String(), "VAULT_CACERT") {
		t.Fatalf("Expected a hint that nobody vouches for the server, got %s", complaint.String())
	}
	for name, value := range vouching {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			f.last = nil
			persistctl(t, "lint", "--vault")
			if f.last == nil {
				t.Fatal("Nothing came")
			}
			if h := f.last.Header; h.Get("X-Vault-Namespace") != "team-a" || h.Get("X-Extra") != "1" {
				t.Errorf("Expected the namespace and the header, got %v", h)
			}
			if s := f.last.TLS; s.ServerName != "example.com" || len(s.PeerCertificates) != 1 || s.PeerCertificates[0].SerialNumber.Int64() != 7 {
				t.Errorf("Expected the server's name and the client's certificate, got %q and %d certificates", s.ServerName, len(s.PeerCertificates))
			}
		})
	}
}

// An agent or proxy that is logged in by itself, as with use_auto_auth_token.
func TestAnAgentAddsItsTokenWhereThereIsNone(t *testing.T) {
	v := filledVault(t)
	f := newFront(t, v)
	f.token = v.RootToken
	f.Start()
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1")
	t.Setenv("VAULT_AGENT_ADDR", f.URL)
	persistctl(t, "lint", "--vault")
	if f.last == nil || f.last.Header.Get("X-Vault-Token") != "" {
		t.Errorf("Expected no token to be sent to the agent, got %+v", f.last)
	}
}
