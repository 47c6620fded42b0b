package store

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
)

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
	const first, last = "accounts/web/letsencrypt/a-000", "accounts/web/letsencrypt/z"
	for i := range 200 {
		f.Put(fmt.Sprintf("accounts/web/letsencrypt/a-%03d", i), `{"a":1}`)
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

// A team that is not looked at once more holds up every addition, for it may have
// claimed any name meanwhile; an issuer holds up its own.
func TestAnAdditionWaitsForAllTeamsAndItsIssuer(t *testing.T) {
	for failing, want := range map[string]Doubt{"teams/web": Pending, "teams/ops": Pending, "issuers/letsencrypt": Pending, "issuers/other": ""} {
		t.Run(failing, func(t *testing.T) {
			f, r := filled(t, newFake(t))
			const account = "accounts/web/letsencrypt/a"
			f.Put(account, `{"a":1}`)
			f.Put("teams/ops", `{}`)
			f.Put("issuers/other", `{}`)
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

// Nor does an addition count where teams or issuers cannot be listed once more: there
// may be a new team by then, to which the name belongs.
func TestAnAdditionWaitsForTeamsThatCannotBeListedOnceMore(t *testing.T) {
	for _, folder := range rulers {
		t.Run(folder, func(t *testing.T) {
			f, r := filled(t, newFake(t))
			const account = "accounts/web/letsencrypt/a"
			f.Put(account, `{"a":1}`)
			r.scan(t)
			listed := 0
			f.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
				if strings.HasSuffix(req.URL.Path, "metadata/accounts") {
					f.Put(folder+"/new", `{}`)
					f.Put(account, `{"a":2}`)
				}
				if !strings.HasSuffix(strings.TrimSuffix(req.URL.Path, "/"), "metadata/"+folder) {
					return false
				}
				if listed++; listed < 2 {
					return false
				}
				storetest.Refuse(w, http.StatusForbidden, "permission denied")
				return true
			})
			r.fails(t, ErrDenied, folder)
			if d := r.document(t, account); d.Version != "2" || d.Doubt != Pending || listed != 2 {
				t.Errorf("Listed %d times, it is %+v", listed, d)
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

// settle loads accounts that take seconds to read.
func settle(t *testing.T, f *fake, r *rig) (accounts []string) {
	t.Helper()
	f.Put("teams/web", `{"n":1}`)
	for i := range 5 * group {
		accounts = append(accounts, fmt.Sprintf("accounts/web/letsencrypt/a-%03d", i))
		f.Put(accounts[i], `{"n":1}`)
	}
	f.Put("teams/ops", `{}`)
	r.scan(t)
	r.snapshots = nil
	return accounts
}

// One name more must not wait for all accounts that there are, whether or not it has
// counted for what it restricts before.
func TestAnAdditionOfThisScanCountsBeforeItEnds(t *testing.T) {
	for _, each := range []time.Duration{0, 20 * time.Millisecond} {
		f, r := filled(t, newFake(t))
		accounts := settle(t, f, r)
		var counted *Document
		f.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
			r.clock.advance(each)
			switch {
			case strings.HasSuffix(req.URL.Path, "metadata/accounts"):
				f.Put(accounts[3], `{"n":2}`)
			case strings.HasSuffix(req.URL.Path, accounts[2*group]):
				counted = r.Snapshot().Document(accounts[3])
			}
			return false
		})
		f.Asked()
		r.scan(t)
		if string(counted.Body) != `{"n":2}` || counted.Doubt != "" {
			t.Errorf("%v each: two groups later it counts as %+v", each, counted)
		}
		if waited := slices.ContainsFunc(r.snapshots, func(s *Snapshot) bool { return s.Document(accounts[3]).Doubt == Pending }); waited != (each > 0) {
			t.Errorf("%v each: it has waited: %t", each, waited)
		}
		if got := strings.Count(strings.Join(f.Asked(), "\n"), "data/teams/web"); got != 2 {
			t.Errorf("%v each: the team is read %d times", each, got)
		}
	}
}

// What is read once more costs no more than the scan itself, however many accounts
// change.
func TestTeamsAreReadOnceMoreAsOftenAsTheScanAffords(t *testing.T) {
	f, r := filled(t, newFake(t))
	for i := range 2 * group {
		f.Put(fmt.Sprintf("teams/t-%03d", i), `{}`)
	}
	accounts := settle(t, f, r)
	f.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		if strings.HasSuffix(req.URL.Path, "metadata/accounts") {
			for _, path := range accounts {
				f.Put(path, `{"n":2}`)
			}
		}
		return false
	})
	f.Asked()
	r.scan(t)
	const between = 3 // of 7 x group documents, at 2 x group teams each
	if got := strings.Count(strings.Join(f.Asked(), "\n"), "data/teams/web"); got > 1+between+1 || got < 3 {
		t.Errorf("The team is read %d times", got)
	}
	for _, path := range accounts {
		if d := r.document(t, path); d.Doubt != "" || d.Version != "2" {
			t.Fatalf("In the end it is %+v", d)
		}
	}
}

// However edits fall among the requests of scans: what a team has written when the
// admin had spoken for the nth time counts for what it adds only where that, or
// what was said later, was read.
func TestNoAdditionCountsByAnOlderTeamWheneverBothAreWritten(t *testing.T) {
	between := 0
	for seed := range uint64(8) {
		f, r := filled(t, newFake(t))
		accounts := settle(t, f, r)
		var editing sync.Mutex
		edits, n := rand.New(rand.NewPCG(seed, 0)), 1
		f.Intercept(func(http.ResponseWriter, *http.Request) bool {
			r.clock.advance(20 * time.Millisecond)
			editing.Lock()
			defer editing.Unlock()
			switch edits.IntN(60) {
			case 0:
				n++
				f.Put("teams/web", said(n))
			case 1, 2:
				f.Put(accounts[edits.IntN(len(accounts))], said(n))
			}
			return false
		})
		for range 3 {
			from := len(r.snapshots)
			r.scan(t)
			expectNoTeamToGain(t, r.snapshots[from:])
		}
		for i, s := range r.snapshots {
			of := saying(t, s.Document("teams/web"))
			for _, path := range accounts {
				d := s.Document(path)
				if d.Doubt == "" && saying(t, d) > of {
					t.Fatalf("Seed %d, snapshot %d: %s counts by what the team was allowed at %d, and is %s", seed, i, d.ID(), of, d.Body)
				}
			}
			if i > 0 && slices.ContainsFunc(s.Documents, func(d Document) bool { return d.Doubt == "" && r.snapshots[i-1].Document(d.Path).Doubt == Pending }) {
				between++
			}
		}
		f.Heal()
		for range 2 {
			r.scan(t)
		}
		if i := slices.IndexFunc(r.Snapshot().Documents, func(d Document) bool { return d.Doubt != "" }); i >= 0 {
			t.Errorf("Seed %d: in the end %s is in doubt", seed, r.Snapshot().Documents[i].ID())
		}
	}
	if between < 8 {
		t.Errorf("Additions that had waited count in %d snapshots", between)
	}
}

// expectNoTeamToGain wants what a team has got since the accounts are read to wait
// for the next scan: an account that was read before may have lost it to that team.
func expectNoTeamToGain(t *testing.T, scan []*Snapshot) {
	t.Helper()
	for i := 1; i < len(scan); i++ {
		before, after := scan[i-1].Document("teams/web"), scan[i].Document("teams/web")
		if before.Doubt == Unfinished && after.Doubt == "" {
			t.Errorf("%s counts for what it adds in the scan that has found it after accounts", after.ID())
		}
	}
}

// said is what anybody writes when the admin has spoken for the nth time.
func said(n int) string { return fmt.Sprintf(`{"n":%d}`, n) }

func saying(t *testing.T, d *Document) int {
	t.Helper()
	n, err := strconv.Atoi(strings.Trim(string(d.Body), `{"n:}`))
	check(t, err)
	return n
}
