package store

import (
	"sync/atomic"
	"time"
)

// clockSkew is how far two clocks may be apart and both be taken for right.
const clockSkew = 5 * time.Minute

// Clock is the clock of this server, held against that of the store. Where it
// is set while the server runs, by more than five minutes, it goes on as if it
// had not been, by what has passed since, until the store has said which of the
// two is right: a clock that is set back by mistake would have records and
// signatures served that ended long ago. A store without a clock has it taken
// for right at the next scan.
type Clock struct {
	read func() (wall time.Time, elapsed time.Duration)
	base atomic.Pointer[moment]
}

// moment is what the clock said, and for how long the server had been running,
// when the two were last taken for right.
type moment struct {
	wall    time.Time
	elapsed time.Duration
}

// NewClock returns a clock that goes by read: the time of the day, and the time
// since some fixed instant, which goes on evenly however the former is set.
func NewClock(read func() (wall time.Time, elapsed time.Duration)) *Clock {
	c := &Clock{read: read}
	wall, elapsed := read()
	c.base.Store(&moment{wall, elapsed})
	return c
}

// Now is the time of the day.
func (c *Clock) Now() time.Time {
	wall, elapsed := c.read()
	if kept := c.base.Load().after(elapsed); !near(wall, kept) {
		return kept
	}
	return wall
}

// after is what the clock says if it was not set since m.
func (m *moment) after(elapsed time.Duration) time.Time { return m.wall.Add(elapsed - m.elapsed) }

// Hear takes note that the store has just said date, zero if it has no clock.
func (c *Clock) Hear(date time.Time) {
	wall, elapsed := c.read()
	kept := c.base.Load().after(elapsed)
	if near(wall, kept) || near(wall, date) || !near(kept, date) {
		c.base.Store(&moment{wall, elapsed})
	}
}

// near compares what clocks say: two times of this one may have been read at
// the same moment.
func near(a, b time.Time) bool { return a.Round(0).Sub(b.Round(0)).Abs() <= clockSkew }

var began = time.Now()

// systemClock is that of the machine, with the time since the process began.
func systemClock() (wall time.Time, elapsed time.Duration) {
	now := time.Now()
	return now, now.Sub(began)
}
