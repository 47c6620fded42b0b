package persist

import "sync"

// CoreDNS starts the instance of a new Corefile while the old one still
// serves, and stops the old one afterwards. What both need (a watched store,
// a key document) is therefore held in process-wide pools and leased, so that
// a reload goes on from what is loaded even while the store is away.

// closer is something that stops its own goroutines.
type closer interface{ close() }

// pool holds at most one resource per key.
type pool[T closer] struct {
	mu   sync.Mutex
	held map[string]*entry[T] // guarded by mu
}

type entry[T closer] struct {
	resource T
	leases   int
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
		e = &entry[T]{resource: resource}
		if p.held == nil {
			p.held = map[string]*entry[T]{}
		}
		p.held[key] = e
	}
	e.leases++
	return e.resource, func() { p.release(key, e) }, nil
}

// all returns every resource that is held.
func (p *pool[T]) all() []T {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resources()
}

func (p *pool[T]) resources() []T {
	all := make([]T, 0, len(p.held))
	for _, e := range p.held {
		all = append(all, e.resource)
	}
	return all
}

// release gives back one lease, and closes what nobody holds any more.
func (p *pool[T]) release(key string, e *entry[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.leases--; e.leases == 0 {
		delete(p.held, key)
		e.resource.close()
	}
}
