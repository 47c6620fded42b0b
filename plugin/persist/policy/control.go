package policy

import (
	"fmt"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store"
)

// Brakes are the stops and the freeze of the Corefile, for when the store
// cannot be written.
type Brakes struct {
	Stops  []Scope
	Freeze time.Time // rotation stands still from then on; zero: never
}

// control is what the control document says.
type control struct {
	brakes  Brakes
	created time.Time
}

var controls = kind[control]{read: readControl, narrow: joinControls}

func readControl(o *object, d *store.Document) *control {
	c := &control{created: d.Created}
	for _, v := range o.takeAll("freeze_at") {
		at, err := parseInstant(v)
		o.check("freeze_at", err)
		c.brakes = c.brakes.join(Brakes{Freeze: at})
	}
	// Who, when and why are for people: whatever stands there, it stops.
	for _, m := range o.allEntries("stop") {
		scope, err := readScope(m.name)
		if err != nil {
			o.faults.add(fault{field: fieldOf("stop", m.name), reason: err.Error()})
			continue
		}
		c.brakes.Stops = append(c.brakes.Stops, scope)
	}
	return c
}

// joinControls adds what can be read of a broken document to what holds.
func joinControls(last, read *control, _ func(string) bool) *control {
	return &control{last.brakes.join(read.brakes), later(last.created, read.created)}
}

// join returns everything that either of a and b stops, from the earlier
// freeze on.
func (b Brakes) join(other Brakes) Brakes {
	if b.Freeze.IsZero() || !other.Freeze.IsZero() && other.Freeze.Before(b.Freeze) {
		b.Freeze = other.Freeze
	}
	b.Stops = union(b.Stops, other.Stops)
	return b
}

// nextControl returns the edition of the control document d, nil if there never
// was one; the store was last asked for it at the instant braked. Only a valid
// newer version lifts what holds: to lose, delete, break or roll back the document
// lifts nothing. One that is back after another store's was read is vouched for,
// and does not lift what that one stopped.
func nextControl(prev *edition[control], d *store.Document, braked time.Time) *edition[control] {
	switch {
	case d == nil && prev != nil && !prev.vouched:
		return withoutForeign(prev, braked)
	case d == nil || d.Withdrawn:
		return prev.withoutControl(d)
	}
	next := controls.advance(prev, d)
	if prev == nil || prev.best() == nil || same(&prev.seen, d) {
		return next
	}
	held := prev.best()
	switch {
	case next.counts == nil && next.read == nil:
		next.read = held
	case next.counts == nil:
		next.read = joinControls(held, next.read, nil)
	case !next.aging && next.counts.created.Before(held.created):
		next.counts = joinControls(held, next.counts, nil)
		if prev.seen.Doubt != store.Unvouched {
			next.confirmed, next.aging = prev.confirmed, true
		}
		next.faults = wholly(fmt.Sprintf("goes back in time, a version of %s was read before: write it anew to lift a stop", stamp(held.created)))
	}
	return next
}

// What is written where a version cannot be brought back.
const (
	controlAnew = "write all that is to be stopped, {} for no stop"
	configAnew  = `write {"schema": 1}, with the store_id and the generation that it had`
)

// withoutControl is withoutDocument for a control document, whose deletion the
// store vouches for. One that was deleted before it was ever read may have held
// a stop: what it was is not known.
func (e *edition[T]) withoutControl(d *store.Document) *edition[T] {
	unread := e == nil || e.best() == nil
	if e == nil && d != nil {
		e = &edition[T]{}
	}
	next := e.withoutDocument(d, controlAnew)
	if next == nil || d == nil {
		return next
	}
	next.confirmed = d.Confirmed
	next.vouched = next.vouched || d.Doubt != store.Unvouched
	if unread {
		next.faults = wholly("was deleted before it could be read, and may have held a stop: " + d.Remedy(controlAnew))
	}
	return next
}

// withoutForeign returns what is left of e, of which no version is of the store
// that is meant: that one has no control document, for which it vouches at the
// instant at. Nothing is lost, and nothing lifts what the other one stops.
func withoutForeign(e *edition[control], at time.Time) *edition[control] {
	held := e.best()
	if held == nil || len(held.brakes.Stops) == 0 && held.brakes.Freeze.IsZero() {
		return nil
	}
	next := *e
	next.seen = store.Document{Path: e.seen.Path, Version: e.seen.Version}
	next.confirmed = at
	next.faults = wholly("was of a store that is refused, and what it stops goes on to be stopped, though this store has no control document: " + controlAnew)
	return &next
}

// nextConfig returns the edition of the config document d, nil if there never
// was one. Without it nothing is confirmed any more.
func nextConfig(prev *edition[config], d *store.Document) *edition[config] {
	if d == nil || d.Withdrawn {
		return prev.withoutDocument(d, configAnew)
	}
	return configs.advance(prev, d)
}
