package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// What somebody else has written since the documents were compared is not written
// over, and the next run goes by it.
func TestAReplacementWritesOverNothing(t *testing.T) {
	dir := t.TempDir()
	d := policytest.Standard()
	d.Write(t, dir)
	r := replacing{docs: documents{mount: defaultMount}, old: policytest.AccountURI, new: "https://ca.example/acct/7", overlap: time.Hour, now: time.Now().UTC().Truncate(time.Second)}
	plan := func() (*replacement, store.Writer) {
		t.Helper()
		lib, err := r.docs.loadFit(t.Context(), dir, r.now)
		if err != nil {
			t.Fatal(err)
		}
		found, err := r.plan(lib)
		if err != nil || len(found.Refusals) > 0 || len(found.Changes) != 1 {
			t.Fatalf("Expected one change, got %+v, %v", found, err)
		}
		w, err := r.docs.writer(dir)
		if err != nil {
			t.Fatal(err)
		}
		return found, w
	}
	found, w := plan()
	d.Account(`"domains": {"example.com": {}, "a.example.com": {}}`).Write(t, dir)
	if err := found.apply(context.Background(), w, 0, io.Discard); !errors.Is(err, store.ErrConflict) || found.Written {
		t.Errorf("Expected a conflict, got %v", err)
	}
	found, w = plan()
	if err := found.apply(context.Background(), w, 0, io.Discard); err != nil {
		t.Error(err)
	}
	body, err := w.Read(t.Context(), "accounts/web/ca/a")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"a.example.com"`, `"account_uri": "https://ca.example/acct/7"`, `"account_uri": "` + policytest.AccountURI + `"`} {
		if !strings.Contains(string(body.Body), part) {
			t.Errorf("Expected %s in %s", part, body.Body)
		}
	}
}
