package store

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"

	"github.com/google/go-cmp/cmp"
)

// ages the fake by an hour, so that what it has is older than what is written
// from now on, by more than clocks may be apart.
func (f *fake) age() { f.Ahead(time.Hour) }

// steppedBack are the documents of which the log says that they go back in
// time.
func (r *rig) steppedBack() []string {
	paths := map[string]bool{}
	for path, err := range r.journal.troubles {
		if errors.Is(err, errStepsBack) {
			paths[path] = true
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

func TestARestoredBackupBringsNothingBack(t *testing.T) {
	const (
		deleted  = "accounts/web/letsencrypt/prod"
		narrowed = "accounts/web/letsencrypt/test"
		purged   = "accounts/ops/letsencrypt/prod"
		added    = "teams/apps"
	)
	for name, write := range map[string]func(f *fake){
		"as it was":           func(*fake) {},
		"and written further": func(f *fake) { f.Put("teams/web", `{"b":9}`) },
	} {
		t.Run(name, func(t *testing.T) {
			f, r := loaded(t)
			restore := f.Backup()
			f.age()
			f.remove(t, deleted)
			f.put(t, narrowed, `{"enabled":false}`)
			f.drop(t, purged)
			f.put(t, added, `{"domains":"apps.example.com"}`)
			f.put(t, "issuers/letsencrypt", `{"a":2}`)
			r.scan(t)
			want := contents(r.scan(t))
			if want[deleted] != "withdrawn" || want[purged] != "" || want[added] == "" {
				t.Fatalf("Before there are %v", want)
			}
			at := r.document(t, narrowed).Confirmed

			restore()
			write(f)
			for range 4 {
				r.scan(t)
			}
			got := contents(r.Snapshot())
			if name == "and written further" {
				want["teams/web"] = `{"b":9}` // somebody has stated it, after the backup
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("The backup has changed what counts (-want +got):\n%s", diff)
			}
			if now := r.document(t, narrowed).Confirmed; !now.Equal(at) {
				t.Errorf("What goes back in time is vouched for at %v, after %v", now, at)
			}
			if diff := cmp.Diff([]string{purged, deleted, narrowed, "issuers/letsencrypt"}, r.steppedBack()); diff != "" {
				t.Errorf("Documents that go back in time (-want +got):\n%s", diff)
			}

			for _, path := range []string{narrowed, "issuers/letsencrypt"} {
				f.put(t, path, `{"n":1}`)
			}
			r.scan(t)
			if diff := cmp.Diff([]string{purged, deleted}, r.steppedBack()); diff != "" {
				t.Errorf("Some are written anew, and go back in time still (-want +got):\n%s", diff)
			}
			if r.document(t, deleted).Body != nil || r.Snapshot().Document(purged) != nil {
				t.Error("What was withdrawn comes back because others were written anew")
			}
			f.put(t, purged, `{"n":1}`)
			r.scan(t)
			if d := r.scan(t).Document(deleted); !d.Withdrawn {
				t.Errorf("What was deleted comes back when nothing else goes back in time: %+v", d)
			}
			f.put(t, deleted, `{"n":1}`)
			if got := contents(r.scan(t)); got[deleted] != `{"n":1}` || got[purged] != `{"n":1}` || len(r.steppedBack()) > 0 {
				t.Errorf("Written anew they are %v, and %v go back in time", got, r.steppedBack())
			}
		})
	}
}

// A higher version that is older: the clock of the store was set back, or its
// history is another one. The store cannot know, so what is new restricts only.
func TestAHigherVersionOfAnEarlierTimeIsDoubted(t *testing.T) {
	const path = "teams/web"
	f := newFake(t)
	f.Ahead(time.Hour)
	fill(t, f)
	r := watch(t, f.source(t), nil)
	r.scan(t)
	f.Ahead(0)
	f.put(t, path, `{"b":3}`)
	for range 3 {
		r.scan(t)
		if d := r.document(t, path); d.Doubt != Backdated || string(d.Body) != `{"b":3}` {
			t.Fatalf("It is %+v", d)
		}
		if diff := cmp.Diff([]string{path}, r.steppedBack()); diff != "" {
			t.Fatalf("Documents that go back in time (-want +got):\n%s", diff)
		}
	}
	f.put(t, path, `{"b":4}`)
	if d := r.scan(t).Document(path); d.Doubt != "" || string(d.Body) != `{"b":4}` || len(r.steppedBack()) > 0 {
		t.Errorf("Written anew it is %+v", d)
	}
}

// A stop that is written after the store's clock was set back must act all the
// same, at the next look.
func TestControlOfAnEarlierTimeIsDoubtedAtThePoll(t *testing.T) {
	f := newFake(t)
	f.Ahead(time.Hour)
	fill(t, f)
	r := watch(t, f.source(t), nil)
	r.scan(t)
	f.Ahead(0)
	f.put(t, ControlPath, `{"stop":{"all":{}}}`)
	check(t, r.Poll(t.Context()))
	for range 2 {
		if d := r.document(t, ControlPath); d.Doubt != Backdated || string(d.Body) != `{"stop":{"all":{}}}` {
			t.Errorf("It is %+v", d)
		}
		r.scan(t)
	}
}

// Whose control document it is, config tells. Where that is not as it should
// be, it may be another store's.
func TestControlLiftsNothingUnlessConfigIsReadWithIt(t *testing.T) {
	for name, fault := range map[string]http.HandlerFunc{
		"no config":     storetest.Answering(http.StatusNotFound),
		"config denied": storetest.Answering(http.StatusForbidden, "permission denied"),
		"config broken": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"data":`)) },
	} {
		t.Run(name, func(t *testing.T) {
			f, r := loaded(t)
			look := map[bool]func(){
				true:  func() { _ = r.Poll(t.Context()) },
				false: func() { _ = r.Scan(t.Context()) },
			}
			for _, poll := range []bool{true, false} {
				f.Fail(fault, "data/config")
				f.put(t, ControlPath, `{}`)
				look[poll]()
				if d := r.document(t, ControlPath); d.Doubt != Unvouched || string(d.Body) != `{}` {
					t.Errorf("Poll %t: it is %+v", poll, d)
				}
				f.Heal()
				look[poll]()
				if d := r.document(t, ControlPath); d.Doubt != "" {
					t.Errorf("Poll %t: with config it is still doubted: %+v", poll, d)
				}
			}
		})
	}
}

// The control document of another store, which stops what it says for as long as
// that store answers, does not make this store's be of an earlier time.
func TestControlCountsAgainAfterThatOfARefusedStore(t *testing.T) {
	f, r := loaded(t)
	r.options.Accept = func(config, _ *Document) error {
		if string(config.Body) != `{"schema":1}` {
			return errors.New("is another one")
		}
		return nil
	}
	restore := f.Backup()
	f.age()
	f.put(t, ConfigPath, `{"other":1}`)
	f.drop(t, ControlPath)
	f.put(t, ControlPath, `{"other":1}`)
	r.fails(t, ErrRefused)
	if d := r.document(t, ControlPath); d.Doubt != Unvouched {
		t.Fatalf("The other store's is %+v", d)
	}
	restore()
	for range 2 {
		at := r.scan(t).Braked
		if d := r.document(t, ControlPath); d.Doubt != "" || string(d.Body) != `{"stop":{}}` || d.Confirmed.Before(at) {
			t.Errorf("It is %+v, and was read at %v", d, at)
		}
	}
	if back := r.steppedBack(); len(back) > 0 {
		t.Errorf("%v go back in time", back)
	}
}

// A store that is meant and has no control document does not miss that of one
// that is refused.
func TestControlOfARefusedStoreIsForgottenWhereThereIsNone(t *testing.T) {
	f, r := loaded(t)
	f.drop(t, ControlPath)
	r.scan(t)
	r.scan(t)
	r.options.Accept = func(config, _ *Document) error {
		if string(config.Body) != `{"schema":1}` {
			return errors.New("is another one")
		}
		return nil
	}
	restore := f.Backup()
	f.put(t, ConfigPath, `{"other":1}`)
	f.put(t, ControlPath, `{"other":1}`)
	r.fails(t, ErrRefused)
	if d := r.document(t, ControlPath); d.Doubt != Unvouched {
		t.Fatalf("The other store's is %+v", d)
	}
	restore()
	if d := r.scan(t).Document(ControlPath); d != nil {
		t.Errorf("It is still %+v", d)
	}
	if len(r.log.troubles) > 0 {
		t.Errorf("There is trouble: %v", r.log.troubles)
	}
}

// An unchanged control document costs no second request.
func TestConfigIsReadAtAPollOnlyForNewsOfControl(t *testing.T) {
	f, r := loaded(t)
	f.Asked()
	check(t, r.Poll(t.Context()))
	if asked := strings.Join(f.Asked(), " "); strings.Contains(asked, "config") {
		t.Errorf("It has asked for %s", asked)
	}
}

// What is new is not older than a listing that lacks it, as long as the clocks
// of the store's servers are not far apart.
func TestANewDocumentOfASlowClockCounts(t *testing.T) {
	f, r := loaded(t)
	f.Ahead(-4 * time.Minute)
	f.put(t, "teams/apps", `{}`)
	r.scan(t)
	r.document(t, "teams/apps")
}

// Where the clock of this server was set, the times of listings say nothing of
// those of documents.
func TestANewDocumentCountsWhateverThisServersClockSays(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		f, r := loaded(t)
		r.source.(*Vault).now = func() time.Time { return r.clock.now().Add(off) }
		r.scan(t)
		f.put(t, "teams/apps", `{}`)
		r.scan(t)
		r.document(t, "teams/apps")
	}
}

// A store may be replaced while it is read.
func TestAStoreThatIsReplacedDuringAScanIsNotBelieved(t *testing.T) {
	for name, end := range map[string]string{"among what the admin writes": "data/teams/web", "among the accounts": "data/accounts/ops/letsencrypt/prod"} {
		t.Run(name, func(t *testing.T) {
			f, r := loaded(t)
			r.options.Accept = func(config, _ *Document) error {
				if string(config.Body) != `{"schema":1}` {
					return errors.New("is another one")
				}
				return nil
			}
			before := contents(r.Snapshot())
			f.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
				if strings.HasSuffix(req.URL.Path, end) {
					f.put(t, strings.TrimPrefix(end, "data/"), `{"other":1}`)
					f.put(t, ConfigPath, `{"other":1}`)
				}
				return false
			})
			r.fails(t, ErrRefused, "config@2 is another one")
			if diff := cmp.Diff(before, contents(r.Snapshot())); diff != "" {
				t.Errorf("What was read counts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARefusedStoreIsNotLoadedAndChangesNothing(t *testing.T) {
	refuse := func(config, known *Document) error {
		if known != nil && known.Version == config.Version {
			return nil
		}
		return errors.New("is another one")
	}
	f := newFake(t)
	fill(t, f)
	r := watch(t, f.source(t), nil)
	r.options.Accept = refuse
	r.fails(t, ErrRefused, "config@1 is another one")
	if r.Snapshot() != nil {
		t.Error("It is loaded")
	}
	if asked := strings.Join(f.Asked(), " "); strings.Contains(asked, "teams") {
		t.Errorf("It is read: %s", asked)
	}

	f, r = loaded(t)
	r.options.Accept = refuse
	before := contents(r.Snapshot())
	f.put(t, ConfigPath, `{}`)
	f.put(t, "teams/web", `{}`)
	r.fails(t, ErrRefused)
	if diff := cmp.Diff(before, contents(r.Snapshot())); diff != "" {
		t.Errorf("It has changed (-want +got):\n%s", diff)
	}
}

// A folder that cannot be listed, or not be read to its end, is not proof that a
// document in it is newer than those beside it.
func TestADocumentThatCouldNotBeSeenIsNotOfAnEarlierTime(t *testing.T) {
	const path = "accounts/ops/letsencrypt/prod"
	for name, fault := range map[string]struct {
		ends    string
		answers http.HandlerFunc
	}{
		"folder of a team denied":     {"metadata/accounts/ops", storetest.Answering(http.StatusForbidden, "permission denied")},
		"folder of a team failing":    {"metadata/accounts/ops", storetest.Answering(http.StatusInternalServerError, "internal error")},
		"folder of an issuer denied":  {"metadata/accounts/ops/letsencrypt", storetest.Answering(http.StatusForbidden, "permission denied")},
		"document of a folder denied": {"data/" + path, storetest.Answering(http.StatusForbidden, "permission denied")},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			fill(t, f)
			f.age()
			r := watch(t, f.source(t), nil)
			f.Fail(fault.answers, fault.ends)
			_ = r.Scan(t.Context())
			if r.Snapshot().Document(path) != nil {
				t.Fatal("It was read all the same")
			}
			f.Heal()
			r.scan(t)
			r.document(t, path)
			if back := r.steppedBack(); len(back) > 0 {
				t.Errorf("%v go back in time", back)
			}
		})
	}
}

// After an outage the documents of new folders may be old, and other changes may
// count before they are read.
func TestDocumentsOfNewFoldersCountAfterAnOutage(t *testing.T) {
	f, r := loaded(t)
	for i := range 30 {
		f.Put(fmt.Sprintf("accounts/web/letsencrypt/a-%02d", i), `{"a":1}`)
	}
	r.scan(t)
	written := []string{"accounts/web/zerossl/new", "accounts/zoo/letsencrypt/new"}
	for _, path := range written {
		f.put(t, path, `{"a":2}`)
	}
	for i := range 30 {
		f.Put(fmt.Sprintf("accounts/web/letsencrypt/a-%02d", i), `{"a":2}`)
	}
	f.age()
	before := len(r.snapshots)
	f.Intercept(func(http.ResponseWriter, *http.Request) bool {
		r.clock.advance(100 * time.Millisecond)
		return false
	})
	got := contents(r.scan(t))
	if len(r.snapshots)-before < 2 {
		t.Fatal("No change has counted before the end of the scan")
	}
	for _, path := range written {
		if got[path] != `{"a":2}` {
			t.Errorf("%s is %q", path, got[path])
		}
	}
	if back := r.steppedBack(); len(back) > 0 {
		t.Errorf("%v go back in time", back)
	}
}

// Whoever has read a document that was in doubt reads it once more when it is
// not.
func TestADocumentInDoubtKeepsItsBody(t *testing.T) {
	f, r := loaded(t)
	r.options.OnSnapshot = func(s *Snapshot) {
		r.snapshots = append(r.snapshots, s)
		r.Release(s)
	}
	f.Fail(storetest.Answering(http.StatusForbidden, "permission denied"), "data/config")
	f.put(t, ControlPath, `{"n":1}`)
	_ = r.Poll(t.Context())
	r.document(t, ControlPath)
	f.Heal()
	check(t, r.Poll(t.Context()))
	d := r.snapshots[len(r.snapshots)-1].Document(ControlPath)
	if d.Doubt != "" || string(d.Body) != `{"n":1}` {
		t.Errorf("Out of doubt it is %+v", d)
	}
}
