package persist

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/plugin/persist/zone"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// foretold is what persistctl show says a revocation at the instant at leads to
// in the worst case: until when caches and CAs may still have what was revoked.
func (v *tended) foretold(at time.Time) (cached, reused time.Time) {
	v.t.Helper()
	persistctl, err := parts.Program("persistctl")
	v.must(err)
	cmd := exec.CommandContext(v.t.Context(), persistctl, "show", "example.com", "--vault="+v.address, "--mount", v.mount, "--at", at.UTC().Format(time.RFC3339))
	cmd.Env = append(os.Environ(), "VAULT_TOKEN="+v.held())
	out, err := cmd.CombinedOutput()
	if err != nil {
		v.t.Fatalf("%v\n%s", err, out)
	}
	instant := func(line string) time.Time {
		m := regexp.MustCompile(line + `\s+(\S+Z)`).FindSubmatch(out)
		if m == nil {
			v.t.Fatalf("Expected a line %q in\n%s", line, out)
		}
		t, err := time.Parse(time.RFC3339, string(m[1]))
		v.must(err)
		return t
	}
	return instant("caches"), instant("reuse by a CA")
}

// A server learns of a revocation at the end of its refresh at the latest. All
// that anybody can have of the grant by then ends when persistctl says.
func TestNothingOutlivesTheBoundThatPersistctlPrints(t *testing.T) {
	for name, revoke := range map[string]func(v *tended){
		"deleted": func(v *tended) { v.remove(mine) },
		"stopped": func(v *tended) { v.put("control", `{"stop": {"uri:https://ca.example/acct/123": {}}}`) },
		"disabled": func(v *tended) {
			v.put("teams/web", `{"domains": ["example.com"], "issuers": ["ca"], "enabled": false}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, twoTeams(), func(v *tended, s *server) {
				t := v.t
				at := v.now().Truncate(time.Second)
				v.set(at)
				v.must(v.scan())
				cached, reused := v.foretold(at)
				revoke(v)
				v.set(at.Add(time.Minute)) // the refresh; the record is as old as it can be
				r := s.ask(t, question(owner, dns.TypeTXT))
				if left := v.left(s); left <= 0 || v.now().Add(left).After(reused) {
					t.Errorf("Expected a persistUntil up to %v, got %v", reused, v.now().Add(left))
				}
				if end := v.now().Add(time.Duration(r.Answer[0].Header().Ttl) * time.Second); end.After(cached) {
					t.Errorf("Expected caches to have it up to %v, got %v", cached, end)
				}
				v.must(v.scan())
				if served(t, s, "example.com") {
					t.Error("Expected nothing to be served after the refresh")
				}
			})
		})
	}
}

// Rotation goes by the store's time where this server's clock runs ahead, so
// nobody is promised more.
func TestAServerWhoseClockRunsAheadPromisesNoMore(t *testing.T) {
	v := newScriptedSite(t, twoTeams())
	v.Ahead(-time.Hour)
	for path, body := range twoTeams() {
		v.Put(path, body)
	}
	log := listen(t)
	s := start(t, v.corefile(v.dirKeys()))
	v.must(v.scan())
	theirs := v.now().Add(-time.Hour)
	most, until := zone.Rotate(theirs.Add(zone.Skew), 96*time.Hour, time.Hour), v.now().Add(v.left(s))
	if until.After(most) || !until.After(theirs) {
		t.Errorf("Expected at most %v, got %v", most, until)
	}
	log.expect(t, "the clock of this server is 1h0m", "ahead of the store's")
}

// Whoever is right, what is revoked is gone at the next scan.
func TestARevocationActsWhateverTheServersClockSays(t *testing.T) {
	for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			with(t, twoTeams(), func(v *tended, s *server) {
				t := v.t
				v.advance(ahead)
				v.must(v.scan())
				expect(t, s, "as it was", everything...)
				v.remove(mine)
				v.must(v.scan())
				expect(t, s, "deleted", "x.b.example.com")
				v.put("control", `{"stop": {"team:b": {}}}`)
				v.must(v.scan())
				expect(t, s, "stopped")
			})
		})
	}
}

// What is written while Vault's clock runs an hour ahead is newer than what is
// written once it is right again, and must not shield itself from that.
func TestAVaultWhoseClockIsSetBackCannotHideARevocation(t *testing.T) {
	for name, c := range map[string]struct {
		path, body string
		left       []string
	}{
		"stop":           {"control", `{"stop": {"team:web": {}}}`, everything[2:]},
		"disabled":       {mine, strings.Replace(twoTeams()[mine], `"domains"`, `"enabled": false, "domains"`, 1), everything[2:]},
		"domain removed": {mine, twoTeams().Account(`"domains": {"example.com": {}}`)[mine], []string{"example.com", "x.b.example.com"}},
		"team narrowed":  {"teams/web", `{"domains": ["a.example.com"], "issuers": ["ca"]}`, everything[1:]},
		"domain added":   {mine, twoTeams().Account(`"domains": {"example.com": {}, "a.example.com": {}, "b.example.com": {}, "c.example.com": {}}`)[mine], everything},
	} {
		t.Run(name, func(t *testing.T) {
			v := newScriptedSite(t, twoTeams())
			s := start(t, v.corefile(v.dirKeys()))
			v.Ahead(time.Hour)
			for path, body := range twoTeams() {
				v.Put(path, body)
			}
			v.must(v.scan())
			expect(t, s, "an hour ahead", everything...)
			if left := v.left(s); left > 97*time.Hour {
				t.Errorf("Expected the store's clock to promise no more than ours, %v are left", left)
			}
			v.Ahead(0)
			log := listen(t)
			v.Put(c.path, c.body)
			for range 3 {
				v.must(v.scan())
				expect(t, s, "set back", c.left...)
				if served(t, s, "c.example.com") {
					t.Error("Expected nothing to be added by a version that goes back in time")
				}
			}
			log.expect(t, c.path, "goes back in time")
			v.Put(c.path, c.body)
			v.must(v.scan())
			if name == "domain added" && !served(t, s, "c.example.com") {
				t.Error("Expected a version after that to count")
			}
		})
	}
}

// An empty Vault in the place of the one that was, and one that has just been
// set up, with a config of its own.
func TestAReplacedVaultGrantsNothing(t *testing.T) {
	v := newScriptedSite(t, twoTeams())
	s := start(t, v.corefile(v.dirKeys()))
	v.must(v.scan())
	for path := range twoTeams() {
		v.Drop(path)
	}
	for range 4 {
		if err := v.scan(); err == nil {
			t.Fatal("Expected an empty Vault not to be believed")
		}
	}
	expect(t, s, "an empty Vault", everything...)
	v.Put("config", `{"schema": 1}`)
	for range 4 {
		v.must(v.scan())
	}
	expect(t, s, "a new Vault")
}

// team is a client with what a team's policy allows, as Terraform writes it.
func (h realHands) team(slug string) *store.Vault {
	h.t.Helper()
	text, err := os.ReadFile("../../build/terraform/policies/team.hcl")
	h.must(err)
	hcl := strings.NewReplacer("{{identity.entity.metadata.persist_team}}", slug, `"persist/`, `"`+h.mount+"/").Replace(string(text))
	h.must(h.Policy(h.t.Context(), "team-"+slug, hcl))
	token, err := h.Token(h.t.Context(), time.Hour, "team-"+slug)
	h.must(err)
	h.t.Setenv("VAULT_TOKEN", token)
	v, err := store.NewVault(store.VaultConfig{Address: h.Address})
	h.must(err)
	return v
}

// Vault lets a team write its own documents and cannot see what is in them; the
// plugin does.
func TestATeamGetsNothingThatItsAdminHasNotAllowed(t *testing.T) {
	const approved = `"accounts": {"https://ca.example/acct/123": {}}`
	d := twoTeams().With(policytest.Documents{
		"teams/web": `{"domains": ["example.com"], "issuers": ["ca"], "wildcard": true, "subtree": true, ` + approved + `}`,
	})
	account := func(uri, domains string) string {
		return fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%s", "domains": {%s}}`, uri, domains)
	}
	withKind(t, "real", d, func(v *tended, s *server) {
		t := v.t
		team := v.hands.(realHands).team("web")
		for i, c := range []struct{ name, body, reason string }{
			{"another team's domain", account("123", `"a.example.com": {}, "x.b.example.com": {}`), "belongs to team b, which claims the longer suffix b.example.com"},
			{"another team's suffix", account("123", `"a.example.com": {}, "b.example.com": {}`), "belongs to team b"},
			{"nobody's domain", account("123", `"a.example.com": {}, "example.org": {}`), "lies outside the domains of team web"},
			{"a wildcard above another team", account("123", `"a.example.com": {}, "example.com": {"wildcard": true}`), "would reach into b.example.com, which belongs to another team"},
			{"a subtree above another team", account("123", `"a.example.com": {}, "example.com": {"subtree": true}`), "would reach into b.example.com"},
		} {
			log := listen(t)
			before := rejected()
			version := 1 + 2*i
			v.must(team.WriteSecret(t.Context(), v.mount, mine, []byte(c.body), version))
			v.must(v.scan())
			expect(t, s, c.name, "a.example.com", "x.b.example.com")
			if got := text(s.ask(t, question("_validation-persist.x.b.example.com.", dns.TypeTXT))); strings.Contains(got, "acct/123") {
				t.Errorf("%s: expected the owner's account alone, got %s", c.name, got)
			}
			log.expect(t, fmt.Sprintf("%s@%d", mine, version+1), c.reason)
			if rejected() != before+1 {
				t.Errorf("%s: expected one rejection to be counted, got %v", c.name, rejected()-before)
			}
			v.must(team.WriteSecret(t.Context(), v.mount, mine, []byte(account("123", `"a.example.com": {}`)), version+1))
			v.must(v.scan())
		}
		log := listen(t)
		v.must(team.WriteSecret(t.Context(), v.mount, "accounts/web/ca/own", []byte(account("666", `"example.com": {}`)), 0))
		v.must(v.scan())
		expect(t, s, "an account of its own", "a.example.com", "x.b.example.com")
		log.expect(t, "accounts/web/ca/own@1", "https://ca.example/acct/666")
		for _, path := range []string{"config", "control", "teams/web", "issuers/ca", theirs, "accounts/b/ca/new"} {
			err := team.WriteSecret(t.Context(), v.mount, path, []byte(`{}`), 0)
			if err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("Expected Vault to deny %s to the team, got %v", path, err)
			}
		}
	})
}
