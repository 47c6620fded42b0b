package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/google/go-cmp/cmp"
)

// loaded returns a watcher that has loaded a fake.
func loaded(t *testing.T) (*fake, *rig) {
	t.Helper()
	f := newFake(t)
	fill(t, f)
	r := watch(t, f.source(t), nil)
	r.scan(t)
	return f, r
}

// faults are what a store may answer with, and what is said about it.
var faults = map[string]struct {
	fault http.HandlerFunc
	class error
	texts []string
}{
	"sealed": {
		storetest.Answering(http.StatusServiceUnavailable, "Vault is sealed"), ErrUnavailable,
		[]string{"sealed: unseal it"},
	},
	"failing": {
		storetest.Answering(http.StatusInternalServerError, "internal error"), ErrUnavailable,
		[]string{"status 500", "internal error"},
	},
	"a proxy without a server": {
		func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<h1>secret page</h1>", http.StatusBadGateway)
		}, ErrUnavailable,
		[]string{"status 502: Bad Gateway"},
	},
	"no mount": {
		storetest.Answering(http.StatusNotFound, "no handler for route \"persist/data/config\". route entry not found."), ErrUnavailable,
		[]string{"no handler for route: is mount persist enabled as KV version 2?"},
	},
	"upgrading": {
		storetest.Answering(http.StatusBadRequest, "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period"), ErrUnavailable,
		[]string{"being upgraded"},
	},
	"invalid token": {
		storetest.Answering(http.StatusForbidden, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"), ErrDenied,
		[]string{"invalid token: it has expired or was revoked"},
	},
	"no token": {
		storetest.Answering(http.StatusBadRequest, "missing client token"), ErrDenied,
		[]string{"invalid token"},
	},
	"policy": {
		storetest.Answering(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n"), ErrDenied,
		[]string{"permission denied: the token's policy needs read on persist/data/config"},
	},
	"throttled": {
		storetest.Answering(http.StatusTooManyRequests, "request path \"persist/data/config\": rate limit quota exceeded"), ErrThrottled,
		[]string{"too many requests"},
	},
	"truncated": {
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":{"data":{"schema":1},"metad`) }, nil,
		[]string{"no JSON of KV version 2"},
	},
	"cut off": {
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"data":`)
		}, ErrUnavailable,
		[]string{"unexpected EOF"},
	},
	"not Vault, 404": {
		http.NotFound, nil,
		[]string{"is it Vault that listens there"},
	},
	"not Vault, 404 in JSON": {
		func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"message":"not found"}`)
		}, nil,
		[]string{"is it Vault that listens there"},
	},
	"not KV version 2": {
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":{"schema":1}}`) }, nil,
		[]string{"KV version 2"},
	},
	"a panic": {
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrUnavailable,
		[]string{"EOF"},
	},
}

// Vault answers the same to who may not read a mount and to who names one that is
// not there.
func TestDenialSaysThatThePlaceMayBeMisspelt(t *testing.T) {
	server := newMount(t)
	for _, c := range []struct{ mount, path, says string }{
		{"persistt", "config", "needs read on persistt/data/config, or mount persistt is misspelt"},
		{"persist/data", "config", "needs read on persist/data/data/config, or the mount is to be persist: Vault's API alone"},
		{"persist-keys", "data/example", "needs read on persist-keys/data/data/example, or the path is to be persist-keys/example: Vault's API alone"},
	} {
		token, err := server.Token(t.Context(), time.Hour, "default")
		check(t, err)
		v, err := NewVault(VaultConfig{Address: server.Address, Token: token})
		check(t, err)
		_, err = v.ReadSecret(t.Context(), c.mount, c.path)
		wantError(t, err, ErrDenied, c.says)
	}
}

// Whatever the store says instead of documents, they stay as they were, and
// come back when it does.
func TestFaultOfTheWholeStoreChangesNothing(t *testing.T) {
	for name, tt := range faults {
		t.Run(name, func(t *testing.T) {
			f, r := loaded(t)
			before := r.Snapshot()
			f.Fail(tt.fault)
			f.Asked()
			r.fails(t, tt.class, append(tt.texts, f.URL, "persist/data/config")...)
			// net/http itself repeats a request on each idle connection that breaks.
			if n := len(f.Asked()); n > 2*(workers+1) {
				t.Errorf("%d requests were sent to find out", n)
			}
			if r.Snapshot() != before {
				t.Error("There is another snapshot")
			}
			if strings.Contains(fmt.Sprint(r.log.warnings), "hvs.test") || strings.Contains(fmt.Sprint(r.log.warnings), "secret page") {
				t.Errorf("The log quotes what it must not: %q", r.log.warnings)
			}
			f.Heal()
			r.scan(t)
			if got := r.document(t, "teams/web").Confirmed; !got.Equal(r.clock.now()) {
				t.Errorf("After the store has come back the document is confirmed at %v", got)
			}
		})
	}
}

// A fault of single documents costs those, and nothing else.
func TestFaultOfADocumentLeavesItUnconfirmed(t *testing.T) {
	const path = "accounts/web/letsencrypt/prod"
	for name, fault := range map[string]http.HandlerFunc{
		"failing":       storetest.Answering(http.StatusInternalServerError, "internal error"),
		"policy":        storetest.Answering(http.StatusForbidden, "permission denied"),
		"truncated":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":{"da`) },
		"not Vault's":   http.NotFound,
		"without mount": storetest.Answering(http.StatusNotFound, "no handler for route"),
	} {
		t.Run(name, func(t *testing.T) {
			f, r := loaded(t)
			known := *r.document(t, path)
			f.Fail(fault, path)
			f.put(t, path, `{"c":5}`)
			f.put(t, "teams/web", `{"b":3}`)
			for range 4 {
				r.scan(t)
			}
			if diff := cmp.Diff(&known, r.document(t, path)); diff != "" {
				t.Errorf("The document has changed:\n%s", diff)
			}
			if d := r.document(t, "teams/web"); string(d.Body) != `{"b":3}` || !d.Confirmed.Equal(r.clock.now()) {
				t.Errorf("Another document has not been read: %s %s", d.Confirmed, d.Body)
			}
			if len(r.log.warnings) != 4 { // once when it begins, then a reminder a minute
				t.Errorf("The log has the warnings %q", r.log.warnings)
			}
			f.Heal()
			r.scan(t)
			if d := r.document(t, path); string(d.Body) != `{"c":5}` {
				t.Errorf("When the fault is over the document is %s", d.Body)
			}
			if !strings.Contains(strings.Join(r.log.infos, "\n"), path+" is in order again") {
				t.Errorf("The end is not logged: %q", r.log.infos)
			}
		})
	}
}

func TestDocumentThatWasNeverReadKeepsItsFolderIncomplete(t *testing.T) {
	const folder = "accounts/web/letsencrypt"
	f := newFake(t)
	fill(t, f)
	f.Fail(storetest.Answering(http.StatusForbidden, "permission denied"), folder+"/prod")
	r := watch(t, f.source(t), nil)
	s := r.scan(t)
	if at, ok := s.Listed[folder]; !ok || !at.IsZero() {
		t.Errorf("The folder counts as complete since %v", at)
	}
	if s.Listed["accounts/ops/letsencrypt"].IsZero() || s.Document(folder+"/test") == nil {
		t.Error("Others pay for it")
	}
	f.Heal()
	if r.scan(t).Listed[folder].IsZero() {
		t.Error("The folder is still incomplete")
	}
	f.Fail(storetest.Answering(http.StatusForbidden, "permission denied"), folder+"/prod")
	if at := r.scan(t).Listed[folder]; !at.Equal(r.clock.now()) {
		t.Errorf("A folder of known documents is complete since %v", at)
	}
}

func TestFolderThatCannotBeListedKeepsItsDocumentsAndItsTime(t *testing.T) {
	for name, tt := range map[string]struct {
		folder string
		stale  []string
	}{
		"issuers":         {"issuers", []string{"issuers"}},
		"accounts":        {"accounts", []string{"accounts"}},
		"accounts/web":    {"accounts/web", []string{"accounts/web"}},
		"an inner folder": {"accounts/web/letsencrypt", []string{"accounts/web/letsencrypt"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, r := loaded(t)
			first := r.clock.now()
			f.Fail(storetest.Answering(http.StatusForbidden, "permission denied"), "metadata/"+tt.folder)
			f.put(t, "accounts/web/letsencrypt/prod", `{"c":4}`)
			for range 3 {
				r.fails(t, ErrDenied, tt.folder, "needs list on persist/metadata/"+tt.folder)
			}
			s := r.Snapshot()
			if len(s.Documents) != 7 {
				t.Errorf("There are %d documents", len(s.Documents))
			}
			if d := s.Document("accounts/web/letsencrypt/prod"); string(d.Body) != `{"c":4}` || !d.Confirmed.Equal(r.clock.now()) {
				t.Errorf("A known document in it is not read any more: %s", d.Body)
			}
			for folder, at := range s.Listed {
				want := r.clock.now()
				for _, stale := range tt.stale {
					if folder == stale {
						want = first
					}
				}
				if !at.Equal(want) {
					t.Errorf("%s is complete as of %v, wanted %v", folder, at, want)
				}
			}
		})
	}
}

// The names of a team that is not known would count as those of the team above it.
func TestFirstLoadNeedsConfigControlTheOuterFoldersAndTheTeams(t *testing.T) {
	denied := storetest.Answering(http.StatusForbidden, "permission denied")
	for path, ok := range map[string]bool{
		"data/config":                        false,
		"data/control":                       false,
		"metadata/issuers":                   false,
		"metadata/teams":                     false,
		"metadata/accounts":                  false,
		"metadata/accounts/web":              true,
		"data/issuers/letsencrypt":           true,
		"data/teams/web":                     false,
		"data/accounts/web/letsencrypt/prod": true,
	} {
		f := newFake(t)
		fill(t, f)
		f.Fail(denied, path)
		r := watch(t, f.source(t), nil)
		err := r.Scan(t.Context())
		if loaded := r.Snapshot() != nil; loaded != ok {
			t.Errorf("Without %s the store is loaded: %v; %v", path, loaded, err)
		}
		if !ok && !strings.Contains(fmt.Sprint(err), path) {
			t.Errorf("The error does not name %s: %v", path, err)
		}
	}
}

func TestAccountsAreNotReadForALoadThatCannotBe(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	f.Fail(storetest.Answering(http.StatusForbidden, "permission denied"), "data/teams/web")
	watch(t, f.source(t), nil).fails(t, ErrDenied, "nothing is loaded yet: teams/web", "another team would own its names")
	if asked := strings.Join(f.Asked(), "\n"); strings.Contains(asked, "accounts") {
		t.Errorf("It has asked for\n%s", asked)
	}
}

func TestTeamWithoutAnyVersionIsNoneAtTheFirstLoad(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	f.Fail(storetest.Answering(http.StatusNotFound), "data/teams/web")
	watch(t, f.source(t), nil).scan(t)
}

// A scan looks at the brakes more than once.
func TestControlThatWasReadStaysThoughItCannotBeReadAgain(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	r := watch(t, f.source(t), nil)
	var late atomic.Bool
	f.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if strings.HasSuffix(req.URL.Path, "metadata/teams") {
			r.clock.advance(10 * time.Second)
			late.Store(true)
		}
		again := late.Load() && strings.HasSuffix(req.URL.Path, "data/control")
		if again {
			storetest.Refuse(w, http.StatusForbidden, "permission denied")
		}
		return again
	})
	r.scan(t)
	r.document(t, ControlPath)
	if n := strings.Count(strings.Join(f.Asked(), "\n"), "data/control"); n < 2 {
		t.Errorf("It was asked for %d times", n)
	}
}

// Documents that stand together fail together, as those of one team whose key
// to something is lost.
func TestAdjacentDocumentsThatFailCostThemselvesOnly(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	poor := make([]string, 8)
	for i := range 60 {
		path := fmt.Sprintf("accounts/web/letsencrypt/n%02d", i)
		f.put(t, path, `{}`)
		if i < len(poor) {
			poor[i] = path
		}
	}
	f.Fail(storetest.Answering(http.StatusInternalServerError, "unable to decrypt"), poor...)
	r := watch(t, f.source(t), nil)
	if n := len(r.scan(t).Documents); n != 59 {
		t.Errorf("A cold start loads %d documents", n)
	}
	f.Heal()
	known := *r.scan(t).Document(poor[0])
	f.Fail(storetest.Answering(http.StatusInternalServerError, "unable to decrypt"), poor...)
	f.put(t, "teams/web", `{"enabled":false}`)
	f.put(t, "accounts/web/letsencrypt/test", `{"d":5}`)
	r.scan(t)
	for path, body := range map[string]string{"teams/web": `{"enabled":false}`, "accounts/web/letsencrypt/test": `{"d":5}`} {
		if got := string(r.document(t, path).Body); got != body {
			t.Errorf("%s is %s", path, got)
		}
	}
	if diff := cmp.Diff(&known, r.document(t, poor[0])); diff != "" {
		t.Errorf("A document that fails has changed:\n%s", diff)
	}
}

func TestUnreadableControlIsHeldUnconfirmed(t *testing.T) {
	f, r := loaded(t)
	known := *r.document(t, ControlPath)
	f.Fail(storetest.Answering(http.StatusForbidden, "permission denied"), "data/control")
	r.fails(t, ErrDenied, "control")
	if diff := cmp.Diff(&known, r.document(t, ControlPath)); diff != "" {
		t.Errorf("It has changed:\n%s", diff)
	}
	if !r.document(t, "teams/web").Confirmed.Equal(r.clock.now()) {
		t.Error("The rest has not been read")
	}
}

func TestControlCountsThoughTheScanFails(t *testing.T) {
	f, r := loaded(t)
	at := r.document(t, "teams/web").Confirmed
	f.put(t, "control", `{"stop":{"all":{}}}`)
	f.Fail(storetest.Answering(http.StatusNotFound), "data/config")
	r.fails(t, ErrNotFound, "config")
	if got := string(r.document(t, "control").Body); got != `{"stop":{"all":{}}}` {
		t.Errorf("Control is %s", got)
	}
	if !r.document(t, "teams/web").Confirmed.Equal(at) {
		t.Error("Another document was confirmed")
	}
}

func TestScanEndsWhereTheSentinelFailsAfterThreeServerErrorsInARow(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	for i := range 200 {
		f.put(t, fmt.Sprintf("accounts/web/letsencrypt/n%d", i), `{}`)
	}
	r := watch(t, f.source(t), nil)
	before := r.scan(t)
	f.put(t, "accounts/ops/letsencrypt/prod", `{"e":6}`) // read long before the others
	var sealed atomic.Bool
	f.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if strings.HasSuffix(req.URL.Path, "/n50") {
			sealed.Store(true)
		}
		if sealed.Load() {
			storetest.Refuse(w, http.StatusServiceUnavailable, "Vault is sealed")
		}
		return sealed.Load()
	})
	f.Asked()
	r.fails(t, ErrUnavailable, "3 requests in a row failed", "config", "sealed")
	if n := len(f.Asked()); n > 9+6+150+3*workers { // with issuers, teams and config once more
		t.Errorf("%d requests were sent", n)
	}
	if len(r.Snapshot().Documents) != len(before.Documents) {
		t.Error("Documents are gone")
	}
	if got := string(r.document(t, "accounts/ops/letsencrypt/prod").Body); got != `{"e":6}` {
		t.Errorf("What was read before the end does not count: %s", got)
	}
}

// A team whose folder was not reached may hold any name.
func TestListingIsNotCompleteWhileFoldersInItWereNeverListed(t *testing.T) {
	f, r := loaded(t)
	first := r.clock.now()
	f.put(t, "accounts/new/letsencrypt/prod", `{}`)
	var listed atomic.Bool
	f.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		switch {
		case strings.HasSuffix(req.URL.Path, "metadata/accounts"):
			r.clock.advance(10 * time.Second) // the brakes are looked at before the folders in it
			listed.Store(true)
		case listed.Load():
			storetest.Refuse(w, http.StatusTooManyRequests)
			return true
		}
		return false
	})
	r.fails(t, ErrThrottled)
	if at := r.Snapshot().Listed["accounts"]; !at.Equal(first) {
		t.Errorf("accounts is complete as of %v, and accounts/new was never listed", at)
	}
	if at, ok := r.Snapshot().Listed["accounts/web/letsencrypt"]; !ok || !at.Equal(first) {
		t.Errorf("A folder that was not reached is complete as of %v", at)
	}
}

func TestMassAbsenceIsHeldForOneMoreScan(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	for i := range 20 {
		f.put(t, fmt.Sprintf("accounts/web/letsencrypt/n%d", i), `{}`)
	}
	r := watch(t, f.source(t), nil)
	r.scan(t)
	for i := range 20 {
		f.drop(t, fmt.Sprintf("accounts/web/letsencrypt/n%d", i))
	}
	for _, want := range []int{27, 27, 7} {
		if got := len(r.scan(t).Documents); got != want {
			t.Fatalf("There are %d documents, wanted %d", got, want)
		}
	}
	if !strings.Contains(r.log.warnings[0], "until 3 scans agree") {
		t.Errorf("The first warning is %q", r.log.warnings[0])
	}
}

func TestAbsenceDoesNotCountInAScanThatFails(t *testing.T) {
	f, r := loaded(t)
	f.drop(t, "accounts/ops/letsencrypt/prod")
	r.scan(t)
	f.Fail(storetest.Answering(http.StatusTooManyRequests), "data/teams/web")
	for range 3 {
		r.fails(t, ErrThrottled)
	}
	r.document(t, "accounts/ops/letsencrypt/prod")
	f.Heal()
	if r.scan(t).Document("accounts/ops/letsencrypt/prod") != nil {
		t.Error("Two complete scans agree, and it is still there")
	}
}

func TestDocumentThatGoesBackInTimeStaysAsItWas(t *testing.T) {
	const path = "teams/web"
	old := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	for name, change := range map[string]func([]storetest.Version) []storetest.Version{
		"the version before": func(all []storetest.Version) []storetest.Version { return all[:1] },
		"a lower version of an older store": func([]storetest.Version) []storetest.Version {
			return []storetest.Version{{Body: `{"b":9}`, Number: 1, Created: old}}
		},
		"a lower version of the same instant": func(all []storetest.Version) []storetest.Version {
			return []storetest.Version{{Body: `{"b":9}`, Number: 1, Created: all[1].Created}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			fill(t, f)
			f.put(t, path, `{"b":3}`)
			r := watch(t, f.source(t), nil)
			r.scan(t)
			known := *r.document(t, path)
			f.Set(path, change)
			r.scan(t)
			r.scan(t)
			if diff := cmp.Diff(&known, r.document(t, path)); diff != "" {
				t.Errorf("It has changed:\n%s", diff)
			}
			if !strings.Contains(strings.Join(r.log.warnings, "\n"), "goes back in time") {
				t.Errorf("The log says %q", r.log.warnings)
			}
			f.put(t, path, `{"b":4}`)
			r.scan(t)
			if got := string(r.document(t, path).Body); got != `{"b":4}` {
				t.Errorf("Written anew it is %s", got)
			}
		})
	}
}

// The body tells versions apart that are alike in number and time.
func TestVersionNumberAloneIsNoIdentity(t *testing.T) {
	f, r := loaded(t)
	f.Last("teams/web", func(v *storetest.Version) { v.Body = `{"b":3}` })
	r.scan(t)
	if got := string(r.document(t, "teams/web").Body); got != `{"b":3}` {
		t.Errorf("It is %s", got)
	}
}

func TestHangingStoreIsGivenUp(t *testing.T) {
	f, r := loaded(t)
	done := make(chan struct{})
	defer close(done)
	f.Fail(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	})
	r.source.(*Vault).timeout = time.Millisecond
	r.fails(t, ErrUnavailable, "no answer within 1ms")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	scans := len(r.log.scans)
	if err := r.Scan(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("A scan that was called off returns %v", err)
	}
	if len(r.log.scans) != scans {
		t.Error("A scan that was called off counts")
	}
}

func TestRedirectToAnotherHostIsRefused(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("The other host is asked, with the token %q", r.Header.Get("X-Vault-Token"))
	}))
	defer elsewhere.Close()
	f, r := loaded(t)
	f.Fail(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
	})
	r.fails(t, ErrUnavailable, "sends us to "+elsewhere.URL)
}

func TestRedirectOnTheSameHostIsFollowed(t *testing.T) {
	f, r := loaded(t)
	var sent sync.Map
	f.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if _, again := sent.LoadOrStore(r.URL.Path, true); again {
			return false
		}
		http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
		return true
	})
	r.scan(t)
}

func TestEndlessAnswerIsGivenUp(t *testing.T) {
	f, r := loaded(t)
	var sent atomic.Int64
	f.Fail(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			n, err := w.Write(make([]byte, 1<<16))
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	r.fails(t, nil, "more than 1310720 octets")
	if n := sent.Load(); n > 16*MaxDocument { // buffers of the kernel count too
		t.Errorf("%d octets were taken", n)
	}
}

func TestDocumentHasALargestSize(t *testing.T) {
	for size, says := range map[int]string{
		MaxDocument:     "",
		MaxDocument + 1: "1048577 octets",
		5 * MaxDocument: "more than 1310720 octets",
	} {
		f := newFake(t)
		f.put(t, "teams/web", `{"x":"`+strings.Repeat("a", size-8)+`"}`)
		v := f.vault(t)
		d, err := v.Read(t.Context(), "teams/web")
		_, errSecret := v.ReadSecret(t.Context(), "persist", "teams/web")
		if says == "" {
			check(t, errors.Join(err, errSecret))
			if len(d.Body) != size {
				t.Errorf("%d octets are read, wanted %d", len(d.Body), size)
			}
			continue
		}
		wantError(t, err, nil, says, "may have 1048576", "persist/data/teams/web")
		wantError(t, errSecret, nil, says, "may have 1048576", "persist/data/teams/web")
	}
}

func TestStoreThatIsNotThereIsNamed(t *testing.T) {
	port, err := parts.FreePort()
	check(t, err)
	t.Setenv("VAULT_TOKEN", "hvs.test")
	v, err := NewVault(VaultConfig{Address: fmt.Sprintf("http://127.0.0.1:%d", port)})
	check(t, err)
	r := watch(t, v, nil)
	r.fails(t, ErrUnavailable, v.address, "connection refused")
}

func TestRealVaultSaysWhatIsWrong(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	ctx := t.Context()

	t.Run("another mount", func(t *testing.T) {
		wrong := &mount{m.Vault, "elsewhere"}
		r := watch(t, wrong.open(t, m.RootToken), nil)
		r.fails(t, ErrUnavailable, "no handler for route: is mount elsewhere enabled as KV version 2?")
	})
	t.Run("no permission", func(t *testing.T) {
		token, err := m.Token(ctx, time.Hour, "default")
		check(t, err)
		r := watch(t, m.open(t, token), nil)
		r.fails(t, ErrDenied, "policy needs read on "+m.name+"/data/config")
	})
	t.Run("token expired", func(t *testing.T) {
		token, err := m.Token(ctx, time.Hour, "default")
		check(t, err)
		check(t, m.Revoke(ctx, token))
		r := watch(t, m.open(t, token), nil)
		r.fails(t, ErrDenied, "invalid token")
	})
	t.Run("KV version 1", func(t *testing.T) {
		one := &mount{m.Vault, "one"}
		t.Cleanup(func() { check(t, m.Client.Sys().UnmountWithContext(context.WithoutCancel(ctx), "one")) })
		_, err := m.Client.Logical().WriteWithContext(ctx, "sys/mounts/one", map[string]any{"type": "kv", "options": map[string]any{"version": "1"}})
		check(t, err)
		_, err = m.Client.Logical().WriteWithContext(ctx, "one/config", map[string]any{"schema": 1})
		check(t, err)
		r := watch(t, one.source(t), nil)
		r.fails(t, ErrNotFound, "mount one is not KV version 2", "vault kv enable-versioning one")
		_, err = one.open(t, m.RootToken).ReadSecret(ctx, "one", "keys")
		wantError(t, err, ErrNotFound, "mount one is not KV version 2")
	})
	t.Run("another engine", func(t *testing.T) {
		t.Cleanup(func() { check(t, m.Client.Sys().UnmountWithContext(context.WithoutCancel(ctx), "transit")) })
		_, err := m.Client.Logical().WriteWithContext(ctx, "sys/mounts/transit", map[string]any{"type": "transit"})
		check(t, err)
		r := watch(t, (&mount{m.Vault, "transit"}).open(t, m.RootToken), nil)
		r.fails(t, ErrNotFound, "mount transit is a transit engine")
	})
}

func TestSealedVaultKeepsWhatIsKnown(t *testing.T) {
	v := parts.NewVault(t, parts.VaultOptions{})
	ctx := t.Context()
	m := &mount{v, "persist"}
	check(t, m.Mount(ctx, m.name))
	fill(t, m)
	r := watch(t, m.source(t), nil)
	before := r.scan(t)
	check(t, v.Seal(ctx))
	r.fails(t, ErrUnavailable, "sealed: unseal it")
	if r.Snapshot() != before {
		t.Error("There is another snapshot")
	}
	check(t, v.Unseal(ctx))
	r.scan(t)
	check(t, v.Client.Sys().UnmountWithContext(ctx, m.name))
	for range 3 {
		r.fails(t, ErrUnavailable, "is mount persist enabled")
	}
	check(t, m.Mount(ctx, m.name))
	for range 3 {
		r.fails(t, ErrNotFound, "config")
	}
	if len(r.Snapshot().Documents) != 7 {
		t.Error("A new and empty mount counts")
	}
}
