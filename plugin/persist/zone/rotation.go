package zone

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// Term is the time of grants at an instant: whether they are served, and up to
// when the CA may rely on it.
type Term struct {
	Until  time.Time // persistUntil; zero: the record carries none
	Served bool
	Stale  bool      // the store has not vouched for the grant recently enough
	Held   bool      // this holds only as long as the book does, because rotation waits for the store
	Ends   time.Time // the first instant at which anything above may differ, or which records there are
}

// Term applies the rules of time to g, which is of the book b, at the instant at
// of its clock. Rotation runs on the clock but never
// past the instant up to which the store vouches for the grant, so when the
// store falls silent the CAs stop accepting by themselves.
func (z *Zone) Term(b *policy.Book, g *policy.Grant, at time.Time) Term {
	return z.term(b, g, at, b.Confirmed(g))
}

// term is Term for a grant that was confirmed at an instant.
func (z *Zone) term(b *policy.Book, g *policy.Grant, at, confirmed time.Time) Term {
	staleAt := confirmed.Add(z.staleAfter(g))
	if !at.Before(staleAt) {
		return Term{Stale: true, Held: true, Ends: at}
	}
	t := Term{Ends: staleAt}
	if g.Withheld != "" {
		return t
	}
	z.rotate(&t, g.Until, at, confirmed.Add(z.grace))
	z.freeze(&t, g.Until, b.Freeze())
	t.bound(at, g.NotBefore, time.Duration(z.ttl)*time.Second+Skew)
	if changes := g.Changes(at); !changes.IsZero() {
		t.Ends = earlier(t.Ends, changes)
	}
	return t
}

// staleAfter is how long after its confirmation g is served: at most max_stale,
// and for a rolling grant no longer than its last persistUntil lets it stay.
func (z *Zone) staleAfter(g *policy.Grant) time.Duration {
	if g.Until.Mode != policy.Rolling {
		return z.maxStale
	}
	return min(z.maxStale, g.Until.Floor+z.grace-time.Duration(z.ttl)*time.Second-Skew)
}

// rotate sets persistUntil before any freeze. horizon is the end of the store's
// word.
func (z *Zone) rotate(t *Term, u policy.Until, at, horizon time.Time) {
	switch u.Mode {
	case policy.Fixed:
		t.Until = u.At
	case policy.Rolling:
		t.Held = horizon.Before(at)
		t.Until = z.Rotate(earlier(at, horizon), u.Floor, u.Step)
		if !t.Held {
			t.Ends = earlier(t.Ends, t.Until.Add(1-u.Floor))
		}
	}
}

// freeze caps persistUntil, absent ones included, at what rotation had reached
// at the instant of the freeze.
func (z *Zone) freeze(t *Term, u policy.Until, at time.Time) {
	if at.IsZero() {
		return
	}
	if last := z.Rotate(at, u.Floor, u.Step); t.Until.IsZero() || last.Before(t.Until) {
		t.Until = last
	}
}

// bound serves the record from notBefore until the margin before persistUntil:
// no cached copy may outlive what it promises.
func (t *Term) bound(at, notBefore time.Time, margin time.Duration) {
	if at.Before(notBefore) {
		t.Ends = earlier(t.Ends, notBefore)
		return
	}
	if t.Until.IsZero() {
		t.Served = true
		return
	}
	leaves := t.Until.Add(-margin)
	if t.Served = at.Before(leaves); t.Served {
		t.Ends = earlier(t.Ends, leaves)
	}
}

// Rotate returns the persistUntil that rotation has reached at t. It is that of
// [Rotate], but in a chained zone counted from an instant that depends on the
// origin, so that not every zone has a new version at the same second. Cuts
// rotate together, by the origin that they are below.
func (z *Zone) Rotate(t time.Time, floor, step time.Duration) time.Time {
	if !z.Chained {
		return Rotate(t, floor, step)
	}
	phase := phase(z.phased, step)
	return Rotate(t.Add(-phase), floor, step).Add(phase)
}

// phase is an even hash of origin in whole seconds below step.
func phase(origin string, step time.Duration) time.Duration {
	sum := sha256.Sum256([]byte(origin))
	return time.Duration(binary.BigEndian.Uint64(sum[:])%uint64(step/time.Second)) * time.Second // #nosec G115 -- steps are positive, and less than years
}

// Rotate returns T(t) = ceil((t + floor) / step) · step, counted from the Unix
// epoch: what is left at t is always in [floor, floor+step), and every server
// knows the value in advance. floor and step are whole seconds, and step is
// positive.
func Rotate(t time.Time, floor, step time.Duration) time.Time {
	t = t.Add(floor)
	n, size := t.Unix(), int64(step/time.Second)
	if t.Nanosecond() > 0 {
		n++
	}
	if over := n % size; over > 0 {
		n += size - over
	} else {
		n -= over
	}
	return time.Unix(n, 0).UTC()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
