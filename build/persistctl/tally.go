package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// tallyEvery is how often people are told how far a command has come.
const tallyEvery = 5 * time.Second

// tally tells people how far a command has come that asks many servers. A nil one
// tells nobody.
type tally struct {
	to  io.Writer
	now func() time.Time

	mu   sync.Mutex
	last time.Time // when it told, or the first was asked
}

func newTally(to io.Writer, now func() time.Time) *tally { return &tally{to: to, now: now} }

// begin returns what is to be called when one of a number has been asked.
func (t *tally) begin(whom string, all int) (one func()) {
	if t == nil {
		return func() {}
	}
	t.last = t.now()
	done := 0
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		done++
		if now := t.now(); now.Sub(t.last) >= tallyEvery {
			t.last = now
			fmt.Fprintf(t.to, "asked the %s of %d of %s\n", whom, done, counted(all, "cut"))
		}
	}
}
