package persist

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/store/storetest"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Each test here is a row of the table "What happens when" in docs/failures.md,
// and is named there. What the table says is proven through DNS, with a scripted
// Vault and with a real one where that can be brought to it.

const (
	mine   = "accounts/web/ca/a" // has example.com and a.example.com
	theirs = "accounts/b/ca/a"   // has x.b.example.com
)

// twoTeams are documents of two teams, one of which owns names below the
// other's. Records move on every hour.
func twoTeams() policytest.Documents {
	const hourly = `{"until": {"floor": "96h", "step": "1h"}}`
	return policytest.Standard().With(policytest.Documents{
		"control": `{}`,
		"teams/b": `{"domains": ["b.example.com"], "issuers": ["ca"]}`,
		theirs:    `{"account_uri": "https://ca.example/acct/124", "domains": {"x.b.example.com": ` + hourly + `}}`,
	}).Account(`"domains": {"example.com": ` + hourly + `, "a.example.com": ` + hourly + `}`)
}

var everything = []string{"example.com", "a.example.com", "x.b.example.com"}

// expectAge fails unless rotation of name stands still after two hours of scans
// if it ages, and goes on if it does not.
func (v *tended) expectAge(s *server, name string, ages bool) {
	v.t.Helper()
	v.advance(2 * time.Hour)
	_ = v.scan()
	if left := v.leftOf(s, name); left <= 0 || left < 96*time.Hour != ages {
		v.t.Errorf("Expected %s to age %t, after two hours %v are left", name, ages, left)
	}
}

func TestWhenADocumentHasANewVersionItCountsAtTheNextScan(t *testing.T) {
	with(t, twoTeams(), func(v *tended, s *server) {
		t := v.t
		expect(t, s, "at first", everything...)
		v.put(mine, `{"account_uri": "https://ca.example/acct/123", "domains": "a.example.com"}`)
		v.must(v.scan())
		expect(t, s, "after a new version", "a.example.com", "x.b.example.com")
	})
}

func TestWhenADocumentIsAsItWasItIsVouchedForAnew(t *testing.T) {
	with(t, twoTeams(), func(v *tended, s *server) {
		t := v.t
		for range 5 {
			v.expectAge(s, "example.com", false)
		}
		if got := testutil.ToFloat64(lastSuccess.WithLabelValues(backends.all()[0].location)); got < float64(v.now().Unix())-1 {
			t.Errorf("Expected the last complete scan at %v, got %v", v.now().Unix(), got)
		}
	})
}

// Three times over: no broken version renews the age of what holds.
func TestWhenADocumentIsInvalidItsLastValidVersionAges(t *testing.T) {
	with(t, twoTeams(), func(v *tended, s *server) {
		t := v.t
		log := listen(t)
		before := rejected()
		for i, body := range []string{`{"domains": 7}`, `{"account_uri": "https://ca.example/acct/123", "domains": {"example.com": {}}, "typo": 1}`, `{"domain": "b.example.com"}`} {
			v.put(mine, body)
			v.must(v.scan())
			log.expect(t, fmt.Sprintf("%s@%d: ", mine, i+2))
			if rejected() == before {
				t.Errorf("Expected version %d to be counted as a rejection", i+2)
			}
			if want := i == 0; served(t, s, "a.example.com") != want || !served(t, s, "example.com") {
				t.Errorf("Version %d: expected example.com to stay, and a.example.com until a readable list lacks it", i+2)
			}
			v.advance(20 * time.Minute)
		}
		v.expectAge(s, "example.com", true)
		v.expectAge(s, "x.b.example.com", false)
		v.advance(72 * time.Hour)
		v.must(v.scan())
		expectSilence(t, s, "past max_stale", dns.ExtendedErrorCodeInvalidData)
		if !served(t, s, "x.b.example.com") {
			t.Error("Expected the documents of others to be served on")
		}
		v.put(mine, twoTeams()[mine])
		v.must(v.scan())
		expect(t, s, "written anew", everything...)
	})
}

// Whatever withdraws or narrows acts on the scan that sees it.
func TestWhenSomethingIsRevokedItActsAtTheNextScan(t *testing.T) {
	for name, c := range map[string]struct {
		revoke func(v *tended)
		left   []string
	}{
		"soft-deleted": {func(v *tended) { v.remove(mine) }, everything[2:]},
		"destroyed":    {func(v *tended) { v.destroy(mine) }, everything[2:]},
		"disabled": {func(v *tended) {
			v.put(mine, strings.Replace(twoTeams()[mine], `"domains"`, `"enabled": false, "domains"`, 1))
		}, everything[2:]},
		"entry removed": {func(v *tended) { v.put(mine, twoTeams().Account(`"domains": {"example.com": {}}`)[mine]) }, []string{"example.com", "x.b.example.com"}},
		"team deleted":  {func(v *tended) { v.remove("teams/web") }, everything[2:]},
		"team disabled": {func(v *tended) {
			v.put("teams/web", `{"domains": ["example.com"], "issuers": ["ca"], "enabled": false}`)
		}, everything[2:]},
		"issuer deleted": {func(v *tended) { v.remove("issuers/ca") }, nil},
		"stopped":        {func(v *tended) { v.put("control", `{"stop": {"team:b": {}}}`) }, everything[:2]},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, twoTeams(), func(v *tended, s *server) {
				t := v.t
				expect(t, s, "before", everything...)
				c.revoke(v)
				v.must(v.scan())
				expect(t, s, "after", c.left...)
			})
		})
	}
}

func TestWhenADocumentIsGoneTwoScansMustAgree(t *testing.T) {
	with(t, twoTeams(), func(v *tended, s *server) {
		t := v.t
		v.purge(mine)
		v.must(v.scan())
		expect(t, s, "after one scan", everything...)
		if n := troubles("not_found"); n != 1 {
			t.Errorf("Expected one thing to be missing, got %v", n)
		}
		v.must(v.scan())
		expect(t, s, "after two", "x.b.example.com")
	})
}

func TestWhenMostDocumentsAreGoneThreeScansMustAgree(t *testing.T) {
	d := twoTeams()
	for i := range 12 {
		d[fmt.Sprintf("accounts/web/ca/n%d", i)] = fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%d", "domains": "n%d.example.com"}`, 200+i, i)
	}
	with(t, d, func(v *tended, s *server) {
		t := v.t
		log := listen(t)
		for i := range 12 {
			v.purge(fmt.Sprintf("accounts/web/ca/n%d", i))
		}
		for scan := range 2 {
			v.must(v.scan())
			if !served(t, s, "n7.example.com") {
				t.Errorf("Expected nothing to be withdrawn by scan %d", scan+1)
			}
		}
		log.expect(t, "until 3 scans agree")
		v.must(v.scan())
		expect(t, s, "after three scans", everything...)
		if served(t, s, "n7.example.com") {
			t.Error("Expected three scans to withdraw what is gone")
		}
	})
}

func TestWhenTheTokenIsNotValidTheSameScanGoesOnWithAnother(t *testing.T) {
	with(t, twoTeams(), func(v *tended, s *server) {
		t := v.t
		another := v.replaceToken()
		if err := v.scan(); err == nil || !strings.Contains(err.Error(), "invalid token") {
			t.Fatalf("Expected the token not to be valid any more, got %v", err)
		}
		expect(t, s, "without a token", everything...)
		v.hold(another)
		v.remove(mine)
		v.must(v.scan())
		expect(t, s, "with another", "x.b.example.com")
	})
}

// A refusal says nothing about what is there: it takes nothing away, whether of
// an account, a team or an issuer, and it lets nobody have another team's names.
func TestWhenADocumentIsDeniedItAgesAndNothingIsWithdrawn(t *testing.T) {
	for path, names := range map[string][2]string{ // one that ages, one that does not
		mine:         {"example.com", "x.b.example.com"},
		"teams/b":    {"x.b.example.com", "example.com"},
		"issuers/ca": {"example.com", ""},
	} {
		t.Run(path, func(t *testing.T) {
			d := twoTeams()
			d["accounts/web/ca/b"] = `{"account_uri": "https://ca.example/acct/125", "domains": "b.example.com"}` // not web's
			with(t, d, func(v *tended, s *server) {
				t := v.t
				log := listen(t)
				v.deny(path)
				v.must(v.scan())
				log.expect(t, path, "permission denied")
				if n := troubles("denied"); n != 1 {
					t.Errorf("Expected one thing to be denied, got %v", n)
				}
				v.expectAge(s, names[0], true)
				if names[1] != "" {
					v.expectAge(s, names[1], false)
				}
				expect(t, s, "after hours", everything...)
				v.advance(72 * time.Hour)
				v.must(v.scan())
				if r := s.ask(t, question("_validation-persist."+names[0]+".", dns.TypeTXT)); r.Rcode != dns.RcodeServerFailure {
					t.Errorf("Expected SERVFAIL past max_stale, got %v", r)
				}
				if served(t, s, "b.example.com") {
					t.Error("Expected a team not to get another's name because that team cannot be read")
				}
				v.deny()
				v.must(v.scan())
				expect(t, s, "allowed again", everything...)
			})
		})
	}
}

// An empty store, and one whose config is deleted, is no store.
func TestWhenConfigIsGoneNothingIsBelieved(t *testing.T) {
	for name, lose := range map[string]func(v *tended){
		"config purged":     func(v *tended) { v.purge("config") },
		"config deleted":    func(v *tended) { v.remove("config") },
		"everything purged": func(v *tended) { v.purge("config"); v.purge("teams/b"); v.purge(mine); v.purge("issuers/ca") },
	} {
		t.Run(name, func(t *testing.T) {
			with(t, twoTeams(), func(v *tended, s *server) {
				t := v.t
				lose(v)
				v.remove(theirs)
				for range 4 {
					if err := v.scan(); err == nil || !strings.Contains(err.Error(), "without it nothing is believed") {
						t.Fatalf("Expected the scan to be void, got %v", err)
					}
				}
				expect(t, s, "without config", everything...)
				v.expectAge(s, "example.com", true)
			})
		})
	}
}

func TestWhenTheMountIsGoneNothingIsBelieved(t *testing.T) {
	with(t, twoTeams(), func(v *tended, s *server) {
		t := v.t
		v.unmount()
		for range 4 {
			if err := v.scan(); err == nil || !strings.Contains(err.Error(), "no handler for route: is mount "+v.mount+" enabled as KV version 2?") {
				t.Fatalf("Expected the scan to be void, got %v", err)
			}
		}
		expect(t, s, "without the mount", everything...)
		v.expectAge(s, "example.com", true)
	})
}

func TestWhenVaultThrottlesItIsAskedLess(t *testing.T) {
	with(t, twoTeams(), func(v *tended, s *server) {
		t := v.t
		v.throttle()
		if err := v.scan(); err == nil || !strings.Contains(err.Error(), "too many requests") {
			t.Fatalf("Expected to be throttled, got %v", err)
		}
		expect(t, s, "throttled", everything...)
		if n := troubles("throttled"); n == 0 {
			t.Error("Expected the gauge to say so")
		}
		v.expectAge(s, "example.com", true)
		v.relent()
		v.remove(mine)
		v.must(v.scan())
		expect(t, s, "when it relents", "x.b.example.com")
	})
}

func TestWhenVaultIsSealedTheLastStatementHoldsAndAges(t *testing.T) {
	with(t, hourly(), func(v *tended, s *server) { v.fallsSilent(s, v.seal, v.unseal) })
}

// Only a scripted Vault can be held in the middle of an upgrade.
func TestWhenTheMountIsBeingUpgradedItIsAskedAgain(t *testing.T) {
	v := newScriptedSite(t, twoTeams())
	s := start(t, v.corefile(v.dirKeys()))
	v.must(v.scan())
	v.Fail(storetest.Answering(http.StatusBadRequest, "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period and will resume service shortly."))
	if err := v.scan(); err == nil || !strings.Contains(err.Error(), "is being upgraded to KV version 2") {
		t.Errorf("Expected to be told of the upgrade, got %v", err)
	}
	expect(t, s, "meanwhile", everything...)
	v.Heal()
	v.Remove(mine)
	v.must(v.scan())
	expect(t, s, "after it", "x.b.example.com")
}

// A stop holds whatever becomes of the document that it stands in.
func TestWhenControlIsLostOrBrokenNoStopIsLifted(t *testing.T) {
	for name, lose := range map[string]func(v *tended){
		"deleted":                    func(v *tended) { v.remove("control") },
		"destroyed":                  func(v *tended) { v.destroy("control") },
		"purged":                     func(v *tended) { v.purge("control") },
		"denied":                     func(v *tended) { v.deny("control") },
		"broken":                     func(v *tended) { v.put("control", `{"stop": 5}`) },
		"with a typo":                func(v *tended) { v.put("control", `{"stops": {}}`) },
		"lifted where config is not": func(v *tended) { v.remove("config"); v.put("control", `{}`) },
	} {
		t.Run(name, func(t *testing.T) {
			with(t, twoTeams(), func(v *tended, s *server) {
				t := v.t
				v.put("control", `{"stop": {"domain:a.example.com": {}}}`)
				v.must(v.scan())
				expect(t, s, "stopped", "example.com", "x.b.example.com")
				lose(v)
				for range 3 {
					_ = v.scan()
					expect(t, s, name, "example.com", "x.b.example.com")
				}
				v.deny()
				v.put("config", `{"schema": 1}`)
				v.put("control", `{}`)
				v.must(v.scan())
				expect(t, s, "lifted", everything...)
			})
		})
	}
}

// A backup that is put back brings no grant back, and takes none.
func TestWhenABackupIsRestoredNothingComesBack(t *testing.T) {
	for name, c := range map[string]struct {
		revoke func(v *tended)
		left   []string
		real   bool
	}{
		"deleted account": {func(v *tended) { v.remove(mine) }, everything[2:], true},
		"disabled account": {func(v *tended) {
			v.put(mine, `{"account_uri": "https://ca.example/acct/123", "domains": "example.com", "enabled": false}`)
		}, everything[2:], false},
		"removed domain": {func(v *tended) { v.put(mine, twoTeams().Account(`"domains": {"example.com": {}}`)[mine]) }, []string{"example.com", "x.b.example.com"}, false},
		"narrowed team":  {func(v *tended) { v.put("teams/web", `{"domains": ["a.example.com"], "issuers": ["ca"]}`) }, everything[1:], false},
		"stop":           {func(v *tended) { v.put("control", `{"stop": {"team:web": {}}}`) }, everything[2:], true},
	} {
		prove := func(further bool) func(v *tended, s *server) {
			return func(v *tended, s *server) {
				t := v.t
				restore := v.backup()
				c.revoke(v)
				v.put("issuers/ca", twoTeams()["issuers/ca"]) // something else that is newer than the backup
				v.must(v.scan())
				expect(t, s, "revoked", c.left...)
				log := listen(t)
				restore()
				if further {
					v.put("teams/b", twoTeams()["teams/b"])
				}
				for range 4 {
					_ = v.scan()
					expect(t, s, "restored", c.left...)
				}
				log.expect(t, "goes back in time")
				if n := troubles("back_in_time"); n == 0 {
					t.Error("Expected the gauge to say so")
				}
				v.expectAge(s, "x.b.example.com", true) // its issuer goes back in time
			}
		}
		t.Run(name, func(t *testing.T) {
			withKind(t, "scripted", twoTeams(), prove(false))
			// A real one takes seconds to put a backup back, and another than ours cannot.
			if c.real && os.Getenv("PERSIST_VAULT_BIN") == "" {
				withKind(t, "real", twoTeams(), prove(false))
			}
		})
		t.Run(name+", written further", func(t *testing.T) { withKind(t, "scripted", twoTeams(), prove(true)) })
	}
}

func TestWhenAnotherVaultAnswersItIsRefused(t *testing.T) {
	of := func(members string) policytest.Documents {
		return twoTeams().With(policytest.Documents{"config": `{"schema": 1, ` + members + `}`})
	}
	with(t, of(`"store_id": "prod", "generation": 3`), func(v *tended, s *server) {
		t := v.t
		expect(t, s, "the one pinned", everything...)
		for _, config := range []string{`{"schema": 1, "store_id": "lab", "generation": 9}`, `{"schema": 1}`, `{"schema": 1, "store_id": "prod", "generation": 2}`} {
			log := listen(t)
			before := total(t, "coredns_persist_store_scans_total", "result", "refused")
			v.put("config", config)
			v.put(mine, `{"account_uri": "https://ca.example/acct/123", "domains": "b.example.com example.com a.example.com"}`)
			v.remove("teams/b")
			for range 4 {
				if err := v.scan(); err == nil || !strings.Contains(err.Error(), "the store is refused") {
					t.Fatalf("Expected %s to be refused, got %v", config, err)
				}
			}
			expect(t, s, config, everything...)
			log.expect(t, "the store is refused: config@")
			if got := total(t, "coredns_persist_store_scans_total", "result", "refused") - before; got != 4 || troubles("refused") != 1 {
				t.Errorf("Expected four refused scans, and one trouble, got %v and %v", got, troubles("refused"))
			}
			v.put("teams/b", twoTeams()["teams/b"])
			v.put(mine, twoTeams()[mine])
			v.put("config", `{"schema": 1, "store_id": "prod", "generation": 3}`)
			v.must(v.scan())
			expect(t, s, "the one pinned again", everything...)
		}
	}, "store prod 3")
}

func TestWhenAServerStartsWithAnotherVaultItIsNotReady(t *testing.T) {
	impatient(t)
	for kind, open := range kinds {
		t.Run(kind, func(t *testing.T) {
			v := open(t, twoTeams().With(policytest.Documents{"config": `{"schema": 1, "store_id": "prod", "generation": 2}`}))
			log := listen(t)
			s := start(t, v.corefile(v.dirKeys(), "store prod 3"))
			if err := v.scan(); err == nil || !strings.Contains(err.Error(), "has generation 2, and the Corefile pins 3") {
				t.Errorf("Expected the restored store to be refused, got %v", err)
			}
			expectSilence(t, s, "refused", dns.ExtendedErrorCodeNotReady)
			if isReady() {
				t.Error("Expected not to be ready with a store that is refused")
			}
			log.expect(t, "the store is refused: config@1 has generation 2")
			v.put("config", `{"schema": 1, "store_id": "prod", "generation": 3}`)
			v.must(v.scan())
			expect(t, s, "the one pinned", everything...)
			if !isReady() {
				t.Error("Expected to be ready with the store that is pinned")
			}
		})
	}
}

// isReady asks every handler of the process, as the ready plugin does.
func isReady() bool {
	all := running.all()
	return len(all) > 0 && all[0].Ready()
}

func TestWhenAServerStartsItNeedsConfigControlAndAllTeams(t *testing.T) {
	impatient(t)
	for kind, open := range kinds {
		for path, loads := range map[string]bool{"config": false, "control": false, "teams/b": false, "issuers/ca": true, mine: true} {
			t.Run(kind+" "+path, func(t *testing.T) {
				v := open(t, twoTeams())
				v.deny(path)
				s := start(t, v.corefile(v.dirKeys()))
				_ = v.scan()
				if isReady() != loads {
					t.Errorf("Without %s expected to be ready %t", path, loads)
				}
				if !loads {
					expectSilence(t, s, "without "+path, dns.ExtendedErrorCodeNotReady)
				}
				v.deny()
				v.must(v.scan())
				expect(t, s, "with it", everything...)
			})
		}
	}
}
