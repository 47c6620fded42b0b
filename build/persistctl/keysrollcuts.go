package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// heldAtMost is how long a cache may hold a DS RRset that was replaced before anybody
// looked at its TTL: BIND and Unbound take no more than a week and a day.
const heldAtMost = 7 * 24 * time.Hour

// allSeen is what the servers of all parents say.
type allSeen struct {
	zones  parentStates
	cuts   cutStates
	forget map[string]bool // of the cuts
	gone   cutStates       // that were there before
}

// see asks the parents of all that the key document says is waited for.
func (r *rolling) see(ctx context.Context, keys *dnssec.KeySet, now time.Time) (allSeen, error) {
	seen, err := r.seeCuts(ctx, keys, keys.Cuts, keys.Roll(now).New, now)
	if err != nil {
		return allSeen{}, err
	}
	seen.zones, err = askParents(ctx, r.finder, keys.Zones)
	return seen, err
}

// seeCuts asks the parents of every cut of zones. young is the tag of the key that
// comes, 0 for none.
func (r *rolling) seeCuts(ctx context.Context, keys *dnssec.KeySet, zones []string, young uint16, now time.Time) (seen allSeen, err error) {
	if len(zones) == 0 {
		return allSeen{}, nil
	}
	if seen.forget, err = r.cuts.forgotten(); err != nil {
		return allSeen{}, err
	}
	cuts, err := r.cuts.list(ctx, zones, now)
	if err != nil {
		return allSeen{}, err
	}
	if seen.cuts, err = askCuts(ctx, r.finder, keys, cuts, young, now, r.tally); err != nil {
		return allSeen{}, err
	}
	seen.gone = r.met.leave(seen.cuts)
	r.met.meet(seen.cuts)
	return seen, nil
}

// cutsOf asks the parents of the cuts alone, for which cuts have a DS.
func (r *rolling) cutsOf(ctx context.Context, keys *dnssec.KeySet, now time.Time) (allSeen, error) {
	seen, err := r.seeCuts(ctx, keys, keys.Cuts, keys.Roll(now).New, now)
	seen.cuts.await(unknownDS)
	return seen, err
}

// follow asks the servers of zones, and of cuts that are seen to have a DS, for the
// keys of now, and returns what is missing.
func (r *rolling) follow(ctx context.Context, keys *dnssec.KeySet, now time.Time, seen allSeen) (asked serverStates, missing, err error) {
	if len(keys.Zones) > 0 || seen.cuts == nil {
		if asked, err = askServers(ctx, r.finder, keys, keys.Zones, now); err != nil {
			return nil, nil, err
		}
		missing = asked.all()
	}
	if err := seen.cuts.askServers(ctx, r.finder, keys, now, r.tally); err != nil {
		return nil, nil, err
	}
	if missing == nil {
		missing = seen.cuts.progress(seen.forget).missing()
	}
	return asked, missing, nil
}

// pointTo returns why not every parent is known to have the DS of the key with a
// tag: but for cuts of which it has none, or one of neither key.
func (s allSeen) pointTo(keys *dnssec.KeySet, tag uint16, at time.Time) error {
	if len(s.zones) > 0 || s.cuts == nil {
		if err := s.zones.pointTo(keys, tag, at); err != nil {
			return err
		}
	}
	s.cuts.await(oldDS, unknownDS)
	return s.cuts.progress(s.forget).missing()
}

// lost returns which parent that gave an answer has the DS of the key with a tag
// no more.
func (s allSeen) lost(keys *dnssec.KeySet, tag uint16, at time.Time) error {
	if answered := s.zones.answered(); len(answered) > 0 {
		if err := answered.pointTo(keys, tag, at); err != nil {
			return err
		}
	}
	s.cuts.await(oldDS)
	return s.cuts.progress(s.forget).missing()
}

// ttl is the longest for which a cache may hold a DS RRset of before.
func (s allSeen) ttl() time.Duration {
	if s.cuts == nil {
		return s.zones.ttl()
	}
	return max(s.zones.ttl(), s.cuts.ttl(), heldAtMost)
}

// cutsOfWhich are the zones whose cuts are rolled: those named, or those of the
// roll-over before.
func (r *rolling) cutsOfWhich(keys *dnssec.KeySet) []string {
	if len(r.zones) > 0 {
		return r.zones
	}
	return keys.Cuts
}

// beginCuts is begin for a key that signs cuts.
func (r *rolling) beginCuts(ctx context.Context, d *keyDocument, now time.Time) (*rollState, error) {
	of := r.cutsOfWhich(d.keys)
	if len(of) == 0 {
		return nil, usagef("which zone has the cuts? write ZONE, which may be .; later runs need none")
	}
	seen, err := r.seeCuts(ctx, d.keys, of, 0, now)
	if err != nil {
		return nil, err
	}
	zones := slices.DeleteFunc(slices.Clone(d.keys.Zones), seen.has)
	if seen.zones, err = askParents(ctx, r.finder, zones); err != nil {
		return nil, err
	}
	if err := seen.begins(d.keys, now); err != nil {
		return nil, err
	}
	now = r.now().UTC() // to ask may have taken long
	keys, err := r.edit(ctx, d, func(raw []byte) ([]byte, error) {
		return dnssec.BeginCutsRoll(raw, zones, of, seen.ttl(), now, r.random)
	})
	if err != nil {
		return nil, err
	}
	return rollAt(keys, now).with("The roll-over begins", seen, nil), nil
}

// has reports whether a zone is one of the cuts.
func (s allSeen) has(zone string) bool {
	return slices.ContainsFunc(s.cuts, func(c cutState) bool { return c.Cut == zone })
}

// begins refuses keys that are not those of the cuts. A parent without the DS, or
// that cannot be reached, makes no difference yet.
func (s allSeen) begins(keys *dnssec.KeySet, now time.Time) error {
	if len(s.zones) > 0 {
		if err := s.zones.pointTo(keys, keys.Roll(now).Old, now); err != nil {
			return err
		}
	}
	if counts := s.cuts.progress(nil).Counts; counts[oldDS] == 0 && counts[noDS] < len(s.cuts) {
		return fmt.Errorf("of %s, %d have a DS, none of them one of the keys, and the parents of %d cannot be asked: are these the keys that sign them?",
			counted(len(s.cuts), "cut"), counts[otherDS], counts[unknownDS])
	}
	return nil
}

// fits refuses a run that is not about what the key document says is waited for.
func (r *rolling) fits(keys *dnssec.KeySet, step dnssec.Step) error {
	waited, kind := keys.Zones, "zones"
	if r.cuts.wanted {
		waited, kind = keys.Cuts, "cuts of"
	}
	switch begun := step.Phase != dnssec.Settled && step.Phase != dnssec.Finished; {
	case r.cuts.wanted && len(keys.Away()) > 0:
		return errors.New("the KSK is kept away from the servers, which cuts do not do with: leave out --cuts")
	case !r.cuts.wanted && len(keys.Cuts) > 0:
		return usagef("the keys sign the cuts of %v, too: write --cuts, and --policies DIR or --policies-vault", keys.Cuts)
	case begun && len(r.zones) > 0 && !slices.Equal(r.zones, waited):
		return usagef("the roll-over that goes on is that of the %s %v: leave out ZONE", kind, waited)
	}
	return nil
}

// zone is the name of a zone to be rolled.
func (r *rolling) zone(name string) (string, error) {
	if r.cuts.wanted && name == "." {
		return name, nil
	}
	return origin(name)
}
