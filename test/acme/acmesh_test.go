package acme

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-acme/lego/v5/acme/api"
)

// acmeShValue is what acme.sh 3.1.4 prints for a record, by the description of
// --make-dns-persist-value in its help: an identity of the CA from caaIdentities
// of its directory, the URL of the account, policy=wildcard for
// --dns-persist-wildcard, and persistUntil for --dns-persist-days.
func acmeShValue(identity, account string, wildcard bool, until time.Time) string {
	value := identity + "; accounturi=" + account
	if wildcard {
		value += "; policy=wildcard"
	}
	if !until.IsZero() {
		value += fmt.Sprintf("; persistUntil=%d", until.Unix())
	}
	return value
}

// What acme.sh tells people to publish is what is served, to the octet but for
// the instant. acme.sh itself looks at no record, so the instant may move.
func TestWhatAcmeShPrintsIsWhatIsServed(t *testing.T) {
	fixed := time.Now().Add(10 * 24 * time.Hour).UTC().Truncate(time.Second)
	for mode, c := range map[string]struct {
		until any
		says  time.Time // what --dns-persist-days comes to
		rolls bool
	}{
		"none":    {until: "none"},
		"fixed":   {until: fixed.Format(time.RFC3339), says: fixed},
		"rolling": {until: "rolling", says: fixed, rolls: true},
	} {
		t.Run(mode, func(t *testing.T) {
			s := newSite(t)
			s.allow(map[string]any{"allow_none": true}, nil)
			account := s.register()
			s.grant(account, map[string]any{"wildcard": true, "until": c.until})
			got, want := s.awaits(), acmeShValue(s.identity(account), account.uri(), true, c.says)
			if c.rolls {
				got, want = withoutInstant(got), withoutInstant(want)
			}
			if got != want {
				t.Errorf("Expected %q, got %q", want, got)
			}
			// As acme.sh does, ask the CA at once.
			if problem, err := account.order(t.Context(), name, "*."+name); problem != nil || err != nil {
				t.Errorf("Expected the CA to validate, got %v, %v", problem, err)
			}
		})
	}
}

func withoutInstant(record string) string {
	return regexp.MustCompile(`; persistUntil=\d+$`).ReplaceAllString(record, "; persistUntil=")
}

// identity is what the CA's directory says in caaIdentities.
func (s *site) identity(c *client) string {
	s.t.Helper()
	core, err := api.New(c.http, "", s.ca.directory(), c.uri(), c.key)
	if err != nil {
		s.t.Fatal(err)
	}
	identities := core.GetDirectory().Meta.CaaIdentities
	if len(identities) != 1 {
		s.t.Fatalf("Expected one identity in the directory, got %q", identities)
	}
	return identities[0]
}

// The same with acme.sh, where there is one: PERSIST_ACME_SH names the file.
func TestAcmeShObtainsACertificateByARecordThatRolls(t *testing.T) {
	script := os.Getenv("PERSIST_ACME_SH")
	if script == "" {
		t.Skip("PERSIST_ACME_SH names no acme.sh")
	}
	s := newSite(t)
	home := t.TempDir()
	acmeSh := func(args ...string) string {
		t.Helper()
		args = append(args, "--home", home, "--server", s.ca.directory(), "--ca-bundle", s.ca.root)
		cmd := exec.CommandContext(t.Context(), "sh", append([]string{script}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+home, "no_proxy=127.0.0.1", "NO_PROXY=127.0.0.1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("acme.sh %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	acmeSh("--register-account", "--email", "web@example.com")
	printed := acmeSh("--make-dns-persist-value", "-d", name, "--dns-persist-wildcard", "--dns-persist-days", "5")
	said := regexp.MustCompile(`value :"(pebble\.letsencrypt\.org; accounturi=(\S+); policy=wildcard; persistUntil=\d+)"`).FindStringSubmatch(printed)
	if said == nil {
		t.Fatalf("Expected a value for Pebble, got\n%s", printed)
	}
	s.allow(nil, nil)
	s.write("accounts/web/pebble/site", map[string]any{"account_uri": said[2], "domains": map[string]any{name: map[string]any{"wildcard": true}}})
	if got := s.awaits(); withoutInstant(got) != withoutInstant(said[1]) {
		t.Errorf("Expected what acme.sh has printed, %q, got %q", said[1], got)
	}
	if keys, err := filepath.Glob(filepath.Join(home, "ca", "*", "*", "account.key")); err != nil || len(keys) != 1 {
		t.Errorf("Expected the key of one account, got %q, %v", keys, err)
	} else if status, _, said := persistctl(t, "account", "prove", said[2], "--directory", s.ca.directory(), "--ca", s.ca.root, "--key", keys[0]); status != 0 {
		t.Errorf("Expected the account to be proven by acme.sh's key, got status %d: %s", status, said)
	}
	out := acmeSh("--issue", "--dns-persist", "-d", name, "-d", "*."+name)
	if !strings.Contains(out, "Cert success") {
		t.Errorf("Expected a certificate, got\n%s", out)
	}
}
