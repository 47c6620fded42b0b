package store

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// A server that wakes up for one request at a time spends more on that than on
// the requests.
func TestRequestsThatWaitBeginTogether(t *testing.T) {
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	due := map[time.Time]int{}
	p := pace{limiter: newLimiter(fullPace), now: func() time.Time { return start }}
	p.sleep = func(_ context.Context, d time.Duration) error {
		due[start.Add(d)]++
		return nil
	}
	for range fullPace {
		check(t, p.wait(t.Context()))
	}
	for at, n := range due {
		if late := at.Sub(start) - time.Second; n > fullPace/5 || late > 0 {
			t.Errorf("After %v %d requests begin", at.Sub(start), n)
		}
	}
	if len(due) > 5 {
		t.Errorf("In a second it wakes up %d times", len(due))
	}
}

// A store that asks for fewer requests is not sent many in one go.
func TestFewRequestsBeginTogetherWhereFewMay(t *testing.T) {
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	p := pace{limiter: newLimiter(fullPace), now: func() time.Time { return start }}
	for range 20 {
		p.halve()
	}
	at := map[time.Duration]int{}
	p.sleep = func(_ context.Context, d time.Duration) error {
		at[d]++
		return nil
	}
	for range 3 * workers {
		check(t, p.wait(t.Context()))
	}
	for d, n := range at {
		if n > 1 {
			t.Errorf("After %v %d requests begin", d, n)
		}
	}
	if len(at) < 2*workers {
		t.Errorf("Only %d of %d requests wait", len(at), 3*workers)
	}
}

// Requests are answered at once, and each of them gives something back.
func TestEachAnswerLetsThePaceGrow(t *testing.T) {
	p := pace{limiter: newLimiter(leastPace), now: time.Now}
	const each = 20
	var answers sync.WaitGroup
	for range workers {
		answers.Go(func() {
			for range each {
				p.grow()
			}
		})
	}
	answers.Wait()
	if got := p.limiter.Limit(); got != leastPace+workers*each*paceStep {
		t.Errorf("After %d answers the pace is %v", workers*each, got)
	}
}

// To connect anew costs more than a request, over TLS above all.
func TestConnectionsAreKept(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	for i := range 100 {
		f.put(t, fmt.Sprintf("accounts/web/letsencrypt/n%d", i), `{}`)
	}
	r := watch(t, f.source(t), nil)
	var mu sync.Mutex
	connections := map[string]bool{}
	f.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		connections[req.RemoteAddr] = true
		return false
	})
	for range 3 {
		r.scan(t)
	}
	if len(connections) > workers {
		t.Errorf("In three scans it has connected %d times", len(connections))
	}
}
