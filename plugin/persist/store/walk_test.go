package store

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
)

// A thousand documents take five seconds to read, and the one of them that
// restricts may be the first.
func TestAChangeCountsBeforeTheScanEnds(t *testing.T) {
	f, r := filled(t, newFake(t))
	const first, last = "accounts/web/letsencrypt/a-00", "accounts/web/letsencrypt/z"
	for i := range 30 {
		f.Put(fmt.Sprintf("accounts/web/letsencrypt/a-%02d", i), `{"a":1}`)
	}
	f.Put(last, `{"z":1}`)
	r.scan(t)

	counted := ""
	f.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		r.clock.advance(100 * time.Millisecond)
		if strings.HasSuffix(req.URL.Path, last) {
			counted = string(r.Snapshot().Document(first).Body)
		}
		return false
	})
	for try := range 10 { // on a busy machine the first answer may be the last to come
		want, before := fmt.Sprintf(`{"a":%d}`, 2+try), len(r.snapshots)
		f.Put(first, want)
		r.scan(t)
		if n := len(r.snapshots) - before; n > 3 {
			t.Errorf("Expected a snapshot more for the change, got %d in a scan", n)
		}
		if counted == want {
			return
		}
	}
	t.Errorf("Expected the change to count when the last document is read, got %s", counted)
}

// What one team gives up another one may have got, and else a third one would
// have it: the documents of teams count together or, where a scan ends among
// them, for what they restrict only.
func TestTeamsThatWereNotAllReadRestrictOnly(t *testing.T) {
	const giver, taker = "teams/a", "teams/z"
	begin := func(t *testing.T) (*fake, *rig) {
		t.Helper()
		f, r := filled(t, newFake(t))
		for i := range 30 {
			f.Put(fmt.Sprintf("teams/m-%02d", i), `{}`)
		}
		f.Put(giver, `{"a":1}`)
		f.Put(taker, `{"z":1}`)
		r.scan(t)
		f.Put(taker, `{"z":2}`)
		f.Put(giver, `{"a":2}`)
		r.snapshots = nil
		return f, r
	}
	expectTogether := func(t *testing.T, r *rig) {
		t.Helper()
		for _, s := range r.snapshots {
			from, to := s.Document(giver), s.Document(taker)
			if string(from.Body) == `{"a":2}` && from.Doubt == "" && string(to.Body) == `{"z":1}` {
				t.Errorf("%s has given up something before %s has got it", giver, taker)
			}
		}
		if d := r.document(t, giver); string(d.Body) != `{"a":2}` || d.Doubt != "" {
			t.Errorf("In the end it is %+v", d)
		}
	}
	t.Run("slowly", func(t *testing.T) {
		f, r := begin(t)
		f.Intercept(func(http.ResponseWriter, *http.Request) bool {
			r.clock.advance(100 * time.Millisecond)
			return false
		})
		r.scan(t)
		expectTogether(t, r)
	})
	t.Run("with an end among them", func(t *testing.T) {
		f, r := begin(t)
		f.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
			if !strings.HasSuffix(req.URL.Path, "teams/m-20") {
				return false
			}
			storetest.Refuse(w, http.StatusTooManyRequests)
			return true
		})
		for range 10 { // on a busy machine the first answer may come after that of m-20
			if r.fails(t, ErrThrottled); r.document(t, giver).Version == "2" {
				break
			}
		}
		if d := r.document(t, giver); string(d.Body) != `{"a":2}` || d.Doubt != Unfinished {
			t.Errorf("What it restricts must count, and it is %+v", d)
		}
		f.Heal()
		r.scan(t)
		expectTogether(t, r)
	})
}

// An admin narrows a team, and the team adds a name after that, both while the
// accounts are read: the name must not count by what the team could do before.
func TestAnAdditionCountsByNoOlderTeam(t *testing.T) {
	const team, account = "teams/web", "accounts/web/letsencrypt/a"
	const last = "accounts/web/letsencrypt/z"
	f, r := filled(t, newFake(t))
	f.Put(account, `{"a":1}`)
	for i := range 30 {
		f.Put(fmt.Sprintf("accounts/web/letsencrypt/m-%02d", i), `{}`)
	}
	f.Put(last, `{"z":1}`)
	f.Put(team, `{"team":1}`)
	r.scan(t)
	r.snapshots = nil
	begun := false
	f.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		r.clock.advance(100 * time.Millisecond) // so that changes count before the end
		if strings.HasSuffix(req.URL.Path, "metadata/accounts") && !begun {
			begun = true
			f.Put(team, `{"team":2}`)
			f.Put(account, `{"a":2}`)
			f.Put(last, `{"z":2}`)
		}
		return false
	})
	r.scan(t)
	seen := map[Doubt]int{}
	for _, s := range r.snapshots {
		of := s.Document(team)
		for _, path := range []string{account, last} {
			d := s.Document(path)
			if d.Version == "1" {
				continue
			}
			seen[d.Doubt]++
			if string(of.Body) == `{"team":1}` && d.Doubt == "" {
				t.Errorf("%s adds something by a team that was narrowed before", path)
			}
		}
	}
	if seen[Pending] == 0 || seen[""] == 0 {
		t.Errorf("Expected the additions to wait, and to count, got %v", seen)
	}
	// What the team has got meanwhile waits for accounts that are read after it.
	if d := r.document(t, team); string(d.Body) != `{"team":2}` || d.Doubt != Unfinished {
		t.Errorf("The team is %+v", d)
	}
	r.scan(t)
	for _, path := range []string{team, account, last} {
		if d := r.document(t, path); d.Doubt != "" || !strings.HasSuffix(string(d.Body), `:2}`) {
			t.Errorf("In the end it is %+v", d)
		}
	}
}

// What was written before the scan began waits for nothing: what it rests on is read
// after it anyway, and many accounts take many seconds.
func TestAnAdditionThatIsOlderThanTheScanCountsAtOnce(t *testing.T) {
	f, r := filled(t, newFake(t))
	const first, last = "accounts/web/letsencrypt/a-00", "accounts/web/letsencrypt/z"
	for i := range 30 {
		f.Put(fmt.Sprintf("accounts/web/letsencrypt/a-%02d", i), `{"a":1}`)
	}
	f.Put(last, `{"z":1}`)
	r.scan(t)
	var counted []*Document
	f.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		r.clock.advance(100 * time.Millisecond)
		if strings.HasSuffix(req.URL.Path, last) {
			counted = append(counted, r.Snapshot().Document(first))
		}
		return false
	})
	f.Put(first, `{"a":2}`)
	f.Ahead(2 * time.Second)
	f.Asked()
	r.scan(t)
	if !slices.ContainsFunc(counted, func(d *Document) bool { return string(d.Body) == `{"a":2}` && d.Doubt == "" }) {
		t.Errorf("When the last document is read the change counts as %+v", counted)
	}
	if got := strings.Count(strings.Join(f.Asked(), "\n"), "data/teams/web"); got != 1 {
		t.Errorf("The team is read %d times", got)
	}
}

// Whatever is not looked at once more holds up what rests on it alone.
func TestAnAdditionWaitsForItsOwnTeam(t *testing.T) {
	for failing, want := range map[string]Doubt{"teams/web": Pending, "issuers/letsencrypt": Pending, "teams/ops": ""} {
		t.Run(failing, func(t *testing.T) {
			f, r := filled(t, newFake(t))
			const account = "accounts/web/letsencrypt/a"
			f.Put(account, `{"a":1}`)
			f.Put("teams/ops", `{}`)
			r.scan(t)
			f.Put(account, `{"a":2}`)
			asked := 0
			f.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
				if !strings.HasSuffix(req.URL.Path, "data/"+failing) {
					return false
				}
				if asked++; asked < 2 {
					return false
				}
				storetest.Refuse(w, http.StatusForbidden, "permission denied")
				return true
			})
			r.scan(t)
			if d := r.document(t, account); d.Version != "2" || d.Doubt != want {
				t.Errorf("It is %+v", d)
			}
			if asked != 2 {
				t.Errorf("%s was read %d times", failing, asked)
			}
			f.Heal()
			r.scan(t)
			if d := r.document(t, account); d.Doubt != "" {
				t.Errorf("In the end it is %+v", d)
			}
		})
	}
}

// A store in which no account has changed is read once.
func TestTeamsAreReadOnceMoreForChangedAccountsOnly(t *testing.T) {
	f, r := loaded(t)
	for _, c := range []struct {
		path string
		want int
	}{{"teams/web", 1}, {"accounts/web/letsencrypt/prod", 2}, {"issuers/letsencrypt", 1}, {"config", 1}} {
		f.Put(c.path, `{"schema":1}`)
		f.Asked()
		r.scan(t)
		if got := strings.Count(strings.Join(f.Asked(), "\n"), "data/teams/web"); got != c.want {
			t.Errorf("After a change of %s the team is read %d times", c.path, got)
		}
	}
}
