package answer

import (
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// allowance is a rate of signatures, with the proofs that are being made at its
// expense: who waits for one pays nothing.
//
// It is no rate.Limiter, which grants the time between two instants twice when
// they come in the wrong order. Under load queries do overtake each other
// between the clock and here, and would get far more than the rate.
type allowance struct {
	flight singleflight.Group
	rate   float64 // signatures per second
	most   float64 // saved up

	mu   sync.Mutex // guards what follows
	left float64
	at   time.Time // the latest instant up to which left was saved
}

// newAllowance allows bursts of one second's worth, and of two at least: so
// many signatures may one denial need.
func newAllowance(perSecond float64) *allowance {
	most := max(perSecond, 2)
	return &allowance{rate: perSecond, most: most, left: most}
}

// spent reports whether not even one signature is left.
func (w *allowance) spent(at time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.save(at)
	return w.left < 1
}

// take takes n signatures, if there are as many.
func (w *allowance) take(n int, at time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.save(at)
	return w.give(n)
}

// draw takes n signatures of what was saved by others, if there are as many.
func (w *allowance) draw(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.give(n)
}

// give takes n signatures, if there are as many; mu is held.
func (w *allowance) give(n int) bool {
	if w.left < float64(n) {
		return false
	}
	w.left -= float64(n)
	return true
}

// save adds what has been saved up to the instant at. A little before the
// latest one it is a query that was overtaken, far before it the clock was set
// back.
func (w *allowance) save(at time.Time) {
	passed := at.Sub(w.at)
	if passed > 0 {
		w.left = min(w.left+passed.Seconds()*w.rate, w.most)
	}
	if passed > 0 || passed < -time.Minute {
		w.at = at
	}
}
