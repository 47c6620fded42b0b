package persist

import (
	"bytes"
	"context"
	"fmt"
	"io"
	golog "log"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// hands are what an administrator, or an accident, does to a Vault.
type hands interface {
	put(path, body string)
	remove(path string) // soft-deletes the newest version
	destroy(path string)
	purge(path string)         // removes all versions without a word
	deny(paths ...string)      // to the server, these documents and nothing else
	seal()                     // until unseal
	unseal()                   //
	unmount()                  // for good
	throttle()                 // refuses everything as too much, until relent
	relent()                   //
	replaceToken() (by string) // the one in use is not valid any more
	backup() (restore func())  // of everything that is stored
}

// tended is a place for a server that reads from a Vault in somebody's hands.
type tended struct {
	hands
	*stand
}

// sharedVault is the real Vault of all tests that tend one; each has a mount of
// its own in it.
var (
	tendedVault *parts.Vault
	sharedVault = sync.OnceValues(func() (*parts.Vault, error) {
		var err error
		tendedVault, err = parts.StartVault(context.Background(), parts.VaultOptions{Backups: os.Getenv("PERSIST_VAULT_BIN") == ""})
		return tendedVault, err
	})
	mounts atomic.Int64
)

// kinds are the Vaults that a behaviour is proven with.
var kinds = map[string]func(*testing.T, policytest.Documents) *tended{
	"scripted": func(t *testing.T, d policytest.Documents) *tended {
		t.Helper()
		s := newScriptedSite(t, d)
		return &tended{scriptedHands{s}, s.stand}
	},
	"real": func(t *testing.T, d policytest.Documents) *tended {
		t.Helper()
		v, err := sharedVault()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = v.Unseal(context.WithoutCancel(t.Context())) }) // the next test's too
		h := realHands{fillVault(t, v, fmt.Sprintf("persist-%d", mounts.Add(1)), d)}
		h.deny()
		h.hold(h.newToken())
		return &tended{h, h.stand}
	},
}

// with proves a behaviour with each kind of Vault that has the documents d in
// it, and a server that has loaded them.
func with(t *testing.T, d policytest.Documents, prove func(v *tended, s *server), properties ...string) {
	t.Helper()
	for kind := range kinds {
		withKind(t, kind, d, prove, properties...)
	}
}

// withKind is with for one kind of Vault.
func withKind(t *testing.T, kind string, d policytest.Documents, prove func(v *tended, s *server), properties ...string) {
	t.Helper()
	t.Run(kind, func(t *testing.T) {
		v := kinds[kind](t, d)
		s := start(t, v.corefile(append(properties, v.dirKeys())...))
		v.must(v.scan())
		prove(v, s)
	})
}

// served reports whether a name has a TXT record.
func served(t *testing.T, s *server, name string) bool {
	t.Helper()
	return text(s.ask(t, question("_validation-persist."+name+".", dns.TypeTXT))) != ""
}

// expect fails unless exactly the names are served, of those that any test
// here speaks of.
func expect(t *testing.T, s *server, when string, names ...string) {
	t.Helper()
	for _, name := range []string{"example.com", "a.example.com", "b.example.com", "x.b.example.com"} {
		want := false
		for _, n := range names {
			want = want || n == name
		}
		if served(t, s, name) != want {
			t.Errorf("%s: expected %s to be served %t", when, name, want)
		}
	}
}

// expectSilence fails unless a name is answered SERVFAIL with the error code.
func expectSilence(t *testing.T, s *server, when string, code uint16) {
	t.Helper()
	if r := s.ask(t, question(owner, dns.TypeTXT)); r.Rcode != dns.RcodeServerFailure || ede(r) != int(code) {
		t.Errorf("%s: expected SERVFAIL with EDE %d, got %v", when, code, r)
	}
}

// troubles is what the gauge says of one kind, over all stores.
func troubles(kind store.Trouble) float64 {
	sum := 0.0
	for _, b := range backends.all() {
		sum += testutil.ToFloat64(troublesGauge.WithLabelValues(b.location, string(kind)))
	}
	return sum
}

// rejected is how much the gauge says is not used, over all stores.
func rejected() float64 {
	sum := 0.0
	for _, b := range backends.all() {
		sum += testutil.ToFloat64(rejectionsGauge.WithLabelValues(b.location))
	}
	return sum
}

// lines is what goes to the log.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// listen returns what goes to the log from now on.
func listen(t *testing.T) *lines {
	t.Helper()
	l := &lines{}
	golog.SetOutput(l)
	t.Cleanup(func() { golog.SetOutput(io.Discard) })
	return l
}

func (l *lines) expect(t *testing.T, parts ...string) {
	t.Helper()
	for line := range strings.Lines(l.String()) {
		missing := false
		for _, part := range parts {
			missing = missing || !strings.Contains(line, part)
		}
		if !missing {
			return
		}
	}
	t.Errorf("Expected a line with %q in the log:\n%s", parts, l)
}

type scriptedHands struct{ *scriptedSite }

func (h scriptedHands) put(path, body string) { h.Put(path, body) }
func (h scriptedHands) remove(path string)    { h.Remove(path) }
func (h scriptedHands) destroy(path string)   { h.Destroy(path) }
func (h scriptedHands) purge(path string)     { h.Drop(path) }
func (h scriptedHands) seal() {
	h.Fail(storetest.Answering(http.StatusServiceUnavailable, "Vault is sealed"))
}
func (h scriptedHands) unseal() { h.Heal() }
func (h scriptedHands) unmount() {
	h.Fail(storetest.Answering(http.StatusNotFound, `no handler for route "persist/data/config". route entry not found.`))
}
func (h scriptedHands) throttle() {
	h.Fail(storetest.Answering(http.StatusTooManyRequests, "rate limit quota exceeded"))
}
func (h scriptedHands) relent() { h.Heal() }
func (h scriptedHands) deny(paths ...string) {
	if len(paths) == 0 {
		h.Heal()
		return
	}
	ends := make([]string, len(paths))
	for i, path := range paths {
		ends[i] = "persist/data/" + path
	}
	h.Fail(storetest.Answering(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n"), ends...)
}
func (h scriptedHands) backup() func() { return h.Backup() }
func (h scriptedHands) replaceToken() string {
	h.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("X-Vault-Token") == "hvs.another" {
			return false
		}
		storetest.Refuse(w, http.StatusForbidden, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
		return true
	})
	return "hvs.another"
}

type realHands struct{ *vaultSite }

func (h realHands) put(path, body string) { h.must(h.Put(h.t.Context(), h.mount, path, body)) }
func (h realHands) remove(path string)    { h.must(h.Delete(h.t.Context(), h.mount, path)) }
func (h realHands) purge(path string)     { h.must(h.Purge(h.t.Context(), h.mount, path)) }
func (h realHands) destroy(path string) {
	about, err := h.Client.KVv2(h.mount).GetMetadata(h.t.Context(), path)
	h.must(err)
	h.must(h.Destroy(h.t.Context(), h.mount, path, about.CurrentVersion))
}
func (h realHands) seal()    { h.must(h.Seal(h.t.Context())) }
func (h realHands) unseal()  { h.must(h.Unseal(h.t.Context())) }
func (h realHands) unmount() { h.must(h.Client.Sys().UnmountWithContext(h.t.Context(), h.mount)) }

// throttle sets a quota that one request uses up for an hour.
func (h realHands) throttle() {
	_, err := h.Client.Logical().WriteWithContext(h.t.Context(), "sys/quotas/rate-limit/least", map[string]any{"path": h.mount + "/", "rate": 1, "interval": "1h"})
	h.must(err)
	_, _ = h.Client.KVv2(h.mount).Get(h.t.Context(), "config")
}
func (h realHands) relent() {
	_, err := h.Client.Logical().DeleteWithContext(h.t.Context(), "sys/quotas/rate-limit/least")
	h.must(err)
}

// deny writes the server's policy, which counts for tokens that there are.
func (h realHands) deny(paths ...string) {
	policy := fmt.Sprintf("path %q { capabilities = [\"read\"] }\npath %q { capabilities = [\"list\"] }\n", h.mount+"/data/*", h.mount+"/metadata/*")
	for _, path := range paths {
		policy += fmt.Sprintf("path %q { capabilities = [\"deny\"] }\n", h.mount+"/data/"+path)
	}
	h.must(h.Policy(h.t.Context(), "server-"+h.mount, policy))
}
func (h realHands) replaceToken() string {
	h.must(h.Revoke(h.t.Context(), h.held()))
	return h.newToken()
}
func (h realHands) newToken() string {
	token, err := h.Token(h.t.Context(), time.Hour, "server-"+h.mount)
	h.must(err)
	return token
}
func (h realHands) backup() func() {
	restore, err := h.Backup(h.t.Context())
	h.must(err)
	return func() { h.must(restore(h.t.Context())) }
}
