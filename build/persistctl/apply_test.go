package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// interrupting is a terminal at which somebody interrupts the program when it
// has printed a line.
type interrupting struct {
	strings.Builder
	at        string
	interrupt context.CancelCauseFunc
}

func (i *interrupting) Write(p []byte) (int, error) {
	if strings.HasPrefix(string(p), i.at) {
		i.interrupt(errors.New("interrupt signal received"))
	}
	return i.Builder.Write(p)
}

// Whoever interrupts apply is told how much of it is done, and that the rest is
// for the next run.
func TestAnInterruptedApplySaysHowFarItCame(t *testing.T) {
	dir := t.TempDir()
	policytest.Documents{"config": `{"schema": 1}`}.Write(t, dir)
	w, err := store.OpenDirectory(dir)
	must(t, err)
	found := &plan{}
	for _, path := range []string{"issuers/a", "issuers/b", "issuers/c", "issuers/d"} {
		found.Order = append(found.Order, step{change{Document: path, Action: create, body: []byte(`{}`)}})
	}
	ctx, interrupt := context.WithCancelCause(t.Context())
	screen := &interrupting{at: "2 of 4 written", interrupt: interrupt}
	err = found.apply(ctx, w, 0, screen)
	if err == nil || err.Error() != "2 of 4 written, run this again for the rest: interrupt signal received" {
		t.Errorf("Expected to hear how much is written, got %v", err)
	}
	if want := "1 of 4 written: create issuers/a\n2 of 4 written: create issuers/b\n"; screen.String() != want {
		t.Errorf("Expected each write to be told, got %q", screen.String())
	}
	if names, err := w.List(t.Context(), "issuers"); err != nil || len(names) != 2 {
		t.Errorf("Expected two documents, got %v, %v", names, err)
	}
}
