package store

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
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

	f.Put(first, `{"a":2}`)
	counted := ""
	f.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		r.clock.advance(100 * time.Millisecond)
		if strings.HasSuffix(req.URL.Path, last) {
			counted = string(r.Snapshot().Document(first).Body)
		}
		return false
	})
	r.scan(t)
	if counted != `{"a":2}` {
		t.Errorf("Expected the change to count when the last document is read, got %s", counted)
	}
	if before := len(r.snapshots); before > 4 {
		t.Errorf("Expected a snapshot more for the change, got %d in two scans", before)
	}
}
