package store

import (
	"net/http"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
)

// What is written between the first scan and the first poll must not wait for
// the next full scan.
func TestIndexWrittenBeforeTheFirstPollAsksForAScan(t *testing.T) {
	for name, open := range worlds {
		t.Run(name, func(t *testing.T) {
			w, r := filled(t, open(t))
			r.scan(t)
			w.put(t, "teams/web", `{"b":3}`)
			w.put(t, "index", `{"n":1}`)
			r.clock.advance(5 * time.Second)
			check(t, r.Poll(t.Context()))
			if got := string(r.document(t, "teams/web").Body); got != `{"b":3}` {
				t.Errorf("The poll led to no scan: teams/web is %s", got)
			}
		})
	}
}

// A control document that never was may have been written since it cannot be
// looked for any more.
func TestAbsenceOfControlIsVouchedForAnew(t *testing.T) {
	f, r := loaded(t)
	f.drop(t, ControlPath)
	r.scan(t)
	r.scan(t)
	if r.Snapshot().Document(ControlPath) != nil || !r.Snapshot().Braked.Equal(r.clock.now()) {
		t.Errorf("Absence of control is vouched for at %v, and it is %v", r.Snapshot().Braked, r.clock.now())
	}
	before := r.Snapshot().Braked
	f.Fail(storetest.Answering(http.StatusForbidden, "permission denied"), "data/control")
	r.fails(t, ErrDenied, "control")
	if got := r.Snapshot().Braked; !got.Equal(before) {
		t.Errorf("Absence of control was vouched for at %v, though it could not be read since %v", got, before)
	}
}
