package persist

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns/caddy"

	"github.com/miekg/dns"
)

// reload replaces the Corefile as the reload plugin and SIGUSR1 do.
func (s *server) reload(t *testing.T, corefile string) error {
	t.Helper()
	s.ask(t, question(owner, dns.TypeSOA)) // only what has begun to serve can be told to stop
	next, err := s.Restart(caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: "Corefile", ServerTypeName: "dns"})
	if err == nil {
		s.Instance = next
		s.locate()
	}
	return err
}

func leases[T closer](p *pool[T]) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, e := range p.held {
		n += len(e.leases)
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
		block("persist example.com {\npolicies " + site.policies() + "\nkeys dir /proc/none\nns ns1.example.net\n}"),
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

// Keys that have gone missing are never made anew: the DS at the parent would
// not match them.
func TestLostKeysStayInUseAndAreNotReplaced(t *testing.T) {
	setClock(t, noon)
	site := newSite(t, documents())
	s := start(t, block(site.stanza()))
	before := s.ask(t, question("example.com.", dns.TypeDNSKEY)).String()
	if err := os.Remove(filepath.Join(site.keys(), "keys.json")); err != nil {
		t.Fatal(err)
	}
	keyrings.mu.Lock()
	rings := keyrings.resources()
	keyrings.mu.Unlock()
	for _, k := range rings {
		if _, err := k.read(t.Context()); err == nil {
			t.Error("Expected an error for keys that are gone")
		}
	}
	id := func(s string) string { return s[strings.Index(s, ";; QUESTION"):] }
	if after := s.ask(t, question("example.com.", dns.TypeDNSKEY)).String(); id(after) != id(before) {
		t.Errorf("Expected the keys in use to stay, got\n%s\nbefore\n%s", after, before)
	}
	if _, err := os.Stat(filepath.Join(site.keys(), "keys.json")); !os.IsNotExist(err) {
		t.Errorf("Expected no new keys to be made, got %v", err)
	}
}
