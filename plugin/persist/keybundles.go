package persist

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/prometheus/client_golang/prometheus"
)

// loadBundles reads the bundles and has set use them. It returns nil where
// nothing changes: without an error because they are those in use, and so is
// the key document if same says so.
func (k *keyring) loadBundles(ctx context.Context, set *dnssec.KeySet, same bool) ([]byte, error) {
	raw, err := k.readBundles(ctx)
	if err != nil {
		return nil, fmt.Errorf("a KSK is kept away, and its bundles cannot be read: %v: persistctl keys sign makes them", err)
	}
	if same && bytes.Equal(raw, k.bundles) {
		return nil, nil
	}
	b, err := dnssec.ParseBundles(raw)
	if err != nil {
		return nil, err
	}
	faults := set.UseBundles(b, k.now())
	for _, zone := range k.origins() {
		if err := set.KeepsReach(k.set.Load(), b, zone, k.now()); err != nil {
			return nil, becauseOf(err, faults)
		}
	}
	for _, fault := range faults {
		log.Errorf("keys in %s: %v; it is not used", k.location, fault)
	}
	return raw, nil
}

// becauseOf is err with the faults of bundles that are not used, if there are any.
func becauseOf(err error, faults []error) error {
	if len(faults) == 0 {
		return err
	}
	return fmt.Errorf("%w: %v", err, faults)
}

// bundleReach tells how far the bundles of zones reach.
type bundleReach struct {
	mu   sync.Mutex
	said map[string]saying // by zone; guarded by mu
}

// saying is what was logged last of a zone.
type saying struct {
	what string // "", "low" or "out"
	at   time.Time
}

// reportReach sets the gauge of each zone, and logs what is low or out: when it
// becomes so, and then every day.
func (k *keyring) reportReach() {
	set, zones, now := k.set.Load(), k.origins(), k.now()
	if set == nil {
		return
	}
	k.reach.mu.Lock()
	defer k.reach.mu.Unlock()
	for zone := range k.reach.said {
		if !slices.Contains(zones, zone) {
			delete(k.reach.said, zone)
			bundlesEnd.DeleteLabelValues(k.location, zone)
		}
	}
	for _, zone := range zones {
		end, needed := set.BundlesEnd(zone, now)
		if needed {
			k.reach.say(k.location, zone, end, now)
		}
	}
}

// say reports one zone; mu is held.
func (r *bundleReach) say(location, zone string, end, now time.Time) {
	bundlesEnd.WithLabelValues(location, zone).Set(float64(end.Unix()))
	what := ""
	switch {
	case !end.After(now):
		what = "out"
	case end.Sub(now) < dnssec.LowReach:
		what = "low"
	}
	last, known := r.said[zone]
	if known && what == last.what && (what == "" || now.Sub(last.at) < 24*time.Hour) {
		return
	}
	if r.said == nil {
		r.said = map[string]saying{}
	}
	r.said[zone] = saying{what, now}
	switch ends := end.UTC().Format(time.RFC3339); what {
	case "out":
		log.Errorf("keys in %s: no bundle covers %s, whose DNSKEY RRset nobody can sign here: run persistctl keys sign", location, zone)
	case "low":
		log.Warningf("keys in %s: the bundles of %s end at %s: run persistctl keys sign", location, zone, ends)
	default:
		log.Infof("keys in %s: the bundles of %s reach until %s", location, zone, ends)
	}
}

// forget drops the gauges of a key document that is no longer watched.
func (r *bundleReach) forget(location string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	bundlesEnd.DeletePartialMatch(prometheus.Labels{"source": location})
	r.said = nil
}
