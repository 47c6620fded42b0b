package store

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits of what a scan asks of the store.
const (
	workers   = 8   // requests at once
	fullPace  = 200 // requests a second
	leastPace = 5   // few enough for any quota, and enough to read what matters in seconds
	paceStep  = 1   // what each request that was answered gives back of a halved pace
)

// breath is how long requests wait for each other, so that as many begin at once
// as may be under way: to wake up for each of them costs more than the request.
const breath = (workers - 1) * time.Second / fullPace

// pace spaces requests. It is halved when the store asks for fewer and grows
// again with what the store answers, so that one that has many documents is asked
// for most of them at the pace it allows, and one that has few is soon read again.
type pace struct {
	limiter *rate.Limiter
	adjust  sync.Mutex // held while the limit is read and set
	now     func() time.Time
	sleep   func(ctx context.Context, d time.Duration) error
}

// wait returns when the next request may begin.
func (p *pace) wait(ctx context.Context) error {
	now := p.now()
	if d := p.limiter.ReserveN(now, 1).DelayFrom(now); d > 0 {
		due := now.Add(d + breath - 1).Truncate(breath)
		return p.sleep(ctx, due.Sub(now))
	}
	return ctx.Err()
}

func (p *pace) halve() {
	p.adjust.Lock()
	defer p.adjust.Unlock()
	p.limiter.SetLimitAt(p.now(), max(p.limiter.Limit()/2, leastPace))
}

func (p *pace) grow() {
	p.adjust.Lock()
	defer p.adjust.Unlock()
	if p.limiter.Limit() < fullPace {
		p.limiter.SetLimitAt(p.now(), min(p.limiter.Limit()+paceStep, fullPace))
	}
}

// sleep returns after d, or with the error of ctx as soon as that ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
