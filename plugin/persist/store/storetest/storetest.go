// Package storetest is a scripted Vault for tests: it speaks the part of the API
// that the store uses, as the store's contract tests hold it against a real one,
// and fails as it is told.
package storetest

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a KV version 2 mount named persist.
type Server struct {
	*httptest.Server

	mu       sync.Mutex
	versions map[string][]Version
	clock    time.Time     // when the last version was written
	ahead    time.Duration // of the machine's clock
	requests []string      // METHOD PATH
	tokens   tokens
	// fault answers in the place of the server if it returns true.
	fault func(w http.ResponseWriter, r *http.Request) bool
}

// Version is one version of a document.
type Version struct {
	Body               string
	Number             int
	Created            time.Time
	Deleted, Destroyed bool
}

// New starts a server for the time of a test.
func New(tb testing.TB) *Server {
	tb.Helper()
	f := newServer(tb)
	f.Start()
	return f
}

// NewTLS starts a server over TLS that has clients show their certificates, and
// returns the PEM file of who vouches for it.
func NewTLS(tb testing.TB) (f *Server, ca string) {
	tb.Helper()
	f = newServer(tb)
	f.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	f.StartTLS()
	ca = filepath.Join(tb.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600); err != nil {
		tb.Fatal(err)
	}
	return f, ca
}

func newServer(tb testing.TB) *Server {
	tb.Helper()
	f := &Server{versions: map[string][]Version{}}
	f.Server = httptest.NewUnstartedServer(f)
	tb.Cleanup(f.Close)
	return f
}

// ServeHTTP implements http.Handler.
func (f *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	fault := f.fault
	w.Header().Set("Date", f.now().UTC().Format(http.TimeFormat))
	f.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	if strings.HasPrefix(r.URL.Path, "/v1/auth/") || strings.HasPrefix(r.URL.Path, "/v1/sys/wrapping/") {
		f.authenticate(w, r)
		return
	}
	if !f.authorize(w, r) {
		return
	}
	path, data := strings.CutPrefix(r.URL.Path, "/v1/persist/data/")
	folder, list := strings.CutPrefix(r.URL.Path, "/v1/persist/metadata/")
	switch {
	case data:
		f.Read(w, path)
	case list && r.URL.Query().Get("list") == "true":
		f.list(w, folder)
	default:
		Refuse(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	}
}

// Read answers with the newest version of a document.
func (f *Server) Read(w http.ResponseWriter, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.versions[path]
	if len(all) == 0 {
		Refuse(w, http.StatusNotFound)
		return
	}
	v := all[len(all)-1]
	deletion := ""
	if v.Deleted {
		deletion = v.Created.Add(time.Second).Format(time.RFC3339Nano)
	}
	body := json.RawMessage(v.Body)
	w.Header().Set("Content-Type", "application/json")
	if v.Deleted || v.Destroyed {
		body = json.RawMessage("null")
		w.WriteHeader(http.StatusNotFound)
	}
	fmt.Fprintf(w, `{"data":{"data":%s,"metadata":{"created_time":%q,"deletion_time":%q,"destroyed":%t,"version":%d}}}`,
		body, v.Created.Format(time.RFC3339Nano), deletion, v.Destroyed, v.Number)
}

func (f *Server) list(w http.ResponseWriter, folder string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for path := range f.versions {
		if rest, ok := strings.CutPrefix(path, folder+"/"); ok {
			if name, _, deeper := strings.Cut(rest, "/"); deeper {
				rest = name + "/"
			}
			names = append(names, rest)
		}
	}
	if len(names) == 0 {
		Refuse(w, http.StatusNotFound)
		return
	}
	slices.Sort(names)
	_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"keys": slices.Compact(names)}})
}

// Refuse answers with Vault's form of an error.
func Refuse(w http.ResponseWriter, status int, texts ...string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": append([]string{}, texts...)})
}

// Set changes the versions of a document.
func (f *Server) Set(path string, change func([]Version) []Version) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = later(f.now(), f.clock.Add(time.Millisecond))
	if next := change(f.versions[path]); next == nil {
		delete(f.versions, path)
	} else {
		f.versions[path] = next
	}
}

// Ahead has the server's clock run ahead of the machine's from now on. Versions
// are still written one after the other, unless the clock is set back.
func (f *Server) Ahead(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d < f.ahead {
		f.clock = time.Time{}
	}
	f.ahead = d
}

func (f *Server) now() time.Time { return time.Now().Add(f.ahead) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Backup returns what restores all documents as they are now, and forgets those
// that were written since.
func (f *Server) Backup() (restore func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	saved := maps.Clone(f.versions)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.versions = maps.Clone(saved)
	}
}

// Put writes a new version.
func (f *Server) Put(path, body string) {
	f.Set(path, func(all []Version) []Version {
		return append(all, Version{Body: body, Number: len(all) + 1, Created: f.clock})
	})
}

// Last changes the newest version in place.
func (f *Server) Last(path string, change func(*Version)) {
	f.Set(path, func(all []Version) []Version {
		all = slices.Clone(all)
		change(&all[len(all)-1])
		return all
	})
}

// Drop forgets a document, without a word.
func (f *Server) Drop(path string) {
	f.Set(path, func([]Version) []Version { return nil })
}

// Remove deletes the newest version, and Undelete brings it back.
func (f *Server) Remove(path string) {
	f.Last(path, func(v *Version) { v.Deleted = true })
}

// Undelete is the inverse of Remove.
func (f *Server) Undelete(path string) {
	f.Last(path, func(v *Version) { v.Deleted = false })
}

// Destroy removes the newest version for good.
func (f *Server) Destroy(path string) {
	f.Last(path, func(v *Version) { v.Destroyed = true })
}

// Fail makes the server answer with fault where the path of the request ends in
// one of those given, everywhere if there are none.
func (f *Server) Fail(fault http.HandlerFunc, ends ...string) {
	f.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if len(ends) > 0 && !slices.ContainsFunc(ends, func(e string) bool { return strings.HasSuffix(r.URL.Path, e) }) {
			return false
		}
		fault(w, r)
		return true
	})
}

// Intercept has fault answer in the place of the server where it returns true;
// nil for no fault.
func (f *Server) Intercept(fault func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// Heal ends what Fail and Intercept began.
func (f *Server) Heal() { f.Intercept(nil) }

// Asked returns the requests since the last call.
func (f *Server) Asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.requests
	f.requests = nil
	return asked
}

// Answering is a fault that answers with an error of Vault.
func Answering(status int, texts ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { Refuse(w, status, texts...) }
}
