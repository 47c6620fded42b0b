package persist

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns/caddy"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// reload replaces the Corefile as the reload plugin and SIGUSR1 do.
func (s *server) reload(tb testing.TB, corefile string) error {
	tb.Helper()
	s.ask(tb, question(owner, dns.TypeSOA)) // only what has begun to serve can be told to stop
	next, err := s.Restart(input(tb, corefile))
	if err == nil {
		s.Instance = next
		s.locate()
	}
	return err
}

func input(tb testing.TB, corefile string) caddy.CaddyfileInput {
	tb.Helper()
	return caddy.CaddyfileInput{Contents: []byte(onFreePort(tb, corefile)), Filepath: "Corefile", ServerTypeName: "dns"}
}

func leases[T closer](p *pool[T]) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, e := range p.held {
		n += e.leases
	}
	return n
}

// While the store is away a new Corefile must not cost what is known.
func TestReloadGoesOnFromWhatIsLoaded(t *testing.T) {
	setClock(t, noon)
	site := newSite(t, documents())
	s := start(t, block(site.stanza()))
	want := text(s.ask(t, question(owner, dns.TypeTXT)))
	if err := os.Remove(filepath.Join(site.policies(), "config.json")); err != nil {
		t.Fatal(err)
	}
	for _, property := range []string{"ttl 60", "refresh 30s", "stop team:other"} {
		if err := s.reload(t, block(site.stanza(property))); err != nil {
			t.Fatal(err)
		}
		if got := text(s.ask(t, question(owner, dns.TypeTXT))); got != want {
			t.Errorf("%s: expected %q to be served after a reload, got %q", property, want, got)
		}
	}
	if n, m := leases(&backends), leases(&keyrings); n != 1 || m != 1 {
		t.Errorf("Expected the old instances to have given back their leases, got %d and %d", n, m)
	}
}

func TestReloadBringsTheNewCorefile(t *testing.T) {
	setClock(t, noon)
	site := newSite(t, documents())
	s := start(t, block(site.stanza()))
	if err := s.reload(t, block(site.stanza("stop issuer:ca"))); err != nil {
		t.Fatal(err)
	}
	if r := s.ask(t, question(owner, dns.TypeTXT)); len(r.Answer) != 0 {
		t.Errorf("Expected the stop to withdraw the record, got %v", r)
	}
	if err := s.reload(t, block(site.stanza())); err != nil {
		t.Fatal(err)
	}
	if r := s.ask(t, question(owner, dns.TypeTXT)); len(r.Answer) != 2 {
		t.Errorf("Expected the record back without the stop, got %v", r)
	}
}

// An instance that fails to start never hears of its shutdown.
func TestFailedReloadLeaksNothing(t *testing.T) {
	site := newSite(t, documents())
	s := start(t, block(site.stanza()))
	for _, corefile := range []string{
		block(site.stanza()) + "example.org:0 {\nbind 192.0.2.1\nwhoami\n}\n", // fails after every OnStartup
		block("persist example.com {\npolicies " + site.policies() + "\nkeys none\nns ns1.example.net\n}"),
		block("persist example.com {"),
	} {
		if err := s.reload(t, corefile); err == nil {
			t.Fatalf("Expected this to be refused:\n%s", corefile)
		}
		if n, m := leases(&backends), leases(&keyrings); n != 1 || m != 1 {
			t.Errorf("Expected one lease of the store and one of the keys, got %d and %d after\n%s", n, m, corefile)
		}
	}
	if r := s.ask(t, question(owner, dns.TypeTXT)); len(r.Answer) != 2 {
		t.Errorf("Expected the old instance to go on, got %v", r)
	}
}

func TestChangedDocumentsAreServedWithTheNextScan(t *testing.T) {
	setClock(t, noon)
	site := newSite(t, documents())
	s := start(t, block(site.stanza()))
	for _, c := range []struct {
		change policytest.Documents
		want   string
	}{
		{documents().Account(`"domains": "example.com"`), "ca.example; accounturi=https://ca.example/acct/123; persistUntil"},
		{documents().Account(`"domains": {"example.com": {"enabled": false}}`), ""},
		{documents(), "ca.example; accounturi=https://ca.example/acct/123; policy=wildcard"},
		{documents().With(policytest.Documents{"control": `{"stop": {"domain:example.com": {}}}`}), ""},
	} {
		c.change.Write(t, site.policies())
		rescan(t)
		if got := text(s.ask(t, question(owner, dns.TypeTXT))); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("Expected %q, got %q", c.want, got)
		}
	}
}

// A reload changes the brakes of the Corefile. It must not bring back what the
// store has withdrawn, or lift what it has stopped, in between.
func TestReloadBringsNothingBack(t *testing.T) {
	for name, withdraw := range map[string][]policytest.Documents{
		"stop that was lost": {
			documents().With(policytest.Documents{"control": `{"stop": "all"}`}),
			documents(), documents(),
		},
		"grant that was removed before the document broke": {
			documents().Account(`"domains": "a.b.example.com"`),
			documents().With(policytest.Documents{"accounts/web/ca/a": "{"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			site := newSite(t, documents())
			s := start(t, block(site.stanza()))
			for _, property := range []string{"stop team:other", "stop team:another", ""} {
				if err := s.reload(t, block(site.stanza(property))); err != nil {
					t.Fatal(err)
				}
				for _, d := range withdraw {
					d.Write(t, site.policies())
					rescan(t)
				}
				withdraw = nil
				if r := s.ask(t, question(owner, dns.TypeTXT)); len(r.Answer) != 0 {
					t.Errorf("With %q: expected no record, got %v", property, r)
				}
			}
			rescan(t)
			if n := len(backends.all()[0].books); n != 1 {
				t.Errorf("Expected one book to be kept, got %d", n)
			}
		})
	}
}

// dnskeys are the keys that a server publishes.
func dnskeys(t *testing.T, s *server) []string {
	t.Helper()
	r := s.ask(t, question("example.com.", dns.TypeDNSKEY))
	var keys []string
	for _, rr := range r.Answer {
		if k, ok := rr.(*dns.DNSKEY); ok {
			keys = append(keys, k.PublicKey)
		}
	}
	if len(keys) == 0 {
		t.Fatalf("Expected keys, got %v", r)
	}
	return keys
}

// Keys that have gone missing, or that others have taken the place of, change
// nothing: the DS at the parent would not match what is made or put there.
func TestKeysInUseAreNotReplaced(t *testing.T) {
	setClock(t, noon)
	site, other := newSite(t, documents()), newSite(t, documents())
	start(t, block(other.stanza()))
	foreign, err := os.ReadFile(filepath.Join(other.keys(), "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, block(site.stanza()))
	want := dnskeys(t, s)
	file := filepath.Join(site.keys(), "keys.json")
	for name, change := range map[string]func() error{
		"lost":     func() error { return os.RemoveAll(file) },
		"replaced": func() error { return os.WriteFile(file, foreign, 0o600) },
		"broken":   func() error { return os.WriteFile(file, []byte("{"), 0o600) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		for _, property := range []string{"refresh 30s", "refresh 40s"} {
			reloadKeys(t.Context(), t)
			if err := s.reload(t, block(site.stanza(property))); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, dnskeys(t, s)); diff != "" {
				t.Errorf("%s, %s: keys differ (-before +after):\n%s", name, property, diff)
			}
		}
		if _, err := os.Stat(file); name == "lost" && !os.IsNotExist(err) {
			t.Errorf("Expected no keys to be made in place of those that were lost, got %v", err)
		}
	}
}

// A handler of an instance that failed to start must not go on to count for
// readiness, nor be told of books.
func TestFailedReloadLeavesNoHandlers(t *testing.T) {
	impatient(t)
	whole, broken := newSite(t, documents()), newSite(t, documents().With(policytest.Documents{"config": ""}))
	s := start(t, block(whole.stanza()))
	handlers := len(running.all())
	failing := block(broken.stanza()) + "example.org:0 {\nbind 192.0.2.1\nwhoami\n}\n"
	for range 3 {
		if err := s.reload(t, failing); err == nil {
			t.Fatal("Expected the reload to fail")
		}
	}
	if n := len(running.all()); n != handlers || !running.all()[0].Ready() {
		t.Errorf("Expected %d handler that is ready, got %d, ready %t", handlers, n, running.all()[0].Ready())
	}
	if n := len(backends.all()); n != 1 {
		t.Errorf("Expected one store to be watched, got %d", n)
	}
}

// However many stanzas wait for a store, a starting server waits once.
func TestStartWaitsOnceForAStore(t *testing.T) {
	before := patience
	patience = 300 * time.Millisecond
	t.Cleanup(func() { patience = before })
	site := newSite(t, documents().With(policytest.Documents{"config": ""}))
	corefile := ""
	for _, zone := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		corefile += strings.Replace(strings.Replace(block(site.stanza()), ".:0", zone+".example:0", 1), "persist example.com", "persist "+zone+".example", 1)
	}
	begin := time.Now()
	start(t, corefile)
	if took := time.Since(begin); took > 4*patience {
		t.Errorf("Expected eight stanzas to wait for %v in all, they took %v", patience, took)
	}
}

// Another path of keys must not do what another key document may not.
func TestAReloadDoesNotReplaceTheKeysOfAZone(t *testing.T) {
	setClock(t, noon)
	impatient(t)
	site, other := newSite(t, documents()), newSite(t, documents())
	if err := dnssec.InitDir(other.keys(), "other", dns.ECDSAP256SHA256, noon, rand.Reader); err != nil {
		t.Fatal(err)
	}
	s := start(t, block(site.stanza()))
	want := dnskeys(t, s)
	copied := filepath.Join(t.TempDir(), "copied")
	if err := os.CopyFS(copied, os.DirFS(site.keys())); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(copied, "keys.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "none")
	for _, keys := range []string{none, other.keys(), copied} {
		if err := s.reload(t, block(strings.Replace(site.stanza(), "keys dir "+site.keys(), "keys dir "+keys, 1))); err != nil {
			t.Fatal(err)
		}
		reloadKeys(t.Context(), t)
		if diff := cmp.Diff(want, dnskeys(t, s)); diff != "" {
			t.Errorf("%s: keys differ (-before +after):\n%s", keys, diff)
		}
	}
	if _, err := os.Stat(none); !os.IsNotExist(err) {
		t.Errorf("Expected no keys to be made in place of those in use, got %v", err)
	}
	for _, unsigned := range []string{"keys none\nns ns1.example.net", "fallthrough"} {
		err := s.reload(t, block("persist example.com {\npolicies "+site.policies()+"\n"+unsigned+"\n}\nwhoami"))
		if err == nil || !strings.Contains(err.Error(), "zone example.com. is signed so far") {
			t.Errorf("%s: expected a refusal, got %v", unsigned, err)
		}
	}
	if diff := cmp.Diff(want, dnskeys(t, s)); diff != "" {
		t.Errorf("After refused reloads keys differ (-before +after):\n%s", diff)
	}
}

// What it costs that each zone of a Corefile takes over from the one before.
func BenchmarkReload(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newSite(b, documents())
			zones := []string{strings.TrimSuffix(cut, ".")}
			for i := 1; i < n; i++ {
				zones = append(zones, fmt.Sprintf("_validation-persist.n%d.example.org", i))
			}
			corefile := block(s.serving(zones))
			server := start(b, corefile)
			for b.Loop() {
				if err := server.reload(b, corefile); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
