package store

import (
	"fmt"
	"net/http"
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
