package persist

import "sync"

// CoreDNS starts the instance of a new Corefile while the old one still
// serves, and stops the old one afterwards. What both need (a watched store,
// a key document) is therefore held in process-wide pools and leased, so that
// a reload goes on from what is loaded even while the store is away.
//
// An instance that fails to start never sees OnShutdown. Its leases end when
// the old instance hears of the failure: they are those taken since it was
// asked to restart.

// closer is something that stops its own goroutines.
type closer interface{ close() }

// pool holds at most one resource per key.
type pool[T closer] struct {
	mu     sync.Mutex
	held   map[string]*entry[T] // guarded by mu
	serial int                  // of the last lease; guarded by mu
	mark   int                  // serial when a restart began; guarded by mu
}

type entry[T closer] struct {
	resource T
	leases   map[int]bool // by serial
}

// acquire returns the resource of key, made by open if nobody holds it, and
// the function that gives it back. All resources held are passed to open: one
// of them may have what the new one needs.
func (p *pool[T]) acquire(key string, open func(others []T) (T, error)) (resource T, release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.held[key]
	if !ok {
		if resource, err = open(p.resources()); err != nil {
			return resource, nil, err
		}
		e = &entry[T]{resource: resource, leases: map[int]bool{}}
		if p.held == nil {
			p.held = map[string]*entry[T]{}
		}
		p.held[key] = e
	}
	p.serial++
	serial := p.serial
	e.leases[serial] = true
	return e.resource, func() { p.release(func(s int) bool { return s == serial }) }, nil
}

func (p *pool[T]) resources() []T {
	all := make([]T, 0, len(p.held))
	for _, e := range p.held {
		all = append(all, e.resource)
	}
	return all
}

// release ends the leases that match and closes what nobody holds any more.
func (p *pool[T]) release(match func(serial int) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, e := range p.held {
		for serial := range e.leases {
			if match(serial) {
				delete(e.leases, serial)
			}
		}
		if len(e.leases) == 0 {
			delete(p.held, key)
			e.resource.close()
		}
	}
}

// restarting notes that leases from now on belong to the new instance.
func (p *pool[T]) restarting() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mark = p.serial
	return nil
}

// restartFailed ends the leases of the instance that did not start.
func (p *pool[T]) restartFailed() error {
	p.mu.Lock()
	mark := p.mark
	p.mu.Unlock()
	p.release(func(serial int) bool { return serial > mark })
	return nil
}
