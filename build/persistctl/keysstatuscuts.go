package main

import (
	"context"
	"io"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// statusOfCuts returns the state of the keys that are wanted, and of which of them the
// parents of all cuts have the DS: of those of the zone that is named, or else of
// the last roll-over.
func statusOfCuts(ctx context.Context, w *wantedStatus, of []string, at time.Time) (state keySetState, err error) {
	if err := w.cuts.check(); err != nil {
		return state, err
	}
	keys, state, err := statusOf(ctx, w.source, nil, at)
	if err != nil {
		return state, err
	}
	if len(of) == 0 {
		of = keys.Cuts
	}
	if len(of) == 0 {
		return state, usagef("which zone has the cuts? write ZONE, which may be .")
	}
	names, err := w.cuts.list(ctx, of, at)
	if err != nil {
		return state, err
	}
	seen, err := askCuts(ctx, w.finder, keys, names, state.Roll.New, at, w.tally)
	if err != nil {
		return state, err
	}
	seen.awaitIn(state.Roll.Phase)
	state.Cuts = seen.progress(nil)
	return state, nil
}

// awaitIn has the cuts waited for that the parents hold up in a phase: in those
// before, nobody is to have the new DS.
func (c cutStates) awaitIn(phase dnssec.Phase) {
	switch phase {
	case dnssec.Submitted:
		c.await(oldDS, unknownDS)
	case dnssec.Retiring:
		c.await(oldDS)
	}
}

// cutsText prints the cuts in the words of the phase.
func (s keySetState) cutsText(w io.Writer) {
	if s.Roll.New == 0 {
		s.Cuts.count(w, settledMeanings)
		return
	}
	s.Cuts.text(w)
}
