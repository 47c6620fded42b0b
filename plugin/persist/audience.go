package persist

import (
	"maps"
	"slices"
	"sync"
)

// audience is the handlers to be told when what they serve from has changed.
type audience struct {
	mu       sync.Mutex
	handlers map[*Persist]bool // guarded by mu
}

// add has p told from now on, until the returned function is called.
func (a *audience) add(p *Persist) (leave func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.handlers == nil {
		a.handlers = map[*Persist]bool{}
	}
	a.handlers[p] = true
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.handlers, p)
	}
}

// origins returns the zones of all handlers.
func (a *audience) origins() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for p := range a.handlers {
		all = append(all, p.origins...)
	}
	return all
}

// tell has every handler take over what is new.
func (a *audience) tell() {
	a.mu.Lock()
	handlers := slices.Collect(maps.Keys(a.handlers))
	a.mu.Unlock()
	for _, p := range handlers {
		p.update()
	}
}
