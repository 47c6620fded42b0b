// Package pause is for how long to wait before something is tried again.
package pause

import (
	"math/rand/v2"
	"time"
)

// Between is a random duration from least to most, so that servers which start
// together do not go on asking together.
func Between(least, most time.Duration) time.Duration {
	return least + time.Duration(rand.Int64N(int64(most-least)+1)) // #nosec G404 -- guards nothing
}

// Spread is d, or up to a tenth less.
func Spread(d time.Duration) time.Duration { return Between(d-d/10, d) }

// Growing is a pause that grows with every failure in a row. Its zero value is
// one before the first.
type Growing struct{ failures int }

// Next is how long to wait after one more failure: 1 s, twice as long each
// time, at most most, and spread.
func (g *Growing) Next(most time.Duration) time.Duration {
	g.failures++
	return Spread(min(time.Second<<min(g.failures-1, 30), most))
}

// Reset ends the row of failures.
func (g *Growing) Reset() { g.failures = 0 }
