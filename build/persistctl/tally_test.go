package main

import (
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// To ask the parents of thousands takes minutes, in which somebody waits.
func TestPeopleAreToldNowAndThenHowFarALookHasCome(t *testing.T) {
	w := newCutsWorld(t, "first.example.com", "second.example.com", "late.example.com", "insecure.example.com")
	var told strings.Builder
	at := rollBegins
	r := w.rolling()
	r.tally = newTally(&told, func() time.Time {
		at = at.Add(tallyEvery/2 + time.Second)
		return at
	})
	if s, err := r.run(t.Context()); err != nil || s.Phase != dnssec.Announced {
		t.Fatalf("Expected the beginning, got %+v, %v", s, err)
	}
	if got, want := told.String(), "asked the parents of 2 of 4 cuts\nasked the parents of 4 of 4 cuts\n"; got != want {
		t.Errorf("Expected %q, got %q", want, got)
	}
}
