package store

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits of what a scan asks of the store.
const (
	workers   = 8    // requests at once
	fullPace  = 200  // requests a second
	leastPace = 5    // few enough for any quota, and enough to read what matters in seconds
	paceStep  = 1    // what each request that was answered gives back of a halved pace
	paceRise  = 1.25 // how much faster a scan may be than the one before where that went through
	telling   = 16   // answers it takes for one that asks for fewer requests to tell of the pace
)

// breath is how long requests wait for each other, so that what may begin in that
// time begins in one go: to wake up for each of them costs more than the request.
const breath = time.Second / 5

// pace spaces requests. It is halved when the store asks for fewer and grows
// again with what the store answers, so that one that has few documents is soon
// read again. Where it was the pace that was too much, it grows no further before
// a scan has gone through: one of many documents would meet a quota each time.
type pace struct {
	limiter *rate.Limiter
	now     func() time.Time
	sleep   func(ctx context.Context, d time.Duration) error

	adjust   sync.Mutex // held while the limit is read and set, and guards what follows
	most     rate.Limit // to which it grows
	answered int        // requests since the store has asked for fewer
	begun               // the last requests
}

// wait returns when the next request may begin.
func (p *pace) wait(ctx context.Context) error {
	if d := p.delay(); d > 0 {
		return p.sleep(ctx, d)
	}
	return ctx.Err()
}

// delay takes note of a request, and returns how long it is to wait.
func (p *pace) delay() time.Duration {
	p.adjust.Lock()
	defer p.adjust.Unlock()
	limit := p.limiter.Limit()
	if limit == rate.Inf {
		return 0
	}
	now := p.now()
	due := p.earliest(now, p.limiter.ReserveN(now, 1).DelayFrom(now), int(limit))
	p.add(due)
	return due.Sub(now)
}

// halve is for a store that asks for fewer requests.
func (p *pace) halve() {
	p.adjust.Lock()
	defer p.adjust.Unlock()
	limit := max(p.limiter.Limit()/2, leastPace)
	if p.answered > telling {
		p.most = limit
	}
	p.answered = 0
	p.set(limit)
}

// grow is for a request that was answered.
func (p *pace) grow() {
	p.adjust.Lock()
	defer p.adjust.Unlock()
	p.answered++
	p.set(min(p.limiter.Limit()+paceStep, p.most))
}

// rise is for a scan that went through.
func (p *pace) rise() {
	p.adjust.Lock()
	defer p.adjust.Unlock()
	p.most = min(p.most*paceRise, fullPace)
}

// set makes another limit of the one there is, where there is one.
func (p *pace) set(limit rate.Limit) {
	if before := p.limiter.Limit(); limit != before && before != rate.Inf {
		now := p.now()
		p.limiter.SetLimitAt(now, limit)
		p.limiter.SetBurstAt(now, burst(limit))
	}
}

// newLimiter allows so many requests a second.
func newLimiter(limit rate.Limit) *rate.Limiter { return rate.NewLimiter(limit, burst(limit)) }

// burst is how many requests may begin in one go.
func burst(limit rate.Limit) int { return int(math.Ceil(float64(limit) * breath.Seconds())) }

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
