package token

import (
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/pause"
)

// Grant is a token as Vault has just given or renewed it.
type Grant struct {
	Token     string
	TTL       time.Duration // how long it is valid from now on; 0: without end
	Renewable bool
	Revocable bool // batch tokens are not
}

// lease is a grant and the times of its life.
type lease struct {
	Grant
	life     time.Duration // the TTL at the login
	obtained time.Time     // when the login began
	due      time.Time     // when to do something about it; zero: never
	expires  time.Time     // zero: never
	poor     bool          // not allowed something, and to be replaced
}

// newLease is the lease of a login that began at the instant at.
func newLease(g Grant, at time.Time) *lease {
	l := &lease{Grant: g, life: g.TTL, obtained: at}
	l.live(at)
	return l
}

// renewed is the lease with the life of g, which was asked for at the instant
// at. It is nil where that is less than half of the life before: the token is
// near its greatest age.
func (l *lease) renewed(g Grant, at time.Time) *lease {
	if g.TTL > 0 && g.TTL < l.life/2 {
		return nil
	}
	next := *l
	next.TTL, next.Renewable = g.TTL, g.Renewable
	next.live(at)
	return &next
}

// live sets the times of a life that begins at the instant at. It is due between
// half and two thirds of it: late enough to ask seldom, with time enough for
// many failures.
func (l *lease) live(at time.Time) {
	l.due, l.expires = time.Time{}, time.Time{}
	if l.TTL > 0 {
		l.due, l.expires = at.Add(pause.Between(l.TTL/2, l.TTL*2/3)), at.Add(l.TTL)
	}
}

func (l *lease) isDue(now time.Time) bool {
	return l.poor || !l.due.IsZero() && !now.Before(l.due)
}

// isOver reports whether there is nothing to be sent: no lease is over too.
func (l *lease) isOver(now time.Time) bool {
	return l == nil || !l.expires.IsZero() && !now.Before(l.expires)
}
