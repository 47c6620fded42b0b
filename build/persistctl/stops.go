package main

import (
	"fmt"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// stops warns of stops that stop nothing: whoever wrote one believes that it
// does, and a slip in a name is easily made in a hurry. A stop of everything is
// no slip.
func (l *linter) stops() {
	inForce := map[string]bool{}
	for g := range l.book.All() {
		inForce[g.Withheld] = true
	}
	doubtful := slices.DeleteFunc(slices.Clone(l.book.Stops()), func(s policy.Scope) bool {
		return s.String() == "all" || inForce["stopped: "+s.String()] // saves work only: idle would find out
	})
	running := withoutControl(l.snapshot)
	for _, stop := range idle(policy.Compile(nil, running, policy.Brakes{}), running, doubtful) {
		l.warn(store.ControlPath, fmt.Sprintf("stop[%q]", stop), "stops nothing that is granted: correct it if it is a slip, or leave it for what is granted later")
	}
}

// idle returns those of stops that change nothing in free, the book without
// them. It tries them together, and halves what changes something.
func idle(free *policy.Book, s *store.Snapshot, stops []policy.Scope) []policy.Scope {
	switch half := len(stops) / 2; {
	case len(stops) == 0 || len(changedBy(free, policy.Compile(free, s, policy.Brakes{Stops: stops}))) == 0:
		return stops
	case half == 0:
		return nil
	default:
		return slices.Concat(idle(free, s, stops[:half]), idle(free, s, stops[half:]))
	}
}
