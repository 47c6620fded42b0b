package store

import "time"

// begun is when the last requests began, or will, as many as there may be in a second.
type begun struct {
	at    [fullPace]time.Time
	next  int       // in at
	first time.Time // of all, from which on requests that wait begin together
	asked time.Time // when that was last
}

// earliest is the first instant, a delay after now at the least, at which another
// request leaves no second with more than limit, 1 to fullPace. A limiter alone
// would let those that it has saved up begin besides.
func (b *begun) earliest(now time.Time, delay time.Duration, limit int) time.Time {
	if b.first.IsZero() || now.Before(b.asked) { // or the clock was set back
		*b = begun{first: now}
	}
	b.asked = now
	due := now.Add(delay)
	if free := b.at[(b.next+fullPace-limit)%fullPace].Add(time.Second); due.Before(free) {
		due = free
	}
	if !due.After(now) {
		return due
	}
	return b.first.Add((due.Sub(b.first) + breath - 1).Truncate(breath))
}

func (b *begun) add(due time.Time) {
	b.at[b.next] = due
	b.next = (b.next + 1) % fullPace
}
