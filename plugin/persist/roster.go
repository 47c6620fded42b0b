package persist

import (
	"maps"
	"slices"
	"sync"
)

// running are the handlers of this process between OnStartup and OnShutdown.
var running roster

// roster holds handlers in the order they were started.
//
// An instance that fails to start never sees OnShutdown, so what its handlers
// hold is given back when the old instance hears of the failure: they are those
// that were started since it was asked to restart. Where the old instance has
// no persist stanza nobody hears of it, and they end with the process.
type roster struct {
	mu       sync.Mutex
	handlers map[*Persist]int // when each was started; guarded by mu
	serial   int              // of the last one; guarded by mu
	mark     int              // serial when a restart began; guarded by mu
	failed   bool             // the last restart did; guarded by mu
}

func (r *roster) join(p *Persist) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.handlers == nil {
		r.handlers = map[*Persist]int{}
	}
	r.serial++
	r.handlers[p] = r.serial
}

func (r *roster) leave(p *Persist) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.handlers, p)
}

// all returns the handlers that run.
func (r *roster) all() []*Persist {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.handlers))
}

// restarting notes that handlers from now on belong to the new instance.
func (r *roster) restarting() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mark, r.failed = r.serial, false
	return nil
}

// restartFailed stops the handlers of the instance that did not start.
func (r *roster) restartFailed() error {
	r.mu.Lock()
	r.failed = true
	failed := maps.Clone(r.handlers)
	maps.DeleteFunc(failed, func(_ *Persist, started int) bool { return started <= r.mark })
	r.mu.Unlock()
	for p := range failed {
		if err := p.stop(); err != nil {
			return err
		}
	}
	return nil
}
