package persist

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// logins counts what became of logins to a store.
func logins(location, result string) float64 {
	return testutil.ToFloat64(loginsTotal.WithLabelValues(location, result))
}

// appRole is the stanza of a server that logs in by AppRole, and the file with
// its secret ID.
func (s *vaultSite) appRole(t *testing.T, settings map[string]any) (stanza, secretFile string) {
	t.Helper()
	s.must(s.Policy(t.Context(), "server", `
		path "persist/data/*"     { capabilities = ["read"] }
		path "persist/metadata/*" { capabilities = ["list"] }`))
	settings["token_policies"] = "server"
	role, secret, err := s.AppRole(t.Context(), "approle", "server", settings)
	s.must(err)
	dir := t.TempDir()
	roleFile, secretFile := filepath.Join(dir, "role-id"), filepath.Join(dir, "secret-id")
	s.must(os.WriteFile(roleFile, []byte(role), 0o600))
	s.must(os.WriteFile(secretFile, []byte(secret), 0o600))
	return strings.Replace(s.corefile(s.dirKeys()), "auth token_file "+s.token, "auth approle "+roleFile+" "+secretFile, 1), secretFile
}

func TestReloadWithTheSameStanzaKeepsTheToken(t *testing.T) {
	s := newVaultSite(t, hourly())
	stanza, secret := s.appRole(t, map[string]any{"token_ttl": "1h"})
	server := start(t, stanza)
	s.must(s.scan())
	location := backends.all()[0].location
	before := logins(location, "ok")
	if before == 0 {
		t.Fatal("Expected a login")
	}
	if left := time.Until(time.Unix(int64(testutil.ToFloat64(tokenExpiry.WithLabelValues(location))), 0)); left < 50*time.Minute || left > time.Hour {
		t.Errorf("Expected the token to be valid for an hour, got %v", left)
	}
	s.must(os.Remove(secret))
	if err := server.reload(t, strings.Replace(stanza, "persist example.com {", "persist example.com {\nttl 200", 1)); err != nil {
		t.Fatal(err)
	}
	s.must(s.scan())
	if got := logins(location, "ok"); got != before || logins(location, "error") != 0 {
		t.Errorf("Expected no login by a reload, got %v more", got-before)
	}
	// Another refresh is another way to watch: it logs in for itself, and in vain.
	if err := server.reload(t, strings.Replace(stanza, "persist example.com {", "persist example.com {\nrefresh 50s", 1)); err != nil {
		t.Fatal(err)
	}
	if text(server.ask(t, question(owner, dns.TypeTXT))) == "" {
		t.Error("Expected what was loaded to be served")
	}
}

// A rate over a counter that begins with its first error does not see that one.
func TestLoginsAreCountedFromTheStart(t *testing.T) {
	before := patience
	patience = time.Millisecond
	t.Cleanup(func() { patience = before })
	for auth, want := range map[string]int{"jwt dns": 2, "token_file": 0} {
		others := testutil.CollectAndCount(loginsTotal)
		start(t, block("persist example.com {\nvault "+storetest.New(t).URL+"\nauth "+auth+" /nowhere/jwt\nkeys none\nns ns1.example.net\n}"))
		if got := testutil.CollectAndCount(loginsTotal) - others; got != want {
			t.Errorf("auth %s: expected %d counters of logins and failed ones, got %d", auth, want, got)
		}
	}
}

func TestTokenWithoutEndIsShownAsThat(t *testing.T) {
	b := &backend{location: "https://vault.example/persist"}
	observer{b}.TokenExpires(time.Time{})
	t.Cleanup(func() { forget(b.location) })
	if got := testutil.ToFloat64(tokenExpiry.WithLabelValues(b.location)); !math.IsInf(got, 1) {
		t.Errorf("Expected +Inf, got %v", got)
	}
}

// Another backend of the same store, as after a reload, drops the gauges of both
// when it ends.
func TestExpiryIsShownAgainByTheNextScan(t *testing.T) {
	b := &backend{location: "https://vault.example/persist"}
	observer{b}.TokenExpires(noon)
	forget(b.location)
	observer{b}.Scanned(noon, os.ErrNotExist)
	t.Cleanup(func() { forget(b.location) })
	if got := testutil.ToFloat64(tokenExpiry.WithLabelValues(b.location)); got != float64(noon.Unix()) {
		t.Errorf("Expected %v, got %v", noon.Unix(), got)
	}
}

func TestServerThatStopsRevokesItsToken(t *testing.T) {
	s := newVaultSite(t, hourly())
	stanza, _ := s.appRole(t, map[string]any{"token_ttl": "1h"})
	accessors := func() int {
		t.Helper()
		list, err := s.Client.Logical().ListWithContext(t.Context(), "auth/token/accessors")
		s.must(err)
		return len(list.Data["keys"].([]any))
	}
	none := accessors()
	t.Run("running", func(t *testing.T) {
		start(t, stanza)
		s.must(s.scan())
		if got := accessors(); got != none+1 {
			t.Errorf("Expected one token, got %d", got-none)
		}
	})
	if got := accessors(); got != none {
		t.Errorf("Expected the token to be gone, %d are left", got-none)
	}
}

func TestWhenItsTokenIsOverRecordsAreKeptUntilTheFileHasAnother(t *testing.T) {
	with(t, twoTeams(), func(v *tended, s *server) {
		t := v.t
		another := v.replaceToken()
		for range 3 {
			if err := v.scan(); err == nil || troubles("denied") == 0 {
				t.Errorf("Expected the scan to be denied, got %v", err)
			}
			expect(t, s, "with a token that is over", everything...)
		}
		v.expectAge(s, "example.com", true)
		v.hold(another)
		v.must(v.scan())
		if n := troubles("denied"); n != 0 {
			t.Errorf("Expected all to be in order with another token, got %v troubles", n)
		}
		expect(t, s, "with another", everything...)
	})
}
