package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

const (
	// lookAgain is how often a job looks for what comes at no known instant.
	lookAgain = 5 * time.Minute
	// lookAnyway is how long it sleeps at most: somebody may hold the roll-over.
	lookAnyway = time.Hour
)

// rolling is what a keys roll-ksk command was asked for.
type rolling struct {
	signing   // source, and how bundles are signed where the KSK is kept away
	finder    *servers.Finder
	zones     []string // with --cuts those that have cuts
	cuts      ofCuts
	met       metCuts
	tally     *tally
	olderThan time.Duration
	random    io.Reader
	sleep     func(context.Context, time.Duration) error
}

// watch runs again and again until there is nothing more to do. It prints what
// has changed, and after the first run complaints instead of giving up.
func (r *rolling) watch(ctx context.Context, tell func(*rollState) error, complaints io.Writer) error {
	var last string
	for first := true; ; first = false {
		wait := lookAgain
		s, err := r.run(ctx)
		switch {
		case err != nil && (first || ctx.Err() != nil):
			return err
		case err != nil:
			fmt.Fprintf(complaints, "%s: %v; trying again in %v\n", stamp(r.now()), err, wait)
		default:
			if said := fmt.Sprint(*s); said != last {
				last = said
				if err := tell(s); err != nil {
					return err
				}
			}
			if s.done() {
				return nil
			}
			wait = s.wait(r.now())
		}
		if err := r.sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// sleep returns after a while, or when ctx ends.
func sleep(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// run does the step that is due.
func (r *rolling) run(ctx context.Context) (*rollState, error) {
	now := r.now().UTC()
	d, err := r.source.open(ctx)
	if err != nil {
		return nil, err
	}
	step := d.keys.Roll(now)
	if err := r.fits(d.keys, step); err != nil {
		return nil, err
	}
	if err := r.cuts.known(ctx, r.cutsOfWhich(d.keys), now); err != nil {
		return nil, err
	}
	if err := r.topUp(ctx, d.keys); err != nil {
		return nil, err
	}
	switch {
	case !step.Held.IsZero():
		return rollAt(d.keys, now), nil
	case step.Phase == dnssec.Settled:
		return r.begin(ctx, d, now)
	case step.Phase == dnssec.Spreading && step.Submit.IsZero():
		return r.offer(ctx, d, now)
	case step.Phase == dnssec.Submitted:
		return r.look(ctx, d, now)
	case step.Phase == dnssec.Retiring:
		return r.lookBack(ctx, d, now)
	case step.Phase == dnssec.Finished:
		return r.finish(ctx, d, now)
	}
	return rollAt(d.keys, now), nil
}

// begin adds a new key where the one in force is old enough, and every server
// of every parent has its DS.
func (r *rolling) begin(ctx context.Context, d *keyDocument, now time.Time) (*rollState, error) {
	if step := d.keys.Roll(now); now.Sub(step.Publish) < r.olderThan {
		s := rollAt(d.keys, now)
		s.Did = fmt.Sprintf("Nothing is due: KSK %d is in force since %s, less than the %v of --older-than", step.Old, stamp(step.Publish), r.olderThan)
		return s, nil
	}
	if r.cuts.wanted {
		return r.beginCuts(ctx, d, now)
	}
	zones := r.zones
	if len(zones) == 0 {
		zones = d.keys.Zones
	}
	if len(zones) == 0 {
		return nil, usagef("which zones are signed with the keys? write each ZONE; later runs need none")
	}
	seen, err := askParents(ctx, r.finder, zones)
	if err != nil {
		return nil, err
	}
	if err := seen.pointTo(d.keys, d.keys.Roll(now).Old, now); err != nil {
		return nil, fmt.Errorf("%w: a roll-over begins when every parent has the DS of the key in force, which persistctl keys ds prints", err)
	}
	now = r.now().UTC() // to ask may have taken long
	change, err := r.beginning(ctx, d.keys, zones, seen.ttl(), now)
	if err != nil {
		return nil, err
	}
	keys, err := r.edit(ctx, d, change)
	if err != nil {
		return nil, err
	}
	return rollAt(keys, now).with("The roll-over begins", allSeen{zones: seen}, nil), nil
}

// offer has CDS name the new key, in due time, where every server has it.
func (r *rolling) offer(ctx context.Context, d *keyDocument, now time.Time) (*rollState, error) {
	seen, err := r.cutsOf(ctx, d.keys, now)
	if err != nil {
		return nil, err
	}
	return r.onceFollowed(ctx, d, now, seen, func() (*rollState, error) {
		now := r.now().UTC() // the last server was asked just now
		keys, err := r.edit(ctx, d, func(raw []byte) ([]byte, error) { return dnssec.OfferRoll(raw, now) })
		if err != nil {
			return nil, err
		}
		return rollAt(keys, now).with("Every server has the new key", seen, nil), nil
	})
}

// onceFollowed takes a step where every server of every zone serves the keys that
// are published now (Ipub of RFC 7583 section 3.3.1 is only an estimate), and says
// which does not where one does not.
func (r *rolling) onceFollowed(ctx context.Context, d *keyDocument, now time.Time, seen allSeen, step func() (*rollState, error)) (*rollState, error) {
	asked, missing, err := r.follow(ctx, d.keys, now, seen)
	if err != nil {
		return nil, err
	}
	if missing == nil {
		return step()
	}
	s := rollAt(d.keys, now).with("", seen, missing)
	s.Waits, s.Until = "every server of every zone to serve the keys", time.Time{}
	s.Servers = asked
	return s, nil
}

// look gives the old key its end where every server of every parent has the DS
// of the new one, and every server of every zone the key.
func (r *rolling) look(ctx context.Context, d *keyDocument, now time.Time) (*rollState, error) {
	seen, err := r.see(ctx, d.keys, now)
	if err != nil {
		return nil, err
	}
	if missing := seen.pointTo(d.keys, d.keys.Roll(now).New, now); missing != nil {
		return rollAt(d.keys, now).with("", seen, missing), nil
	}
	return r.onceFollowed(ctx, d, now, seen, func() (*rollState, error) {
		now := r.now().UTC() // the last server was asked just now
		keys, err := r.edit(ctx, d, func(raw []byte) ([]byte, error) {
			return dnssec.EndRoll(raw, seen.ttl(), now)
		})
		if err != nil {
			return nil, err
		}
		return rollAt(keys, now).with("Every server of every parent that is waited for has the new DS", seen, nil), nil
	})
}

// lookBack keeps the old key where a server of a parent has lost the DS of the new
// one, or has a zone of before put back.
func (r *rolling) lookBack(ctx context.Context, d *keyDocument, now time.Time) (*rollState, error) {
	seen, err := r.see(ctx, d.keys, now)
	if err != nil {
		return nil, err
	}
	missing := seen.lost(d.keys, d.keys.Roll(now).New, now)
	if missing == nil {
		return rollAt(d.keys, now).with("", seen, nil), nil
	}
	keys, err := r.edit(ctx, d, func(raw []byte) ([]byte, error) { return dnssec.ReopenRoll(raw, now) })
	if err != nil {
		return nil, err
	}
	return rollAt(keys, now).with("The old key stays, because a parent that is waited for does not have the new DS, or no more", seen, missing), nil
}

// finish drops the old key where every server serves the new one.
func (r *rolling) finish(ctx context.Context, d *keyDocument, now time.Time) (*rollState, error) {
	seen, err := r.cutsOf(ctx, d.keys, now)
	if err != nil {
		return nil, err
	}
	return r.onceFollowed(ctx, d, now, seen, func() (*rollState, error) {
		_, err := r.edit(ctx, d, func(raw []byte) ([]byte, error) { return dnssec.FinishRoll(raw, now) })
		if err != nil {
			return nil, err
		}
		s := rollAt(d.keys, now)
		did := fmt.Sprintf("The roll-over is finished: KSK %d is in force, and KSK %d is removed. Where its DS is still at a parent, remove that", s.New, s.Old)
		return s.with(did, seen, nil), nil
	})
}
