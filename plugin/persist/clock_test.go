package persist

import (
	"sync/atomic"
	"time"
)

// manualClock is a clock that stands still until it is set.
type manualClock struct{ at atomic.Int64 }

func (c *manualClock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *manualClock) set(at time.Time)        { c.at.Store(at.UnixNano()) }
func (c *manualClock) advance(d time.Duration) { c.at.Add(int64(d)) }
