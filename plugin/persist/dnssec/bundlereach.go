package dnssec

import (
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// BundlesEnd returns the instant from which on no bundle covers the zone
// origin, at the earliest the instant at, and false where none of the keys is
// kept away.
func (k *KeySet) BundlesEnd(origin string, at time.Time) (end time.Time, needed bool) {
	if len(k.Away()) == 0 {
		return time.Time{}, false
	}
	origin = dns.CanonicalName(origin)
	for end = at; ; {
		switch b := k.bundleAt(origin, end); {
		case b != nil:
			end = b.until
		case k.away(end), end.Sub(at) > horizon:
			return end, true
		default:
			end = k.bundleWindow(origin, end).until
		}
	}
}

// LowReach is how long bundles reach at least, unless somebody is told: two runs
// of a job that runs every week may fail.
const LowReach = 14 * 24 * time.Hour

// horizon is how far BundlesEnd looks.
const horizon = 366 * 24 * time.Hour

// KeepsReach reports why k must not take the place of before, which is in use at
// the instant at, because of how far the bundles b reach, which k uses: the zone
// origin is served now and would not be any more, or the bundles were signed for
// another key document, and fit this one only for a while. Those for it are still
// to come, and before is served from up to then. before may be nil.
func (k *KeySet) KeepsReach(before *KeySet, b *Bundles, origin string, at time.Time) error {
	if before == nil {
		return nil
	}
	had, needed := before.BundlesEnd(origin, at)
	has, stillNeeded := k.BundlesEnd(origin, at)
	switch {
	case !stillNeeded, needed && !had.After(at):
	case !has.After(at):
		return fmt.Errorf("no new bundle covers %s now", origin)
	case needed && has.Before(had) && has.Before(b.End(origin)) && has.Sub(at) < LowReach:
		return fmt.Errorf("the bundles of %s fit the new key document until %s only: run persistctl keys sign, and it is taken over", origin, has.UTC().Format(time.RFC3339))
	}
	return nil
}
