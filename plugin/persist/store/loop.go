package store

import (
	"context"
	"errors"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/pause"
)

// maxWait is how long after a scan that failed the next one begins at the
// latest, so that a store that is back is heard within ten seconds; it costs
// that store two requests each time. maxRetryAfter is how long a store may ask us
// to stay away, and maxBlind for how long the brakes are not looked at meanwhile.
const (
	maxWait       = 8 * time.Second
	maxRetryAfter = 5 * time.Minute
	maxBlind      = time.Minute
)

// loop is when to scan and when to poll.
type loop struct {
	*Watcher
	scanDue, pollDue time.Time
	quiet            time.Time     // until then the store wants to be left alone
	wait             pause.Growing // after scans that failed
}

// Run keeps the snapshot up to date until ctx ends. Nothing else ends it: no
// answer of a store is final.
func (w *Watcher) Run(ctx context.Context) {
	l := loop{Watcher: w}
	for ctx.Err() == nil {
		_ = w.sleep(ctx, l.try(ctx)) // it fails only when ctx ends
	}
}

// try is step, whatever happens in it.
func (l *loop) try(ctx context.Context) (wait time.Duration) {
	err := survive(func() error {
		wait = l.step(ctx)
		return nil
	})
	if err == nil {
		return wait
	}
	_ = survive(func() error {
		l.options.Observer.Warning(err.Error())
		return nil
	})
	return l.wait.Next(maxWait)
}

// step does what is due and returns for how long nothing will be.
func (l *loop) step(ctx context.Context) time.Duration {
	now := l.options.Clock.Now()
	switch {
	case !now.Before(l.scanDue):
		l.plan(l.Scan(ctx))
	case now.Before(l.pollDue):
	case now.Before(l.quiet):
		l.look(ctx)
		l.pollDue = l.blind()
	default:
		l.poll(ctx)
	}
	due := l.scanDue
	if l.pollDue.Before(due) {
		due = l.pollDue
	}
	return max(0, due.Sub(l.options.Clock.Now()))
}

// plan sets when to scan next, after a scan that returned err. A scan that went
// through, though not everything could be listed, is not repeated sooner.
// While scans fail there are no polls: what is first read by a scan is the
// control document too.
func (l *loop) plan(err error) {
	now := l.options.Clock.Now()
	if err == nil || errors.Is(err, errIncomplete) {
		l.wait.Reset()
		l.scanDue = now.Add(pause.Spread(l.options.Refresh))
		l.pollDue = now.Add(l.options.Index)
	} else {
		l.scanDue = now.Add(l.wait.Next(maxWait))
		l.pollDue = l.scanDue.Add(l.options.Index)
	}
	l.heed(err)
}

// heed leaves the store alone for as long as err says, but for the brakes.
func (l *loop) heed(err error) {
	l.quiet = l.options.Clock.Now().Add(retryAfter(err))
	if l.scanDue.Before(l.quiet) {
		l.scanDue = l.quiet
	}
	if l.pollDue.Before(l.quiet) {
		l.pollDue = l.quiet
	}
	if blind := l.blind(); blind.Before(l.pollDue) {
		l.pollDue = blind
	}
}

// blind is when the brakes must be looked at again at the latest.
func (l *loop) blind() time.Time { return l.options.Clock.Now().Add(max(maxBlind, l.options.Index)) }

// poll polls, and plans anew if that led to a scan.
func (l *loop) poll(ctx context.Context) {
	before := l.lastScan()
	err := l.Poll(ctx)
	if !l.lastScan().Equal(before) {
		l.plan(err)
		return
	}
	l.pollDue = l.options.Clock.Now().Add(l.options.Index)
	l.heed(err)
}

func (w *Watcher) lastScan() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.scanned
}

// retryAfter is how long the store wants to be left alone.
func retryAfter(err error) time.Duration {
	if t, ok := errors.AsType[*ThrottledError](err); ok {
		return min(t.RetryAfter, maxRetryAfter)
	}
	return 0
}
