package store

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a server that speaks the API of a KV version 2 mount named persist,
// as the contract tests hold it against a real Vault, and can be told to fail.
type fake struct {
	*httptest.Server

	mu       sync.Mutex
	versions map[string][]fakeVersion
	clock    time.Time
	requests []string // METHOD PATH
	// fault answers in the place of the server if it returns true.
	fault func(w http.ResponseWriter, r *http.Request) bool
}

type fakeVersion struct {
	body               string
	number             int
	created            time.Time
	deleted, destroyed bool
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{versions: map[string][]fakeVersion{}, clock: time.Date(2026, 11, 1, 0, 0, 0, 1, time.UTC)}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	fault := f.fault
	f.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	path, data := strings.CutPrefix(r.URL.Path, "/v1/persist/data/")
	folder, list := strings.CutPrefix(r.URL.Path, "/v1/persist/metadata/")
	switch {
	case data:
		f.read(w, path)
	case list && r.URL.Query().Get("list") == "true":
		f.list(w, folder)
	default:
		refuse(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	}
}

func (f *fake) read(w http.ResponseWriter, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.versions[path]
	if len(all) == 0 {
		refuse(w, http.StatusNotFound)
		return
	}
	v := all[len(all)-1]
	deletion := ""
	if v.deleted {
		deletion = v.created.Add(time.Second).Format(time.RFC3339Nano)
	}
	body := json.RawMessage(v.body)
	w.Header().Set("Content-Type", "application/json")
	if v.deleted || v.destroyed {
		body = json.RawMessage("null")
		w.WriteHeader(http.StatusNotFound)
	}
	fmt.Fprintf(w, `{"data":{"data":%s,"metadata":{"created_time":%q,"deletion_time":%q,"destroyed":%t,"version":%d}}}`,
		body, v.created.Format(time.RFC3339Nano), deletion, v.destroyed, v.number)
}

func (f *fake) list(w http.ResponseWriter, folder string) {
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
		refuse(w, http.StatusNotFound)
		return
	}
	slices.Sort(names)
	_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"keys": slices.Compact(names)}})
}

// refuse answers with Vault's form of an error.
func refuse(w http.ResponseWriter, status int, texts ...string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": append([]string{}, texts...)})
}

// set changes the versions of a document.
func (f *fake) set(path string, change func([]fakeVersion) []fakeVersion) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(time.Minute)
	if next := change(f.versions[path]); next == nil {
		delete(f.versions, path)
	} else {
		f.versions[path] = next
	}
}

func (f *fake) put(_ *testing.T, path, body string) {
	f.set(path, func(all []fakeVersion) []fakeVersion {
		return append(all, fakeVersion{body: body, number: len(all) + 1, created: f.clock})
	})
}

func (f *fake) last(path string, change func(*fakeVersion)) {
	f.set(path, func(all []fakeVersion) []fakeVersion {
		all = slices.Clone(all)
		change(&all[len(all)-1])
		return all
	})
}

func (f *fake) drop(_ *testing.T, path string) {
	f.set(path, func([]fakeVersion) []fakeVersion { return nil })
}

func (f *fake) remove(_ *testing.T, path string) {
	f.last(path, func(v *fakeVersion) { v.deleted = true })
}
func (f *fake) undelete(_ *testing.T, path string) {
	f.last(path, func(v *fakeVersion) { v.deleted = false })
}
func (f *fake) destroy(_ *testing.T, path string) {
	f.last(path, func(v *fakeVersion) { v.destroyed = true })
}

func (f *fake) source(t *testing.T) Source {
	t.Helper()
	return f.vault(t)
}

// vault returns a client of the fake, with a token.
func (f *fake) vault(t *testing.T) *Vault {
	t.Helper()
	t.Setenv("VAULT_TOKEN", "hvs.test")
	v, err := NewVault(VaultConfig{Address: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// fail makes the fake answer with fault where the path of the request ends in
// one of those given, everywhere if there are none.
func (f *fake) fail(fault http.HandlerFunc, ends ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if len(ends) > 0 && !slices.ContainsFunc(ends, func(e string) bool { return strings.HasSuffix(r.URL.Path, e) }) {
			return false
		}
		fault(w, r)
		return true
	}
}

func (f *fake) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = nil
}

// asked returns the requests since the last call.
func (f *fake) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.requests
	f.requests = nil
	return asked
}

// answering is a fault that answers with an error of Vault.
func answering(status int, texts ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, texts...) }
}
