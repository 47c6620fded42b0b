package persist

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

const (
	heralds = 8 // rounds of NOTIFY at once
	// pointless is when a NOTIFY has waited for so long that secondaries have
	// looked by themselves: the SOA REFRESH of a cut that is transferred.
	pointless = 15 * time.Minute
)

// herald sends NOTIFY messages (RFC 1996) for cuts whose grants have changed, one
// for all changes while it waits for its turn. A secondary that does not answer
// delays others, and at last has those left out that it would be too late for.
type herald struct {
	send func(origin string) error
	now  func() time.Time
	due  chan struct{} // filled when somebody waits

	mu      sync.Mutex
	waiting map[string]time.Time // since when, by origin; guarded by mu
}

// keepNotifying starts to send, until the returned function is called.
func (p *Persist) keepNotifying() (stop func()) {
	p.herald = &herald{
		send:    func(origin string) error { return p.transfer.Notify(origin) },
		now:     p.now,
		due:     make(chan struct{}, 1),
		waiting: map[string]time.Time{},
	}
	ctx, cancel := context.WithCancel(context.Background())
	for range heralds {
		go p.herald.run(ctx)
	}
	return cancel
}

// changed has secondaries told of the cuts whose grants differ between the book
// that p serves from so far and the next. Nobody has one that was never asked for.
func (h *herald) changed(p *Persist, next *policy.Book) {
	if h == nil || p.transfer == nil {
		return
	}
	for _, grants := range []iter.Seq[*policy.Grant]{next.Gone(p.served), p.served.Gone(next)} {
		for g := range grants {
			if a := p.holder(g.FQDN); a != nil && next.Lookup(g.FQDN) != nil && a.WasAskedFor(g.FQDN) {
				h.tell(g.FQDN)
			}
		}
	}
}

// tell has a NOTIFY sent for the cut of fqdn, unless one waits already.
func (h *herald) tell(fqdn record.FQDN) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.waiting[fqdn.Owner()]; !ok {
		h.waiting[fqdn.Owner()] = h.now()
	}
	h.wake()
}

func (h *herald) wake() {
	select {
	case h.due <- struct{}{}:
	default:
	}
}

func (h *herald) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.due:
		}
		for origin, ok := h.take(); ok && ctx.Err() == nil; origin, ok = h.take() {
			if err := h.send(origin); err != nil {
				log.Warningf("%s: %v", origin, err)
			}
		}
	}
}

// take returns a cut for which a NOTIFY is due, and false where there is none. It
// wakes another one where there are more.
func (h *herald) take() (origin string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for origin, since := range h.waiting {
		delete(h.waiting, origin)
		if h.now().Sub(since) < pointless {
			if len(h.waiting) > 0 {
				h.wake()
			}
			return origin, true
		}
	}
	return "", false
}
