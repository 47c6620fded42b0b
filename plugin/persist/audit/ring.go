package audit

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// ring is what was said of the keys in one place.
type ring struct {
	set    *dnssec.KeySet
	states map[uint16]dnssec.State // of key signing keys, by tag
	reach  time.Time               // of bundles
}

// Keys says what has become of the keys at a place, which sign a zone: another
// document, key signing keys in another state, and how far bundles reach. Zone
// signing keys follow the clock alone and are not told of.
func (l *Ledger) Keys(place, origin string, set *dnssec.KeySet, at time.Time) {
	if set == nil {
		return
	}
	r := l.rings[place]
	if r == nil {
		r = &ring{}
		l.rings[place] = r
	}
	isNew := r.set != set
	r.set = set
	states, tags := map[uint16]dnssec.State{}, []string{"key signing keys"}
	for _, k := range set.Status(at) {
		if k.Role != "KSK" {
			continue
		}
		states[k.Tag] = k.State
		tags = append(tags, strconv.Itoa(int(k.Tag)))
		if old := r.states[k.Tag]; old != k.State {
			l.say(Line{At: at, Event: Key, Source: place, Tag: k.Tag, Old: words(old), New: words(k.State), Reason: k.Reason})
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(r.states)) {
		if _, ok := states[tag]; !ok {
			l.say(Line{At: at, Event: Key, Source: place, Tag: tag, Old: words(r.states[tag]), Reason: "the document does not have it any more"})
		}
	}
	r.states = states
	if isNew {
		l.say(Line{At: at, Event: Keys, Source: place, Reason: "key set " + set.Name + ", " + strings.Join(tags, " ")})
		l.reach(r, place, origin, at)
	}
}

// reach says how far bundles reach where those are others than before.
func (l *Ledger) reach(r *ring, place, origin string, at time.Time) {
	end, needed := r.set.BundlesEnd(origin, at)
	if !needed || end.Equal(r.reach) {
		return
	}
	l.say(Line{At: at, Event: Bundles, Zone: origin, Source: place, Old: stamp(r.reach), New: stamp(end)})
	r.reach = end
}

// words is a list of one state, or of none.
func words(s dnssec.State) []string {
	if s == "" {
		return nil
	}
	return []string{string(s)}
}
