package store

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fill writes a small store.
func fill(t *testing.T, w world) {
	t.Helper()
	for path, body := range map[string]string{
		"config":                        `{"schema":1}`,
		"control":                       `{"stop":{}}`,
		"issuers/letsencrypt":           `{"a":1}`,
		"teams/web":                     `{"b":2}`,
		"accounts/web/letsencrypt/prod": `{"c":3}`,
		"accounts/web/letsencrypt/test": `{"d":4}`,
		"accounts/ops/letsencrypt/prod": `{"e":5}`,
	} {
		w.put(t, path, body)
	}
}

// contents are the bodies by path.
func contents(s *Snapshot) map[string]string {
	all := map[string]string{}
	for _, d := range s.Documents {
		all[d.Path] = string(d.Body)
		if d.Withdrawn {
			all[d.Path] = "withdrawn"
		}
	}
	return all
}

func TestFirstScanLoadsEverything(t *testing.T) {
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			_, r := filled(t, open(t))
			s := r.scan(t)
			want := map[string]string{
				"config":                        `{"schema":1}`,
				"control":                       `{"stop":{}}`,
				"issuers/letsencrypt":           `{"a":1}`,
				"teams/web":                     `{"b":2}`,
				"accounts/web/letsencrypt/prod": `{"c":3}`,
				"accounts/web/letsencrypt/test": `{"d":4}`,
				"accounts/ops/letsencrypt/prod": `{"e":5}`,
			}
			if diff := cmp.Diff(want, contents(s)); diff != "" {
				t.Errorf("Documents (-want +got):\n%s", diff)
			}
			at := r.clock.now()
			listed := map[string]time.Time{}
			for _, folder := range []string{"issuers", "teams", "accounts", "accounts/web", "accounts/ops", "accounts/web/letsencrypt", "accounts/ops/letsencrypt"} {
				listed[folder] = at
			}
			if diff := cmp.Diff(listed, s.Listed); diff != "" {
				t.Errorf("Listed (-want +got):\n%s", diff)
			}
			for _, d := range s.Documents {
				if !d.Confirmed.Equal(at) || d.Version == "" || d.Created.IsZero() {
					t.Errorf("%s is confirmed at %v, wanted %v; created at %v", d.ID(), d.Confirmed, at, d.Created)
				}
			}
		})
	}
}

func TestEmptyStoreIsNotLoaded(t *testing.T) {
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			r := watch(t, w.source(t), nil)
			r.fails(t, ErrNotFound, "config", `write {"schema": 1}`)
			if r.Snapshot() != nil {
				t.Error("A snapshot was made")
			}
		})
	}
}

func TestStoreWithConfigAloneIsLoaded(t *testing.T) {
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			w.put(t, "config", `{"schema":1}`)
			s := watch(t, w.source(t), nil).scan(t)
			if len(s.Documents) != 1 || s.Document(ControlPath) != nil {
				t.Errorf("There are %d documents", len(s.Documents))
			}
			if len(s.Listed) != 3 || s.Listed["accounts"].IsZero() {
				t.Errorf("Listed is %v", s.Listed)
			}
		})
	}
}

func TestChangeCountsAtTheScanThatSeesIt(t *testing.T) {
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			w, r := filled(t, open(t))
			before := r.scan(t)
			w.put(t, "teams/web", `{"b":3}`)
			w.put(t, "accounts/new/letsencrypt/prod", `{"f":6}`)
			after := r.scan(t)
			if got := string(after.Document("teams/web").Body); got != `{"b":3}` {
				t.Errorf("The changed document is %s", got)
			}
			if after.Document("teams/web").Version == before.Document("teams/web").Version {
				t.Error("The changed document has the version it had")
			}
			if after.Document("accounts/new/letsencrypt/prod") == nil || after.Listed["accounts/new"].IsZero() {
				t.Error("The new document is missing")
			}
			if string(before.Document("teams/web").Body) != `{"b":2}` {
				t.Error("The snapshot before was changed")
			}
		})
	}
}

// However many accounts there are, what the admin writes does not wait for them.
func TestChangeOfTheAdminCountsBeforeTheAccountsAreRead(t *testing.T) {
	f, r := loaded(t)
	f.put(t, "teams/web", `{"enabled":false}`)
	f.remove(t, "issuers/letsencrypt")
	f.put(t, "accounts/ops/letsencrypt/prod", `{"e":6}`)
	var then *Snapshot
	f.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		if strings.HasSuffix(req.URL.Path, "metadata/accounts") {
			then = r.Snapshot()
		}
		return false
	})
	r.scan(t)
	if got := string(then.Document("teams/web").Body); got != `{"enabled":false}` || !then.Document("issuers/letsencrypt").Withdrawn {
		t.Errorf("When the accounts are listed teams/web is %s, and the issuer is %+v", got, then.Document("issuers/letsencrypt"))
	}
	if got := string(r.document(t, "accounts/ops/letsencrypt/prod").Body); got != `{"e":6}` {
		t.Errorf("After the scan the account is %s", got)
	}
	if n := strings.Count(strings.Join(r.log.infos, "\n"), "teams/web@2"); n != 1 || len(r.snapshots) != 3 {
		t.Errorf("The change is logged %d times, and there are %d snapshots", n, len(r.snapshots))
	}
	r.scan(t)
	if len(r.snapshots) != 4 {
		t.Errorf("A scan without changes makes %d snapshots", len(r.snapshots)-3)
	}
}

func TestUnchangedDocumentsAreConfirmedAndShared(t *testing.T) {
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			_, r := filled(t, open(t))
			before, after := r.scan(t), r.scan(t)
			for i, d := range after.Documents {
				if !d.Confirmed.Equal(r.clock.now()) {
					t.Errorf("%s is confirmed at %v", d.ID(), d.Confirmed)
				}
				if &d.Body[0] != &before.Documents[i].Body[0] {
					t.Errorf("The body of %s is held twice", d.ID())
				}
			}
			if lines := r.log.infos[1:]; len(lines) != 0 || r.log.warnings != nil {
				t.Errorf("An unchanged scan logs %q %q", lines, r.log.warnings)
			}
		})
	}
}

func TestAbsentDocumentIsGoneWhenTwoScansAgree(t *testing.T) {
	const path = "accounts/ops/letsencrypt/prod"
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			w, r := filled(t, open(t))
			known := *r.scan(t).Document(path)
			w.drop(t, path)
			r.scan(t)
			if diff := cmp.Diff(&known, r.document(t, path)); diff != "" {
				t.Errorf("After the first scan that misses it the document has changed:\n%s", diff)
			}
			s := r.scan(t)
			if s.Document(path) != nil {
				t.Error("After the second scan that misses it the document is still there")
			}
			if s.Document("teams/web") == nil || len(s.Documents) != 6 {
				t.Error("Other documents are gone too")
			}
			if strings.Count(strings.Join(r.log.infos, "\n"), "is gone") != 1 {
				t.Errorf("The log says %q", r.log.infos)
			}
		})
	}
}

func TestDocumentThatComesBackIsNotGone(t *testing.T) {
	const path = "accounts/ops/letsencrypt/prod"
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			w, r := filled(t, open(t))
			r.scan(t)
			for range 3 {
				w.drop(t, path)
				r.scan(t)
				w.put(t, path, `{"e":6}`)
				r.scan(t)
				if got := string(r.document(t, path).Body); got != `{"e":6}` {
					t.Fatalf("The document that came back is %s", got)
				}
			}
		})
	}
}

func TestStoreThatLosesConfigChangesNothing(t *testing.T) {
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			w, r := filled(t, open(t))
			before := r.scan(t)
			w.drop(t, "config")
			w.drop(t, "teams/web")
			for range 3 {
				r.fails(t, ErrNotFound, "config")
			}
			if r.Snapshot() != before {
				t.Error("There is another snapshot")
			}
		})
	}
}

func TestControlCountsAtThePoll(t *testing.T) {
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			w, r := filled(t, open(t))
			before := r.scan(t)
			w.put(t, "control", `{"stop":{"all":{}}}`)
			w.put(t, "teams/web", `{"b":3}`)
			r.clock.advance(5 * time.Second)
			check(t, r.Poll(t.Context()))
			if got := string(r.document(t, "control").Body); got != `{"stop":{"all":{}}}` {
				t.Errorf("Control is %s", got)
			}
			if got := string(r.document(t, "teams/web").Body); got != `{"b":2}` {
				t.Errorf("The poll has read another document: %s", got)
			}
			if len(r.snapshots) != 2 || r.snapshots[1] != r.Snapshot() {
				t.Errorf("%d snapshots were told of", len(r.snapshots))
			}
			if !bytes.Equal(before.Document("control").Body, []byte(`{"stop":{}}`)) {
				t.Error("The snapshot before was changed")
			}
		})
	}
}

func TestFirstControlCountsAtThePoll(t *testing.T) {
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			w.put(t, "config", `{"schema":1}`)
			r := watch(t, w.source(t), nil)
			r.scan(t)
			w.put(t, "control", `{"stop":{"all":{}}}`)
			check(t, r.Poll(t.Context()))
			r.document(t, "control")
			r.document(t, "config")
		})
	}
}

func TestIndexAsksForAScanEvery15Seconds(t *testing.T) {
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			w, r := filled(t, open(t))
			r.scan(t)
			poll := func() int {
				t.Helper()
				r.clock.advance(5 * time.Second)
				before := len(r.log.scans)
				check(t, r.Poll(t.Context()))
				return len(r.log.scans) - before
			}
			if poll() != 0 {
				t.Error("A poll scans though there is no index")
			}
			w.put(t, "index", `{"n":1}`)
			w.put(t, "teams/web", `{"b":3}`)
			if poll() != 1 || string(r.document(t, "teams/web").Body) != `{"b":3}` {
				t.Error("A new index led to no scan")
			}
			w.put(t, "index", `{"n":2}`)
			for range 2 {
				if poll() != 0 {
					t.Error("A second scan came within 15 s")
				}
			}
			if poll() != 1 {
				t.Error("The second scan has been forgotten")
			}
			for range 3 {
				if poll() != 0 {
					t.Error("An index that stays as it is leads to scans")
				}
			}
		})
	}
}

func TestStrayDocumentsAreHandedOnToBeRejected(t *testing.T) {
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			fill(t, w)
			w.put(t, "issuers/Not_A_Slug", `{"x":1}`)
			w.put(t, "accounts/web/misplaced", `{"x":2}`)
			w.put(t, "issuers/folder/inside", `{"x":3}`)
			r := watch(t, w.source(t), nil)
			r.scan(t)
			r.document(t, "issuers/Not_A_Slug")
			r.document(t, "accounts/web/misplaced")
			if len(r.log.warnings) != 1 || !strings.Contains(r.log.warnings[0], "issuers/folder/") {
				t.Errorf("The folder among issuers is not warned of: %q", r.log.warnings)
			}
		})
	}
}

func TestDeletedDocumentIsWithdrawnAtOnce(t *testing.T) {
	const path = "accounts/web/letsencrypt/prod"
	for name, open := range vaults {
		t.Run(name, func(t *testing.T) {
			w, r := filled(t, open(t))
			r.scan(t)
			w.remove(t, path)
			r.scan(t)
			if d := r.document(t, path); !d.Withdrawn || d.Body != nil || d.Version != "1" || !d.Confirmed.Equal(r.clock.now()) {
				t.Errorf("A deleted document is %+v", d)
			}
			w.undelete(t, path)
			r.scan(t)
			if d := r.document(t, path); d.Withdrawn || string(d.Body) != `{"c":3}` {
				t.Errorf("A document that was brought back is %+v", d)
			}
			w.destroy(t, path)
			r.scan(t)
			if d := r.document(t, path); !d.Withdrawn {
				t.Errorf("A destroyed document is %+v", d)
			}
			w.put(t, path, `{"c":4}`)
			r.scan(t)
			if d := r.document(t, path); d.Withdrawn || d.Version != "2" {
				t.Errorf("A document written after that is %+v", d)
			}
		})
	}
}

func TestDeletedDocumentIsWithdrawnInTheFirstScanToo(t *testing.T) {
	for name, open := range vaults {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			fill(t, w)
			w.remove(t, "teams/web")
			r := watch(t, w.source(t), nil)
			r.scan(t)
			if !r.document(t, "teams/web").Withdrawn {
				t.Error("It is not")
			}
		})
	}
}

func TestDeletedConfigIsNoConfig(t *testing.T) {
	for name, open := range vaults {
		t.Run(name, func(t *testing.T) {
			w, r := filled(t, open(t))
			before := r.scan(t)
			w.remove(t, "config")
			w.remove(t, "teams/web")
			r.fails(t, ErrNotFound, "config@1", "deleted")
			if r.Snapshot() != before {
				t.Error("There is another snapshot")
			}
		})
	}
}

// A document whose history was erased starts at version 1 again.
func TestDocumentMadeAnewReplacesAHigherVersion(t *testing.T) {
	for name, open := range vaults {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			fill(t, w)
			w.put(t, "teams/web", `{"b":3}`)
			r := watch(t, w.source(t), nil)
			r.scan(t)
			if got := r.document(t, "teams/web").Version; got != "2" {
				t.Fatalf("The version is %s", got)
			}
			w.drop(t, "teams/web")
			w.put(t, "teams/web", `{"b":4}`)
			r.scan(t)
			if d := r.document(t, "teams/web"); d.Version != "1" || string(d.Body) != `{"b":4}` {
				t.Errorf("The document is %s with %s", d.ID(), d.Body)
			}
		})
	}
}

func TestSecretsAreReadAndWrittenWithCheckAndSet(t *testing.T) {
	m := newMount(t)
	v := m.open(t, m.RootToken)
	ctx := t.Context()
	_, err := v.ReadSecret(ctx, m.name, "zone")
	wantError(t, err, ErrNotFound, m.name+"/data/zone")
	check(t, v.WriteSecret(ctx, m.name, "zone", []byte(`{"seed":"s1","n":1}`), 0))
	got, err := v.ReadSecret(ctx, m.name, "zone")
	check(t, err)
	if string(got) != `{"n":1,"seed":"s1"}` {
		t.Errorf("Reads %s", got)
	}
	err = v.WriteSecret(ctx, m.name, "zone", []byte(`{"seed":"s2"}`), 0)
	wantError(t, err, nil, ErrConflict.Error(), m.name+"/data/zone")
	if strings.Contains(err.Error(), "s2") {
		t.Errorf("The error quotes the secret: %v", err)
	}
	check(t, v.WriteSecret(ctx, m.name, "zone", []byte(`{"seed":"s3"}`), 1))
	m.remove(t, "zone")
	_, err = v.ReadSecret(ctx, m.name, "zone")
	wantError(t, err, ErrNotFound, "version 2 is deleted")
}
