package store

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"

	"github.com/google/go-cmp/cmp"
)

func TestLogSaysWhatChanges(t *testing.T) {
	f, r := loaded(t)
	if diff := cmp.Diff([]string{"7 documents are loaded"}, r.log.infos); diff != "" {
		t.Errorf("First load (-want +got):\n%s", diff)
	}
	r.log.infos = nil
	f.put(t, "teams/web", `{"b":3}`)
	f.put(t, "teams/new", `{}`)
	f.put(t, "control", `{}`)
	f.remove(t, "issuers/letsencrypt")
	r.scan(t)
	want := []string{"control@2 follows version 1; if it is not valid, what counted before counts on", "issuers/letsencrypt@1 is deleted", "teams/new@1 is new", "teams/web@2 follows version 1; if it is not valid, what counted before counts on"}
	if diff := cmp.Diff(want, r.log.infos); diff != "" {
		t.Errorf("Changes (-want +got):\n%s", diff)
	}
	r.log.infos = nil
	f.Undelete("issuers/letsencrypt")
	r.scan(t)
	if diff := cmp.Diff([]string{"issuers/letsencrypt@1 is undeleted"}, r.log.infos); diff != "" {
		t.Errorf("An undelete (-want +got):\n%s", diff)
	}
}

func TestLogIsNotFlooded(t *testing.T) {
	f, r := loaded(t)
	r.log.infos = nil
	for i := range 100 {
		f.put(t, fmt.Sprintf("teams/n%02d", i), `{}`)
	}
	r.scan(t)
	if n := len(r.log.infos); n != maxLines+1 || r.log.infos[maxLines] != "and 80 more like these" {
		t.Errorf("%d lines are logged: %q", n, r.log.infos)
	}
}

// What ends is to be found in the log by the name by which it began.
func TestTroubleEndsByTheNameByWhichItBegan(t *testing.T) {
	f, r := loaded(t)
	for what, try := range map[string]func() error{
		"scan":                      func() error { return r.Scan(t.Context()) },
		"look at control and index": func() error { return r.Poll(t.Context()) },
	} {
		r.log.warnings, r.log.infos = nil, nil
		f.Fail(storetest.Answering(http.StatusServiceUnavailable, "Vault is sealed"))
		wantError(t, try(), ErrUnavailable)
		f.Heal()
		check(t, try())
		if w := r.log.warnings; len(w) != 1 || !strings.HasPrefix(w[0], what+" failed: ") || !strings.Contains(w[0], "sealed") {
			t.Errorf("The beginning is %q", w)
		}
		if diff := cmp.Diff([]string{what + " is in order again"}, r.log.infos); diff != "" {
			t.Errorf("The end (-wanted +is):\n%s", diff)
		}
	}
}

func TestTroubleIsOneLineAndThenOneAMinute(t *testing.T) {
	f, r := loaded(t)
	f.Fail(storetest.Answering(http.StatusServiceUnavailable, "Vault is sealed"))
	for range 600 {
		r.clock.advance(time.Second)
		_ = r.Scan(t.Context())
	}
	if n := len(r.log.warnings); n != 10 {
		t.Errorf("Ten minutes of trouble are %d lines: %q", n, r.log.warnings)
	}
	if !strings.Contains(r.log.warnings[5], "not in order since 2026-11-24T12:01:01Z") || !strings.Contains(r.log.warnings[5], "sealed") {
		t.Errorf("The reminder is %q", r.log.warnings[5])
	}
	f.Fail(storetest.Answering(http.StatusForbidden, "permission denied"))
	_ = r.Scan(t.Context())
	if n := len(r.log.warnings); n != 11 || !strings.Contains(r.log.warnings[10], "permission denied") {
		t.Errorf("Another trouble is no line of its own: %q", r.log.warnings)
	}
	f.Heal()
	r.log.infos = nil
	r.scan(t)
	if diff := cmp.Diff([]string{"scan is in order again"}, r.log.infos); diff != "" {
		t.Errorf("The end (-want +got):\n%s", diff)
	}
}

func TestPollThatFailsIsTrouble(t *testing.T) {
	f, r := loaded(t)
	for _, path := range []string{"data/control", "data/index"} {
		r.log.warnings = nil
		f.Fail(storetest.Answering(http.StatusForbidden, "permission denied"), path)
		wantError(t, r.Poll(t.Context()), ErrDenied, path)
		wantError(t, r.Poll(t.Context()), ErrDenied, path)
		if len(r.log.warnings) != 1 {
			t.Errorf("It is logged as %q", r.log.warnings)
		}
		f.Heal()
		check(t, r.Poll(t.Context()))
	}
}
