package persist

import (
	"context"
	"sync"
	"time"
)

// renewal has every version of a chained zone made when it is due, so that no
// query waits for it, and tells secondaries of it.
type renewal struct {
	due     chan struct{}        // filled when there may be a new version; nil without chained zones
	serials map[string]uint32    // of the newest versions, by origin; owned by the goroutine
	notify  map[string]*notifier // by origin
}

// wake has versions looked after that may be new.
func (r *renewal) wake() {
	select {
	case r.due <- struct{}{}:
	default: // nobody does it, or it is about to be done
	}
}

// keepRenewed starts to make versions, until the returned function is called.
func (p *Persist) keepRenewed() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	p.renewal = renewal{due: make(chan struct{}, 1), serials: map[string]uint32{}, notify: map[string]*notifier{}}
	for _, origin := range p.origins {
		p.renewal.notify[origin] = &notifier{send: func() error { return p.transfer.Notify(origin) }}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			wait := p.renew()
			select {
			case <-ctx.Done():
				return
			case <-p.renewal.due:
			case <-time.After(wait):
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// renew makes the versions that are due, and returns how long there is nothing
// to do.
func (p *Persist) renew() (wait time.Duration) {
	wait = time.Hour
	for origin, a := range p.authorities {
		now := p.now()
		serial, due, err := a.Renew(now)
		wait = min(wait, max(due.Sub(now), time.Second))
		if err != nil && a.Ready() {
			p.failures.Do(func() { log.Errorf("zone %s: no new version: %v", origin, err) })
		}
		if err != nil || serial == p.renewal.serials[origin] {
			continue
		}
		p.renewal.serials[origin] = serial
		p.renewal.notify[origin].tell(origin)
	}
	return wait
}

// notifier sends NOTIFY messages for one zone (RFC 1996), one round at a time.
// Versions that are made while a round runs are told of by one more.
type notifier struct {
	send func() error

	mu      sync.Mutex
	running bool // guarded by mu
	again   bool // guarded by mu
}

// tell starts a round, or has the one that runs followed by another.
func (n *notifier) tell(origin string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.again = n.running; n.again {
		return
	}
	n.running = true
	go func() {
		for more := true; more; more = n.next() {
			if err := n.send(); err != nil {
				log.Warningf("%s: %v", origin, err)
			}
		}
	}()
}

// next reports whether another round is due.
func (n *notifier) next() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running, n.again = n.again, false
	return n.running
}
