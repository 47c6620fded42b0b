package years

import (
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// refresh is how often a server reads all documents.
const refresh = time.Minute

// node is one server.
type node struct {
	id     int
	offset time.Duration // of its clock from the right time
	watch  *store.Clock
	reads  time.Time // the right time at which it looks at its clock

	authority *answer.Authority
	book      *policy.Book
	keys      *dnssec.KeySet
	edition   int       // of the key document it has, counted from 0
	bundles   int       // of the bundles it has, likewise
	bare      bool      // whether it had no keys before these
	scanned   time.Time // the right time of its last scan; zero: none yet
	born      time.Time // when it was started, by the right time
	stamp     time.Time // when its clock said that the last scan was

	model struct {
		kept  time.Duration // the offset that it goes by
		ready bool
	}
}

func (n *node) String() string { return fmt.Sprintf("server %d", n.id) }

// clock is what the server takes the right time t for.
func (n *node) clock(t time.Time) time.Time {
	n.reads = t
	return n.watch.Now()
}

func (n *node) readClock() (time.Time, time.Duration) {
	return n.reads.Add(n.offset), n.reads.Sub(begin)
}

// goesBy is the instant that the server goes by at t: that of its clock, but no
// more than five minutes ahead of the store's, which is right. A clock that was
// set counts as if it had not been until the store has been heard.
func (n *node) goesBy(t time.Time) time.Time {
	offset := n.model.kept
	if (n.offset - offset).Abs() <= skew {
		offset = n.offset
	}
	return t.Add(min(offset, skew))
}

// heard is the model's side of a scan: of a clock that was set and one that was
// not the right one counts, and a server that starts needs one that is no more
// than an hour behind.
func (n *node) heard() {
	if n.offset.Abs() <= skew || n.model.kept.Abs() > skew {
		n.model.kept = n.offset
	}
	n.model.ready = n.model.ready || n.offset >= -time.Hour
}

// vouched is when the store last vouched for what the server has, by the clock
// that the server goes by.
func (n *node) vouched() time.Time { return earlier(n.stamp, n.scanned.Add(skew)) }

// restart ends the server and starts it anew.
func (n *node) restart(chained bool, t time.Time) error {
	z, err := zone.New(zone.Config{Origin: origin, Chained: chained, NS: []string{"ns1.example.net"}, TTL: ttl, Grace: grace, MaxStale: maxStale})
	if err != nil {
		return err
	}
	n.book, n.keys, n.scanned, n.born, n.reads = nil, nil, time.Time{}, t, t
	n.watch = store.NewClock(n.readClock)
	n.model.kept, n.model.ready = n.offset, false
	if n.authority = answer.New(z, 1e9); chained {
		n.authority = answer.NewChained(z, new(answer.Serial))
	}
	return nil
}

// catchUp makes the scans up to the instant t, of which only the last matters.
func (n *node) catchUp(w *world, t time.Time) error {
	scan := w.lastScan(n, t)
	if scan.Before(n.born) { // it reads the store as it starts, if it can
		if w.silent(n, n.born) {
			return nil
		}
		scan = n.born
	}
	switch {
	case scan.After(n.scanned):
	case w.keyDir != "" && !n.scanned.IsZero():
		return n.reread(w, t)
	default:
		return nil
	}
	n.clock(scan)
	n.watch.Hear(scan)
	n.heard()
	n.scanned, n.stamp = scan, n.clock(scan)
	return n.load(w, t)
}

// set sets the server's clock at t to be wrong by offset from now on.
func (n *node) set(w *world, offset time.Duration, t time.Time) error {
	if err := n.catchUp(w, t); err != nil {
		return err
	}
	n.offset = offset
	return nil
}

// load takes over, at t, what the last scan read.
func (n *node) load(w *world, t time.Time) error {
	n.book = policy.Compile(n.book, w.papers.snapshot(n.scanned, n.stamp), policy.Brakes{})
	return n.reread(w, t)
}

// reread has the server answer from its book and its keys. Files of these are
// read whether the store speaks or not.
func (n *node) reread(w *world, t time.Time) error {
	if n.book.Fit() != nil {
		return nil // as the model may have it
	}
	read := n.scanned
	if w.keyDir != "" {
		read = later(read, scanOf(n.id, t))
	}
	if err := n.loadKeys(w, read); err != nil {
		return fmt.Errorf("%s: %w", n, err)
	}
	n.authority.Update(n.book, n.keys)
	return nil
}

// loadKeys takes over the keys that there are at t, and the bundles that it reads
// a moment later, where one of them is new.
func (n *node) loadKeys(w *world, t time.Time) error {
	edition, bundles := w.edition(w.gets(n, t)), w.bundlesAt(t.Add(20*time.Second))
	if n.keys != nil && edition == n.edition && bundles == n.bundles {
		return nil
	}
	now := n.book.Clock(n.clock(t))
	keys, err := w.editions[edition].keys(now)
	if err != nil {
		return err
	}
	if err := keys.Continues(n.keys, now); err != nil {
		return fmt.Errorf("it refuses the operator's document: %w", err)
	}
	if waits, err := n.waits(w, keys, bundles, now); err != nil || waits {
		return err
	}
	if n.keys != nil && edition != n.edition {
		if err := keys.Prove(origin, now); err != nil {
			return fmt.Errorf("by the operator's document answers would not validate: %w", err)
		}
	}
	n.bare = n.keys == nil
	n.keys, n.edition, n.bundles = keys, edition, bundles
	return nil
}

// waits has keys use bundles, and reports whether they must wait for others:
// those in use stay in use up to then.
func (n *node) waits(w *world, keys *dnssec.KeySet, bundles int, now time.Time) (bool, error) {
	if len(w.bundles) == 0 {
		return false, nil
	}
	b, err := dnssec.ParseBundles(w.bundles[bundles].raw)
	if err != nil {
		return false, err
	}
	keys.UseBundles(b, now) // those that are of another document are not used
	waits := keys.KeepsReach(n.keys, b, origin, now) != nil
	if waits {
		w.report.waits++
	}
	return waits, nil
}

// unsigned reports whether the server may have no bundle: it has begun with a key
// document that nobody had signed bundles for before, and newer than its own,
// which may end where that changes something. A server that has keys in use waits
// for bundles instead.
func (n *node) unsigned(w *world) bool {
	e := w.editions[n.edition]
	return n.bare && e.alone && w.bundles[n.bundles].since.Before(e.since)
}

// step sets the clock of a server at an instant.
type step struct {
	at     time.Time
	node   int
	offset time.Duration
}

// newSteps sets one clock after the other wrong, where a ZSK takes over from
// another.
func newSteps(p plan, end time.Time) []step {
	var list []step
	for at := p.start.Add(p.lifetime); p.steps != 0 && at.Before(end); at = at.Add(p.lifetime) {
		n := len(list) / 2 % len(p.offsets)
		list = append(list, step{at.Add(-28 * time.Hour), n, p.offsets[n] + p.steps}, step{at.Add(70 * time.Hour), n, p.offsets[n]})
	}
	return list
}

// outage is a time in which a server, or all if node is negative, cannot read
// the store.
type outage struct {
	from, to time.Time
	node     int
}

func (o outage) hits(n int, t time.Time) bool {
	return (o.node < 0 || o.node == n) && !t.Before(o.from) && t.Before(o.to)
}

// lastScan is when a server last read the store, by the right time.
func (w *world) lastScan(n *node, t time.Time) time.Time {
	t = scanOf(n.id, t)
	for {
		i := slices.IndexFunc(w.outages, func(o outage) bool { return o.hits(n.id, t) })
		if i < 0 {
			return t
		}
		t = scanOf(n.id, w.outages[i].from.Add(-1))
	}
}

// scanOf is the last scan at t or before, each server having a second of its own.
func scanOf(id int, t time.Time) time.Time {
	phase := time.Duration(id) * 7 * time.Second
	return t.Add(-phase).Truncate(refresh).Add(phase)
}

// silent reports whether the store gives a server no answer.
func (w *world) silent(n *node, t time.Time) bool {
	return slices.ContainsFunc(w.outages, func(o outage) bool { return o.hits(n.id, t) })
}

// up reports whether the operator can write to the store.
func (w *world) up(t time.Time) bool {
	return !slices.ContainsFunc(w.outages, func(o outage) bool { return o.node < 0 && o.hits(0, t) })
}
