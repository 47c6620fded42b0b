package main

import (
	"context"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

// Most cuts are other people's, and so are the servers of their parents, of which
// some never answer.
const (
	cutsAtOnce    = 16
	cutsPerSecond = 50
	looks         = 2 // at a cut whose parent cannot be asked
)

// eachCut does something for each of n cuts, some at once and not too fast.
func eachCut(ctx context.Context, n int, do func(ctx context.Context, i int)) error {
	pace := rate.NewLimiter(cutsPerSecond, cutsAtOnce)
	var group errgroup.Group
	group.SetLimit(cutsAtOnce)
	for i := range n {
		if err := pace.Wait(ctx); err != nil {
			break
		}
		group.Go(func() error {
			do(ctx, i)
			return nil
		})
	}
	_ = group.Wait() // nothing in it fails
	return ctx.Err()
}

// askCuts asks all servers of the parents of cuts. young is the tag of the key
// that comes, 0 for none.
func askCuts(ctx context.Context, f *servers.Finder, keys *dnssec.KeySet, cuts []string, young uint16, at time.Time, t *tally) (cutStates, error) {
	all := make(cutStates, len(cuts))
	for i, cut := range cuts {
		all[i] = cutState{Cut: cut, DS: unknownDS}
	}
	for range looks {
		asking := *f
		asking.Quiet = new(servers.Quiet)
		left := all.with(unknownDS)
		one := t.begin("parents", len(left))
		err := eachCut(ctx, len(left), func(ctx context.Context, i int) {
			answers, err := asking.DS(ctx, left[i].Cut)
			if *left[i] = stateOfCut(left[i].Cut, answers, rolledKeysOf(keys, left[i].Cut, young, at)); err != nil {
				left[i].why = err.Error()
			}
			one()
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// askServers asks all servers of cuts that may be trusted whether they serve the
// keys as of the instant at, and has those waited for of which one does not.
func (c cutStates) askServers(ctx context.Context, f *servers.Finder, keys *dnssec.KeySet, at time.Time, t *tally) error {
	secure := c.with(oldDS, unknownDS, bothDS, newDS)
	asking := *f
	asking.Quiet = new(servers.Quiet)
	one := t.begin("servers", len(secure))
	return eachCut(ctx, len(secure), func(ctx context.Context, i int) {
		s := secure[i]
		asked, err := askServers(ctx, &asking, keys, []string{s.Cut}, at)
		if err == nil {
			err = asked.all()
		}
		if err != nil && s.Lacks == "" {
			s.Lacks = err.Error()
		}
		one()
	})
}
