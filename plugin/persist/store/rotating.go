package store

import (
	"cmp"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"sync"

	"github.com/hashicorp/vault/api"
)

// tlsFiles are the files that TLS with Vault depends on. A name is empty where
// there is none.
type tlsFiles struct {
	ca        string // PEM file
	caPath    string // directory of PEM files
	cert, key string // PEM files
}

// newTLSFiles are those that cfg names, and else the environment, with the
// precedence that every client of Vault has.
func newTLSFiles(cfg VaultConfig) tlsFiles {
	f := tlsFiles{
		ca:   cmp.Or(cfg.CACert, os.Getenv(api.EnvVaultCACert)),
		cert: cmp.Or(cfg.ClientCert, os.Getenv(api.EnvVaultClientCert)),
		key:  cmp.Or(cfg.ClientKey, os.Getenv(api.EnvVaultClientKey)),
	}
	if f.ca == "" && os.Getenv(api.EnvVaultCACertBytes) == "" {
		f.caPath = os.Getenv(api.EnvVaultCAPath)
	}
	return f
}

// configure has a transport use the files as they are now.
func (f tlsFiles) configure(t *http.Transport) error {
	c := api.Config{HttpClient: &http.Client{Transport: t}}
	return c.ConfigureTLS(&api.TLSConfig{CACert: f.ca, CAPath: f.caPath, ClientCert: f.cert, ClientKey: f.key})
}

// look returns what changes when a file does, nil for one that is not there.
func (f tlsFiles) look() [4]fs.FileInfo {
	var seen [4]fs.FileInfo
	for i, name := range []string{f.ca, f.caPath, f.cert, f.key} {
		if name != "" {
			seen[i], _ = os.Stat(name)
		}
	}
	return seen
}

func same(a, b [4]fs.FileInfo) bool {
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) {
			return false
		}
		if a[i] != nil && (!os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime())) {
			return false
		}
	}
	return true
}

// rotating is a transport that is made anew when its TLS files have changed, for
// certificates are replaced while we run. New connections are then made by the
// files as they are; those before end as soon as they are idle, so that none
// shows a certificate for long that was replaced.
type rotating struct {
	files tlsFiles

	mu        sync.Mutex
	transport *http.Transport // guarded by mu
	seen      [4]fs.FileInfo  // the files, when they were looked at last; guarded by mu
	err       error           // why they cannot be used as they are now; guarded by mu
}

// newRotating returns a transport like t, whose TLS files are these.
func newRotating(t *http.Transport, files tlsFiles) (*rotating, error) {
	r := &rotating{files: files, transport: t, seen: files.look()}
	return r, files.configure(t)
}

// RoundTrip implements http.RoundTripper.
func (r *rotating) RoundTrip(req *http.Request) (*http.Response, error) {
	transport, unusable := r.current()
	resp, err := transport.RoundTrip(req)
	if err != nil && unusable != nil {
		err = fmt.Errorf("%w, and the TLS files, which have changed, cannot be used: %w", err, unusable)
	}
	return resp, err
}

// current returns the transport to use now. Where the files cannot be used, as
// in the moment when one of two is replaced, it is the one before.
func (r *rotating) current() (*http.Transport, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.files.look()
	if same(now, r.seen) {
		return r.transport, r.err
	}
	next := r.transport.Clone()
	next.TLSNextProto, next.ForceAttemptHTTP2 = nil, true // HTTP/2 has its own connections, which Clone would share
	if r.seen, r.err = now, r.files.configure(next); r.err == nil {
		r.transport.CloseIdleConnections()
		r.transport = next
	}
	return r.transport, r.err
}
