package store_test

import (
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store"
)

// machine has a clock that can be set, and a time that goes on.
type machine struct {
	wall    time.Time
	elapsed time.Duration
}

func (m *machine) read() (time.Time, time.Duration) { return m.wall, m.elapsed }

func (m *machine) pass(d time.Duration) {
	m.wall, m.elapsed = m.wall.Add(d), m.elapsed+d
}

func TestAClockThatIsSet(t *testing.T) {
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for _, tt := range []struct {
		what    string
		wrong   time.Duration // of the clock at the start
		set     time.Duration
		store   time.Duration // how wrong the store's clock is
		before  time.Duration // how wrong it goes on until the store is heard
		after   time.Duration // and then
		noClock bool          // whether the store has none
	}{
		{what: "back by mistake", set: -day, before: 0, after: 0},
		{what: "forth by mistake", set: day, before: 0, after: 0},
		{what: "right, after it was behind", wrong: -day, set: day, before: -day, after: 0},
		{what: "right, after it was ahead", wrong: day, set: -day, before: day, after: 0},
		{what: "back, and the store's is wrong like neither", set: -day, store: -2 * day, before: 0, after: -day},
		{what: "back, and the store's with it", set: -day, store: -day, before: 0, after: -day},
		{what: "back, and the store has no clock", set: -day, before: 0, after: -day, noClock: true},
		{what: "a little", set: -5 * time.Minute, before: -5 * time.Minute, after: -5 * time.Minute},
	} {
		t.Run(tt.what, func(t *testing.T) {
			m := &machine{wall: begin.Add(tt.wrong)}
			c := store.NewClock(m.read)
			hear := func() {
				if tt.noClock {
					c.Hear(time.Time{})
				} else {
					c.Hear(begin.Add(m.elapsed + tt.store))
				}
			}
			hear()
			m.pass(time.Hour)
			m.wall = m.wall.Add(tt.set)
			m.pass(time.Hour)
			expect(t, "before the store is heard", c, begin.Add(m.elapsed+tt.before))
			hear()
			m.pass(time.Hour)
			expect(t, "after it", c, begin.Add(m.elapsed+tt.after))
		})
	}
}

func expect(t *testing.T, when string, c *store.Clock, want time.Time) {
	t.Helper()
	if got := c.Now(); !got.Equal(want) {
		t.Errorf("%s: the clock says %v, want %v", when, got, want)
	}
}

// A clock that is slewed by a little for long is not one that was set.
func TestAClockThatRunsUnevenly(t *testing.T) {
	m := &machine{wall: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	c := store.NewClock(m.read)
	for range 100 {
		m.pass(time.Hour)
		m.wall = m.wall.Add(time.Minute)
		c.Hear(m.wall)
	}
	expect(t, "after days", c, m.wall)
}
