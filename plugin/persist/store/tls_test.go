package store

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"
)

// newPair makes a certificate that vouches for itself, for clients and for
// servers on 127.0.0.1, and its key, in PEM.
func newPair(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	id := []byte(rand.Text())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), SubjectKeyId: id, AuthorityKeyId: id, Subject: pkix.Name{CommonName: "coredns"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	check(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	check(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// tlsServer remembers the certificate of the last client.
type tlsServer struct {
	*httptest.Server
	ca string // PEM file

	mu    sync.Mutex
	last  []byte           // guarded by mu
	shown *tls.Certificate // in the place of its own; guarded by mu
}

func newTLSServer(t *testing.T) *tlsServer {
	t.Helper()
	s := &tlsServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last = nil
		for _, c := range r.TLS.PeerCertificates {
			s.last = append(s.last, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
		}
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	s.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.shown == nil {
			return nil, nil
		}
		return &tls.Config{Certificates: []tls.Certificate{*s.shown}, MinVersion: tls.VersionTLS12}, nil
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	s.ca = write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	return s
}

// present has the server show another certificate to whoever connects from now
// on, and returns it in PEM.
func (s *tlsServer) present(t *testing.T) string {
	t.Helper()
	cert, key := newPair(t)
	pair, err := tls.X509KeyPair(cert, key)
	check(t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = &pair
	s.CloseClientConnections()
	return string(cert)
}

func (s *tlsServer) client() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
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

func TestCAIsReadAgainWhenItChanges(t *testing.T) {
	for name, set := range map[string]func(t *testing.T, ca string) VaultConfig{
		"tls": func(_ *testing.T, ca string) VaultConfig { return VaultConfig{CACert: ca} },
		"VAULT_CACERT": func(t *testing.T, ca string) VaultConfig {
			t.Helper()
			t.Setenv("VAULT_CACERT", ca)
			return VaultConfig{}
		},
		"VAULT_CAPATH": func(t *testing.T, ca string) VaultConfig {
			t.Helper()
			t.Setenv("VAULT_CAPATH", filepath.Dir(ca))
			return VaultConfig{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newTLSServer(t)
			cfg := set(t, server.ca)
			cfg.Address, cfg.Auth, cfg.TokenFile = server.URL, "token_file", write(t, "token", "hvs.test")
			v, err := NewVault(cfg)
			check(t, err)
			reaches := func(want bool, texts ...string) {
				t.Helper()
				_, err := v.Read(t.Context(), "config")
				if errors.Is(err, ErrUnavailable) == want {
					t.Errorf("The server is reached: %t, %v", !want, err)
				}
				for _, text := range texts {
					if !strings.Contains(err.Error(), text) {
						t.Errorf("The error does not say %q: %v", text, err)
					}
				}
			}
			reaches(true)
			ca := server.present(t)
			reaches(false, "name the CA")
			check(t, os.Remove(server.ca))
			if name != "VAULT_CAPATH" { // a directory may be empty
				reaches(false, "the TLS files, which have changed, cannot be used", server.ca)
			}
			rewrite(t, server.ca, ca)
			reaches(true)
		})
	}
}

func TestFilesThatCannotBeUsedLeaveTheConnectionAsItWas(t *testing.T) {
	server := newTLSServer(t)
	v, err := NewVault(VaultConfig{Address: server.URL, CACert: server.ca, Auth: "token_file", TokenFile: write(t, "token", "hvs.test")})
	check(t, err)
	rewrite(t, server.ca, "half a certif")
	server.CloseClientConnections()
	if _, err := v.Read(t.Context(), "config"); errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

func TestHTTP2StaysWhenTheFilesChange(t *testing.T) {
	var proto atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { proto.Store(r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	v, err := NewVault(VaultConfig{Address: server.URL, CACert: ca, Auth: "token_file", TokenFile: write(t, "token", "hvs.test")})
	check(t, err)
	for i := range 3 {
		proto.Store("")
		_, _ = v.Read(t.Context(), "config")
		if proto.Load() != "HTTP/2.0" {
			t.Errorf("It is asked over %q", proto.Load())
		}
		changed := time.Now().Add(time.Duration(i+1) * time.Hour)
		check(t, os.Chtimes(ca, changed, changed))
	}
}
