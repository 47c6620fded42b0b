package zone

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// term is one grant's time at an instant: whether it is served, and up to when
// the CA may rely on it.
type term struct {
	until  time.Time // persistUntil; zero: the record carries none
	served bool
	stale  bool      // the store has not vouched for the grant recently enough
	held   bool      // rotation stands still until the store vouches again
	ends   time.Time // the first instant at which anything above may differ
}

// term applies the rules of time to g. Rotation runs on the clock but never
// past the instant up to which the store vouches for the grant, so when the
// store falls silent the CAs stop accepting by themselves.
func (z *Zone) term(b *policy.Book, g *policy.Grant, at time.Time) term {
	confirmed := b.Confirmed(g)
	staleAt := confirmed.Add(z.staleAfter(g))
	if !at.Before(staleAt) {
		return term{stale: true, held: true, ends: at}
	}
	t := term{ends: staleAt}
	if g.Withheld != "" {
		return t
	}
	z.rotate(&t, g.Until, at, confirmed.Add(z.grace))
	z.freeze(&t, g.Until, b.Freeze())
	t.bound(at, g.NotBefore, time.Duration(z.ttl)*time.Second+Skew)
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
func (z *Zone) rotate(t *term, u policy.Until, at, horizon time.Time) {
	switch u.Mode {
	case policy.Fixed:
		t.until = u.At
	case policy.Rolling:
		t.held = horizon.Before(at)
		t.until = z.Rotate(earlier(at, horizon), u.Floor, u.Step)
		if !t.held {
			t.ends = earlier(t.ends, t.until.Add(1-u.Floor))
		}
	}
}

// freeze caps persistUntil, absent ones included, at what rotation had reached
// at the instant of the freeze.
func (z *Zone) freeze(t *term, u policy.Until, at time.Time) {
	if at.IsZero() {
		return
	}
	if last := z.Rotate(at, u.Floor, u.Step); t.until.IsZero() || last.Before(t.until) {
		t.until = last
	}
}

// bound serves the record from notBefore until the margin before persistUntil:
// no cached copy may outlive what it promises.
func (t *term) bound(at, notBefore time.Time, margin time.Duration) {
	if at.Before(notBefore) {
		t.ends = earlier(t.ends, notBefore)
		return
	}
	if t.until.IsZero() {
		t.served = true
		return
	}
	leaves := t.until.Add(-margin)
	if t.served = at.Before(leaves); t.served {
		t.ends = earlier(t.ends, leaves)
	}
}

// Rotate returns the persistUntil that rotation has reached at t. It is that of
// [Rotate], but in a chained zone counted from an instant that depends on the
// origin, so that not every zone has a new version at the same second.
func (z *Zone) Rotate(t time.Time, floor, step time.Duration) time.Time {
	if !z.Chained {
		return Rotate(t, floor, step)
	}
	phase := phase(z.Origin, step)
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
