package store

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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"
)

// newPair makes a client certificate and its key, in PEM.
func newPair(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
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

	mu   sync.Mutex
	last []byte // guarded by mu
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
	s.StartTLS()
	t.Cleanup(s.Close)
	s.ca = write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	return s
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
