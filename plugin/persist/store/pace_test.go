package store

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
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
	waiting := 0
	for at, n := range due {
		waiting += n
		if late := at.Sub(start) - time.Second; n > fullPace/5 || late > 0 {
			t.Errorf("After %v %d requests begin", at.Sub(start), n)
		}
	}
	if len(due) > 5 {
		t.Errorf("In a second it wakes up %d times", len(due))
	}
	if waiting != fullPace-fullPace/5 {
		t.Errorf("%d of %d requests wait", waiting, fullPace)
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
	if len(at) != 3*workers-1 {
		t.Errorf("%d of %d requests wait", len(at), 3*workers)
	}
}

// What was not asked for while nothing was to be read is not made up for, and a clock
// that is set back is not waited for.
func TestNoSecondHasMoreRequestsThanItMay(t *testing.T) {
	for _, limit := range []rate.Limit{fullPace, 150, 37.5, leastPace} {
		clock := &clock{t: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
		p := pace{limiter: newLimiter(limit), now: clock.now}
		p.sleep = func(_ context.Context, d time.Duration) error {
			clock.advance(d)
			return nil
		}
		for _, idle := range []time.Duration{0, 30 * time.Millisecond, time.Minute, -time.Hour} {
			clock.advance(idle)
			begin := make([]time.Time, 0, 3*fullPace)
			for range 3 * fullPace {
				check(t, p.wait(t.Context()))
				begin = append(begin, clock.now())
			}
			for i, at := range begin[int(limit):] {
				if d := at.Sub(begin[i]); d < time.Second {
					t.Fatalf("At %v a second, %v after, %d begin within %v", limit, idle, int(limit)+1, d)
				}
			}
			if took := clock.now().Sub(begin[0]).Seconds(); took > 3*fullPace/float64(int(limit))+1 {
				t.Errorf("At %v a second, %v after, it takes %v seconds", limit, idle, took)
			}
		}
	}
}

// Requests are answered at once, and each of them gives something back.
func TestEachAnswerLetsThePaceGrow(t *testing.T) {
	p := pace{limiter: newLimiter(leastPace), most: fullPace, now: time.Now}
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

// To connect anew costs more than a request, over TLS above all. A request may take a
// connection that comes free while one is made for it.
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
	if len(connections) > 2*workers {
		t.Errorf("In three scans it has connected %d times", len(connections))
	}
}

// A quota answers what is asked of it up to its rate in each second, and a store
// of many documents takes many seconds: to grow until a scan is refused would be
// never to load it.
func TestScansEndWhereAQuotaAllowsFewRequests(t *testing.T) {
	for allowed, most := range map[int]int{20: 8, 100: 8, fullPace: 1} { // most attempts until one went through
		t.Run(fmt.Sprint(allowed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := NewWatcher(&quota{rate: allowed}, Options{Refresh: time.Minute, Index: 5 * time.Second})
				failed, all := 0, 0
				for scans := 0; scans < 10; {
					if err := w.Scan(t.Context()); err != nil {
						if failed, all = failed+1, all+1; failed == most {
							t.Fatalf("After %d scans that went through none does: %v", scans, err)
						}
						time.Sleep(2 * time.Second)
						continue
					}
					failed, scans = 0, scans+1
					time.Sleep(time.Minute)
				}
				if all > most {
					t.Errorf("%d attempts were refused", all)
				}
			})
		})
	}
}

// quota is a store of a thousand accounts that answers so many requests a second,
// as a rate limit quota of Vault's.
type quota struct {
	rate   int
	mu     sync.Mutex
	second time.Time
	left   int
}

func (q *quota) String() string             { return "quota" }
func (q *quota) Date() (date, at time.Time) { return time.Time{}, time.Time{} }

func (q *quota) take() error {
	time.Sleep(time.Millisecond)
	q.mu.Lock()
	defer q.mu.Unlock()
	if second := time.Now().Truncate(time.Second); !second.Equal(q.second) {
		q.second, q.left = second, q.rate
	}
	if q.left == 0 {
		return &ThrottledError{}
	}
	q.left--
	return nil
}

func (q *quota) Read(_ context.Context, path string) (*Document, error) {
	if err := q.take(); err != nil {
		return nil, err
	}
	if path == ControlPath || path == IndexPath {
		return nil, ErrNotFound
	}
	d := &Document{Path: path, Version: "1", Created: time.Unix(0, 0), Body: []byte(`{}`)}
	d.seal()
	return d, nil
}

func (q *quota) List(_ context.Context, folder string) ([]string, error) {
	if err := q.take(); err != nil {
		return nil, err
	}
	names := map[string]string{"issuers": "ca", "teams": "web", "accounts": "web/", "accounts/web": "ca/"}
	if name, ok := names[folder]; ok {
		return []string{name}, nil
	}
	accounts := make([]string, 1000)
	for i := range accounts {
		accounts[i] = fmt.Sprintf("n%03d", i)
	}
	return accounts, nil
}
