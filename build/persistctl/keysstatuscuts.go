package main

import (
	"context"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
)

// statusOfCuts returns the state of the keys of source, and of which of them the
// parents of all cuts have the DS: of those of the zone that is named, or else of
// the last roll-over.
func statusOfCuts(ctx context.Context, source *keySource, f *servers.Finder, cuts *allCuts, of []string, at time.Time) (state keySetState, err error) {
	if err := cuts.check(); err != nil {
		return state, err
	}
	keys, state, err := statusOf(ctx, source, nil, at)
	if err != nil {
		return state, err
	}
	if len(of) == 0 {
		of = keys.Cuts
	}
	if len(of) == 0 {
		return state, usagef("which zone has the cuts? write ZONE, which may be .")
	}
	names, err := cuts.list(ctx, of, at)
	if err != nil {
		return state, err
	}
	seen, err := askCuts(ctx, f, keys, names, state.Roll.New, at)
	if err != nil {
		return state, err
	}
	if state.Roll.New != 0 {
		seen.await(oldDS)
	}
	seen.await(unknownDS)
	state.Cuts = seen.progress(nil)
	return state, nil
}
