package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/spf13/cobra"
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
	zones     []string
	olderThan time.Duration
	random    io.Reader
	sleep     func(context.Context, time.Duration) error
}

func newKeysRollKSK(out *output) *cobra.Command {
	r := rolling{signing: signing{now: time.Now}, sleep: sleep, random: rand.Reader}
	var watch bool
	cmd := &cobra.Command{
		Use:   "roll-ksk [ZONE...] (--dir DIR | --vault MOUNT/PATH) [--ksk-dir DIR | --ksk-vault MOUNT/PATH]",
		Short: "Replace the key-signing key, step by step",
		Long: `Replace the key-signing key by a new one, without a moment at which any resolver
holds a chain of trust that is broken (the Double-KSK method of RFC 7583). Each
run does the step that is due, and prints what is waited for until when:

  1. A new key is added, to be published and to sign in an hour. Refused unless every
     server of every parent has a DS record of the key in force.
  2. Once every server of every ZONE is seen to serve it, CDS and CDNSKEY name it as
     of the instant at which it is in every cache. A server that has not followed, or
     cannot be asked, is waited for: it would be bogus with the new DS.
  3. The parents take the new DS, by themselves if they look for CDS; else put it
     there: persistctl keys ds prints it. That may take for ever.
  4. Once it is seen at every server of every parent, and every server of every ZONE
     is seen again, the old key gets its end: when no cache has the old DS RRset any
     more.
  5. The old key is removed, and dropped from the document when every server is seen
     a last time.

A key that is kept away from the servers is followed by one in the same place: a
new version of the key in Transit, or a new seed in the KSK document, of which
--ksk-dir or --ksk-vault says where it is. The bundles for each step are there
before it, and each run does what keys sign does too.

ZONE is every zone that is signed with the keys. It is remembered, so that later
runs need none. Run it from a timer until its status is 0, or with --watch as a
job. It may end at any moment and be run again, on another machine too; keys hold
makes it wait. The exit status is 0 if the roll-over is finished or none is due,
and 3 if something has to be waited for.`,
		Example: `  persistctl keys roll-ksk _validation-persist.example.com --dir /etc/coredns/keys
  persistctl keys roll-ksk --dir /etc/coredns/keys
  persistctl keys roll-ksk --vault persist-keys/example --older-than 8760h --watch
  persistctl keys roll-ksk example.com --dir keys --resolver 192.0.2.53:53
  persistctl keys roll-ksk --dir keys --without-server 192.0.2.7
  persistctl keys roll-ksk example.com --dir /etc/coredns/keys-away --ksk-dir /etc/coredns/keys-ksk
  persistctl keys roll-ksk example.com --vault persist-keys/away`,
		Args: cobra.ArbitraryArgs,
	}
	r.source = registerKeySource(cmd.Flags(), "dir", "vault")
	r.seeds = registerKSKSource(cmd.Flags())
	r.finder = registerFinder(cmd.Flags())
	r.registerWeeks(cmd.Flags())
	durationFlag(cmd.Flags(), &r.olderThan, "older-than", 7*24*time.Hour, "`DURATION` for which a key must have been in force before it is replaced, so that a timer does not begin again")
	cmd.Flags().BoolVar(&watch, "watch", false, "go on until the roll-over is finished, in steps of at most an hour")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, name := range args {
			zone, err := origin(name)
			if err != nil {
				return err
			}
			r.zones = append(r.zones, zone)
		}
		slices.Sort(r.zones)
		r.zones = slices.Compact(r.zones)
		if err := r.check(); err != nil {
			return err
		}
		tell := func(s *rollState) error { return out.print(cmd.OutOrStdout(), s) }
		if watch {
			return r.watch(cmd.Context(), tell, cmd.ErrOrStderr())
		}
		s, err := r.run(cmd.Context())
		if err != nil {
			return err
		}
		if err := tell(s); err != nil || s.done() {
			return err
		}
		return errWaits
	}
	return cmd
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
	if err := r.sameZones(d.keys, step); err != nil {
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

// sameZones refuses zones other than those of the roll-over that goes on.
func (r *rolling) sameZones(keys *dnssec.KeySet, step dnssec.Step) error {
	if len(r.zones) == 0 || step.Phase == dnssec.Settled || step.Phase == dnssec.Finished || slices.Equal(r.zones, keys.Zones) {
		return nil
	}
	return usagef("the roll-over that goes on is that of the zones %v: leave out ZONE", keys.Zones)
}

// begin adds a new key where the one in force is old enough, and every server
// of every parent has its DS.
func (r *rolling) begin(ctx context.Context, d *keyDocument, now time.Time) (*rollState, error) {
	if step := d.keys.Roll(now); now.Sub(step.Publish) < r.olderThan {
		s := rollAt(d.keys, now)
		s.Did = fmt.Sprintf("Nothing is due: KSK %d is in force since %s, less than the %v of --older-than", step.Old, stamp(step.Publish), r.olderThan)
		return s, nil
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
	change, err := r.beginning(ctx, d.keys, zones, seen.ttl(), now)
	if err != nil {
		return nil, err
	}
	keys, err := r.edit(ctx, d, change)
	if err != nil {
		return nil, err
	}
	return rollAt(keys, now).with("The roll-over begins", seen, nil), nil
}

// offer has CDS name the new key, in due time, where every server has it.
func (r *rolling) offer(ctx context.Context, d *keyDocument, now time.Time) (*rollState, error) {
	return r.onceFollowed(ctx, d, now, func() (*rollState, error) {
		keys, err := r.edit(ctx, d, func(raw []byte) ([]byte, error) { return dnssec.OfferRoll(raw, now) })
		if err != nil {
			return nil, err
		}
		return rollAt(keys, now).with("Every server has the new key", nil, nil), nil
	})
}

// onceFollowed takes a step where every server of every zone serves the keys that
// are published now (Ipub of RFC 7583 section 3.3.1 is only an estimate), and says
// which does not where one does not.
func (r *rolling) onceFollowed(ctx context.Context, d *keyDocument, now time.Time, step func() (*rollState, error)) (*rollState, error) {
	asked, err := askServers(ctx, r.finder, d.keys, d.keys.Zones, now)
	if err != nil {
		return nil, err
	}
	missing := asked.all()
	if missing == nil {
		return step()
	}
	s := rollAt(d.keys, now)
	s.Waits, s.Until = "every server of every zone to serve the keys", time.Time{}
	s.Servers, s.Missing = asked, missing.Error()
	return s, nil
}

// look gives the old key its end where every server of every parent has the DS
// of the new one, and every server of every zone the key.
func (r *rolling) look(ctx context.Context, d *keyDocument, now time.Time) (*rollState, error) {
	seen, err := askParents(ctx, r.finder, d.keys.Zones)
	if err != nil {
		return nil, err
	}
	if missing := seen.pointTo(d.keys, d.keys.Roll(now).New, now); missing != nil {
		return rollAt(d.keys, now).with("", seen, missing), nil
	}
	return r.onceFollowed(ctx, d, now, func() (*rollState, error) {
		keys, err := r.edit(ctx, d, func(raw []byte) ([]byte, error) {
			return dnssec.EndRoll(raw, seen.ttl(), now)
		})
		if err != nil {
			return nil, err
		}
		return rollAt(keys, now).with("Every server of every parent has the new DS", seen, nil), nil
	})
}

// lookBack keeps the old key where a server of a parent has lost the DS of the new
// one, or has a zone of before put back.
func (r *rolling) lookBack(ctx context.Context, d *keyDocument, now time.Time) (*rollState, error) {
	seen, err := askParents(ctx, r.finder, d.keys.Zones)
	if err != nil {
		return nil, err
	}
	answered := seen.answered()
	missing := answered.pointTo(d.keys, d.keys.Roll(now).New, now)
	if missing == nil || len(answered) == 0 {
		return rollAt(d.keys, now).with("", seen, nil), nil
	}
	keys, err := r.edit(ctx, d, func(raw []byte) ([]byte, error) { return dnssec.ReopenRoll(raw, now) })
	if err != nil {
		return nil, err
	}
	return rollAt(keys, now).with("The old key stays, because a parent has the new DS no more", seen, missing), nil
}

// finish drops the old key where every server serves the new one.
func (r *rolling) finish(ctx context.Context, d *keyDocument, now time.Time) (*rollState, error) {
	return r.onceFollowed(ctx, d, now, func() (*rollState, error) {
		_, err := r.edit(ctx, d, func(raw []byte) ([]byte, error) { return dnssec.FinishRoll(raw, now) })
		if err != nil {
			return nil, err
		}
		s := rollAt(d.keys, now)
		did := fmt.Sprintf("The roll-over is finished: KSK %d is in force, and KSK %d is removed. Where its DS is still at a parent, remove that", s.New, s.Old)
		return s.with(did, nil, nil), nil
	})
}
