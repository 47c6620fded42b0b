package persist

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// hourly are documents whose record moves on every hour.
func hourly() policytest.Documents {
	return documents().Account(`"domains": {"example.com": {"until": {"floor": "96h", "step": "1h"}}}`)
}

// stand is a place for a server that reads from a Vault, real or scripted, and
// the clock. The clock begins at what it really is, because a real Vault's own
// cannot be set and rotation does not run ahead of it.
type stand struct {
	*manualClock
	t       *testing.T
	address string // of the Vault
	mount   string // of the documents
	token   string // file
	keys    string // directory
}

func newStand(t *testing.T, address, token string) *stand {
	t.Helper()
	dir := t.TempDir()
	s := &stand{setClock(t, time.Now()), t, address, "persist", filepath.Join(dir, "token"), filepath.Join(dir, "keys")}
	s.must(os.WriteFile(s.token, []byte(token), 0o600))
	return s
}

// hold has the server's token be another one.
func (s *stand) hold(token string) { s.t.Helper(); s.must(os.WriteFile(s.token, []byte(token), 0o600)) }

// held is the server's token.
func (s *stand) held() string {
	s.t.Helper()
	token, err := os.ReadFile(s.token)
	s.must(err)
	return string(token)
}

func (s *stand) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stand) corefile(more ...string) string {
	if s.mount != "persist" {
		more = append(more, "mount "+s.mount)
	}
	return block(fmt.Sprintf("persist example.com {\nvault %s\nauth token_file %s\nns ns1.example.net\n%s\n}", s.address, s.token, strings.Join(more, "\n")))
}

func (s *stand) dirKeys() string { return "keys dir " + s.keys }

// scan has the server look once more, as it does at every refresh. Requests are
// paced by the clock, so it moves a little.
func (s *stand) scan() error {
	s.advance(time.Second)
	for _, b := range backends.all() {
		if err := b.watcher.Scan(s.t.Context()); err != nil {
			return err
		}
	}
	return nil
}

// left is how long the record at example.com is valid for by the clock, zero
// if there is none.
func (s *stand) left(server *server) time.Duration {
	s.t.Helper()
	return s.leftOf(server, "example.com")
}

func (s *stand) leftOf(server *server, name string) time.Duration {
	s.t.Helper()
	value := text(server.ask(s.t, question("_validation-persist."+name+".", dns.TypeTXT)))
	if value == "" {
		return 0
	}
	_, until, _ := strings.Cut(value, "persistUntil=")
	seconds, err := strconv.ParseInt(until, 10, 64)
	s.must(err)
	return time.Unix(seconds, 0).Sub(s.now())
}

// fallsSilent holds a server against its Vault falling silent, and coming back:
// rotation goes on for grace (1 h), then stands still, and past max_stale (72 h)
// nothing is said of names any more.
func (s *stand) fallsSilent(server *server, silence, restore func()) {
	s.t.Helper()
	s.must(s.scan())
	begin := s.now()
	silence()
	for _, c := range []struct{ after, least time.Duration }{ // least: of what is left
		{30 * time.Minute, 96 * time.Hour},
		{59 * time.Minute, 96 * time.Hour},
		{2 * time.Hour, 95 * time.Hour},
		{24 * time.Hour, 73 * time.Hour},
		{72*time.Hour - time.Minute, 25 * time.Hour},
	} {
		s.set(begin.Add(c.after))
		if err := s.scan(); err == nil {
			s.t.Fatal("Expected the silence to be an error")
		}
		if left := s.left(server); left < c.least || left >= c.least+time.Hour+time.Minute {
			s.t.Errorf("After %v: expected %v to be left, and less than an hour more, got %v", c.after, c.least, left)
		}
	}
	s.set(begin.Add(72*time.Hour + time.Minute))
	for _, name := range []string{owner, "x.example.com."} {
		if r := server.ask(s.t, question(name, dns.TypeTXT)); r.Rcode != dns.RcodeServerFailure || ede(r) != int(dns.ExtendedErrorCodeInvalidData) {
			s.t.Errorf("Expected SERVFAIL with EDE 24 past max_stale, got %v", r)
		}
	}
	if r := server.ask(s.t, question("example.com.", dns.TypeSOA)); r.Rcode != dns.RcodeSuccess {
		s.t.Errorf("Expected the apex to be answered past max_stale, got %v", r)
	}
	restore()
	s.must(s.scan())
	if s.left(server) == 0 {
		s.t.Error("Expected the record back once the Vault answers")
	}
}

// vaultSite is a real Vault with documents in it.
type vaultSite struct {
	*parts.Vault
	*stand
}

func newVaultSite(t *testing.T, d policytest.Documents) *vaultSite {
	t.Helper()
	return fillVault(t, parts.NewVault(t, parts.VaultOptions{}), "persist", d)
}

// fillVault makes a mount in v and puts documents in it.
func fillVault(t *testing.T, v *parts.Vault, mount string, d policytest.Documents) *vaultSite {
	t.Helper()
	s := &vaultSite{v, newStand(t, v.Address, v.RootToken)}
	s.mount = mount
	s.must(s.Mount(t.Context(), mount))
	for path, body := range d {
		s.must(s.Put(t.Context(), mount, path, body))
	}
	return s
}

func TestChangesInVaultAreServedWithTheNextScan(t *testing.T) {
	s := newVaultSite(t, hourly())
	server := start(t, s.corefile(s.dirKeys()))
	ctx := t.Context()
	for _, c := range []struct {
		name   string
		change func() error
		served bool
	}{
		{"as it was", func() error { return nil }, true},
		{"disabled", func() error {
			return s.Patch(ctx, "persist", "accounts/web/ca/a", `{"domains": {"example.com": {"enabled": false}}}`)
		}, false},
		{"enabled", func() error {
			return s.Patch(ctx, "persist", "accounts/web/ca/a", `{"domains": {"example.com": {"enabled": null}}}`)
		}, true},
		{"stopped", func() error {
			return s.Put(ctx, "persist", "control", `{"stop": {"uri:https://ca.example/acct/123": {"by": "ops"}}}`)
		}, false},
		{"stop deleted", func() error { return s.Delete(ctx, "persist", "control") }, false},
		{"stop lifted", func() error { return s.Put(ctx, "persist", "control", `{}`) }, true},
		{"deleted", func() error { return s.Delete(ctx, "persist", "accounts/web/ca/a") }, false},
		{"undeleted", func() error { return s.Undelete(ctx, "persist", "accounts/web/ca/a", 3) }, true},
		{"broken", func() error { return s.Put(ctx, "persist", "accounts/web/ca/a", `{"domains": 7}`) }, true},
		{"destroyed", func() error { return s.Destroy(ctx, "persist", "accounts/web/ca/a", 4) }, false},
		{"written anew", func() error { return s.Put(ctx, "persist", "accounts/web/ca/a", hourly()["accounts/web/ca/a"]) }, true},
	} {
		s.must(c.change())
		s.must(s.scan())
		if left := s.left(server); (left > 0) != c.served {
			t.Errorf("%s: expected the record to be served %t, it is valid for %v", c.name, c.served, left)
		}
	}
}

// Absence alone, without a word that something was deleted, needs two scans.
func TestDocumentThatIsGoneIsWithdrawnByTheSecondScan(t *testing.T) {
	s := newVaultSite(t, hourly())
	server := start(t, s.corefile(s.dirKeys()))
	s.must(s.Purge(t.Context(), "persist", "accounts/web/ca/a"))
	s.must(s.scan())
	if s.left(server) == 0 {
		t.Error("Expected one scan without the document to change nothing")
	}
	s.must(s.scan())
	if left := s.left(server); left != 0 {
		t.Errorf("Expected two scans without the document to withdraw it, it is valid for %v", left)
	}
}

func TestUnreachableVaultFreezesThenSilences(t *testing.T) {
	s := newVaultSite(t, hourly())
	server := start(t, s.corefile(s.dirKeys()))
	s.fallsSilent(server, func() { s.must(s.Seal(t.Context())) }, func() { s.must(s.Unseal(t.Context())) })
}

// What a Vault can be at the start. None of it is fatal: the other zones of the
// process are served, and this one as soon as Vault has what it takes.
func TestServerWaitsForAVaultThatIsNotThereYet(t *testing.T) {
	impatient(t)
	s := newVaultSite(t, hourly())
	ctx := t.Context()
	none, err := s.Token(ctx, time.Hour, "default")
	s.must(err)
	s.must(s.Mount(ctx, "empty"))
	for _, c := range []struct {
		name, problem string
		prepare       func() error
		corefile      string
		repair        func() error
	}{
		{"not there", "refused", func() error { return nil }, strings.Replace(s.corefile(s.dirKeys()), s.address, "http://127.0.0.1:1", 1), nil},
		{"sealed", "seal", func() error { return s.Seal(ctx) }, s.corefile(s.dirKeys()), func() error { return s.Unseal(ctx) }},
		{"wrong mount", "mount", func() error { return nil }, s.corefile(s.dirKeys(), "mount secrets"), nil},
		{"empty mount", "config", func() error { return nil }, s.corefile(s.dirKeys(), "mount empty"), func() error {
			for path, body := range hourly() {
				s.must(s.Put(ctx, "empty", path, body))
			}
			return nil
		}},
		{"no permission", "permission denied", func() error { return os.WriteFile(s.token, []byte(none), 0o600) }, s.corefile(s.dirKeys()), func() error {
			return os.WriteFile(s.token, []byte(s.RootToken+"\n"), 0o600)
		}},
		{"token expired", "token", func() error { return os.WriteFile(s.token, []byte("hvs.expired"), 0o600) }, s.corefile(s.dirKeys()), func() error {
			return os.WriteFile(s.token, []byte(s.RootToken), 0o600)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			s.must(c.prepare())
			server := start(t, c.corefile)
			if err := s.scan(); err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("Expected an error with %q, got %v", c.problem, err)
			}
			if r := server.ask(t, question(owner, dns.TypeTXT)); r.Rcode != dns.RcodeServerFailure || ede(r) != int(dns.ExtendedErrorCodeNotReady) {
				t.Errorf("Expected SERVFAIL with EDE 14 (Not Ready), got %v", r)
			}
			if c.repair == nil {
				return
			}
			s.must(c.repair())
			s.must(s.scan())
			if s.left(server) == 0 {
				t.Error("Expected the record once Vault has what it takes")
			}
		})
	}
}

// impatient has servers start at once whatever is missing.
func impatient(t *testing.T) {
	t.Helper()
	before := patience
	patience = time.Millisecond
	t.Cleanup(func() { patience = before })
}

func TestReloadKeepsTheBookWhileVaultIsAway(t *testing.T) {
	impatient(t)
	s := newVaultSite(t, hourly())
	server := start(t, s.corefile(s.dirKeys()))
	s.must(s.scan())
	want := text(server.ask(t, question(owner, dns.TypeTXT)))
	s.must(s.Seal(t.Context()))
	for _, change := range []string{"ttl 200", "refresh 50s", "grace 2h"} {
		if err := server.reload(t, s.corefile(s.dirKeys(), change)); err != nil {
			t.Fatal(err)
		}
		if got := text(server.ask(t, question(owner, dns.TypeTXT))); got != want || want == "" {
			t.Errorf("%s: expected %q, got %q", change, want, got)
		}
	}
}

func TestKeysFromVault(t *testing.T) {
	impatient(t)
	s := newVaultSite(t, hourly())
	ctx := t.Context()
	s.must(s.Mount(ctx, "persist-keys"))
	server := start(t, s.corefile("keys vault persist-keys/example"))
	if r := server.ask(t, question("example.com.", dns.TypeDNSKEY)); ede(r) != int(dns.ExtendedErrorCodeNotReady) {
		t.Errorf("Expected no answer without keys, and none to be made, got %v", r)
	}
	raw, err := dnssec.GenerateKeys("example", dns.ED25519, s.now(), rand.Reader)
	s.must(err)
	t.Setenv("VAULT_TOKEN", s.RootToken)
	writer, err := store.NewVault(store.VaultConfig{Address: s.address})
	s.must(err)
	s.must(writer.WriteSecret(ctx, "persist-keys", "example", raw, 0))
	s.must(s.scan())
	reloadKeys(ctx, t)
	keys, err := dnssec.ParseKeys(raw)
	s.must(err)
	want, _ := keys.DNSKEY("example.com.", s.now())
	r := server.ask(t, question("example.com.", dns.TypeDNSKEY))
	if len(r.Answer) != len(want)+1 || r.Answer[0].String() != want[0].String() {
		t.Errorf("Expected the keys of the document, %v, got %v", want, r)
	}
}

// reloadKeys has every key document read again now.
func reloadKeys(ctx context.Context, t *testing.T) {
	t.Helper()
	for _, k := range keyrings.all() {
		k.refresh(ctx)
	}
}

func TestClockThatIsFarFromVaultsIsShown(t *testing.T) {
	s := newVaultSite(t, hourly())
	start(t, s.corefile(s.dirKeys()))
	s.must(s.scan())
	b := backends.all()[0]
	if got := testutil.ToFloat64(clockSkew.WithLabelValues(b.location)); got < -10 || got > 10 || b.clockWrong {
		t.Errorf("Expected the clocks of one machine to agree, got %v s, wrong %t", got, b.clockWrong)
	}
	for ahead, wrong := range map[time.Duration]bool{time.Hour: true, -time.Hour: true, 4 * time.Minute: false} {
		observer{b}.compareClocks(ahead)
		if got := testutil.ToFloat64(clockSkew.WithLabelValues(b.location)); got != ahead.Seconds() || b.clockWrong != wrong {
			t.Errorf("%v ahead: expected a warning %t, got %t and %v s", ahead, wrong, b.clockWrong, got)
		}
	}
}

func TestGaugesOfAStoreGoWithIt(t *testing.T) {
	site := newSite(t, documents())
	s := start(t, block(site.stanza()))
	before := testutil.CollectAndCount(rejectionsGauge)
	if err := s.reload(t, block(newSite(t, documents()).stanza())); err != nil {
		t.Fatal(err)
	}
	if got := testutil.CollectAndCount(rejectionsGauge); got != before {
		t.Errorf("Expected gauges of %d stores, got %d", before, got)
	}
}
