package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
)

// until runs the loop for d of the watcher's clock and returns when each scan
// and each poll began, counted from the start.
func (r *rig) until(t *testing.T, d time.Duration, f *fake) (scans, polls []time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	start := r.clock.now()
	f.Asked()
	r.sleep = func(ctx context.Context, wait time.Duration) error {
		asked := strings.Join(f.Asked(), "\n")
		at := r.clock.now().Sub(start)
		if strings.Contains(asked, "data/config") {
			scans = append(scans, at)
		} else if strings.Contains(asked, "data/control") {
			polls = append(polls, at)
		}
		r.clock.advance(wait)
		if r.clock.now().Sub(start) > d {
			cancel()
		}
		return ctx.Err()
	}
	r.Run(ctx)
	return scans, polls
}

func TestLoopScansEveryRefreshAndPollsBetween(t *testing.T) {
	f, r := loaded(t)
	scans, polls := r.until(t, 10*time.Minute, f)
	if len(scans) < 10 || len(scans) > 12 || scans[0] != 0 {
		t.Errorf("In ten minutes it scans at %v", scans)
	}
	for i, at := range scans[1:] {
		if gap := at - scans[i]; gap < 54*time.Second || gap > time.Minute {
			t.Errorf("Two scans are %v apart", gap)
		}
	}
	if len(polls) < 100 || len(polls) > 120 {
		t.Errorf("In ten minutes it polls %d times", len(polls))
	}
}

func TestLoopBacksOffWhileTheStoreIsAway(t *testing.T) {
	f, r := loaded(t)
	f.Fail(storetest.Answering(http.StatusServiceUnavailable, "Vault is sealed"))
	ctx, cancel := context.WithCancel(t.Context())
	var waits []time.Duration
	r.sleep = func(_ context.Context, wait time.Duration) error {
		waits = append(waits, wait)
		r.clock.advance(wait)
		if len(waits) == 12 {
			cancel()
		}
		return nil
	}
	r.Run(ctx)
	for i, want := range []string{"1s", "2s", "4s", "8s", "8s", "8s", "8s", "8s", "8s", "8s", "8s", "8s"} {
		most, err := time.ParseDuration(want)
		check(t, err)
		if wait := waits[i]; wait > most || wait < most*9/10 {
			t.Errorf("Wait %d is %v, wanted at most %v and hardly less", i+1, wait, most)
		}
	}
	f.Heal()
	if scans, _ := r.until(t, 2*time.Minute, f); len(scans) < 2 {
		t.Errorf("After the store has come back it scans at %v", scans)
	}
	if !strings.Contains(strings.Join(r.log.infos, "\n"), "scan is in order again") {
		t.Errorf("The log says %q", r.log.infos)
	}
}

func TestLoopWaitsAsLongAsTheStoreAsks(t *testing.T) {
	for value, want := range map[string]time.Duration{"": time.Second, "90": 90 * time.Second, "86400": maxRetryAfter} {
		f, r := loaded(t)
		f.Fail(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			storetest.Refuse(w, http.StatusTooManyRequests)
		})
		l := loop{Watcher: r.Watcher}
		l.step(t.Context())
		if wait := l.scanDue.Sub(r.clock.now()); wait > want || wait < want*9/10 {
			t.Errorf("With Retry-After %q it scans again after %v", value, wait)
		}
	}
}

func TestBrakesAreLookedAtEveryMinuteWhileTheStoreWantsToBeLeftAlone(t *testing.T) {
	f, r := loaded(t)
	f.Fail(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "300")
		storetest.Refuse(w, http.StatusTooManyRequests)
	}, "data/teams/web")
	l := loop{Watcher: r.Watcher}
	wait := l.step(t.Context())
	for i := range 4 {
		f.put(t, "control", fmt.Sprintf(`{"x_look":%d}`, i))
		f.put(t, "index", fmt.Sprintf(`{"n":%d}`, i))
		f.Asked()
		r.clock.advance(wait)
		if wait != time.Minute {
			t.Errorf("Look %d comes after %v", i, wait)
		}
		wait = l.step(t.Context())
		// What the scan had asked for when it gave up may reach the server only
		// now. A scan would go on with lists, and a poll with index.
		asked := slices.DeleteFunc(f.Asked(), func(request string) bool {
			return strings.HasPrefix(request, "GET /v1/persist/data/issuers/") || strings.HasPrefix(request, "GET /v1/persist/data/accounts/")
		})
		// What config says vouches for what is new.
		if diff := cmp.Diff([]string{"GET /v1/persist/data/control", "GET /v1/persist/data/config"}, asked); diff != "" {
			t.Errorf("Asked for (-want +got):\n%s", diff)
		}
		if got := string(r.document(t, ControlPath).Body); got != fmt.Sprintf(`{"x_look":%d}`, i) {
			t.Errorf("After look %d control is %s", i, got)
		}
	}
	f.Heal()
	r.clock.advance(wait)
	l.step(t.Context())
	if at := r.document(t, "teams/web").Confirmed; !at.Equal(r.clock.now()) {
		t.Errorf("After five minutes there is no scan: teams/web is of %v, and it is %v", at, r.clock.now())
	}
}

func TestPollWaitsAsLongAsTheStoreAsks(t *testing.T) {
	f, r := loaded(t)
	l := loop{Watcher: r.Watcher}
	l.step(t.Context())
	r.clock.advance(5 * time.Second)
	f.Fail(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "20")
		storetest.Refuse(w, http.StatusTooManyRequests)
	})
	if wait := l.step(t.Context()); wait != 20*time.Second {
		t.Errorf("It waits %v", wait)
	}
}

func TestScanWaitsAsLongAsAPollIsToldTo(t *testing.T) {
	f, r := loaded(t)
	l := loop{Watcher: r.Watcher}
	l.step(t.Context())
	r.clock.advance(5 * time.Second)
	f.Fail(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		storetest.Refuse(w, http.StatusTooManyRequests)
	})
	l.step(t.Context())
	if wait := l.scanDue.Sub(r.clock.now()); wait != 2*time.Minute {
		t.Errorf("It scans after %v", wait)
	}
}

func TestPaceIsHalvedByThrottlingAndGrowsAgain(t *testing.T) {
	f, r := loaded(t)
	if got := r.pace.limiter.Limit(); got != fullPace {
		t.Fatalf("The pace is %v", got)
	}
	f.Fail(storetest.Answering(http.StatusTooManyRequests), "data/teams/web")
	r.fails(t, ErrThrottled)
	if got := r.pace.limiter.Limit(); got != fullPace/2 {
		t.Errorf("After one throttled scan the pace is %v", got)
	}
	for range 20 {
		r.fails(t, ErrThrottled)
	}
	// Something of what a scan asks for is answered before it ends.
	if got := r.pace.limiter.Limit(); got < leastPace || got >= leastPace+1 {
		t.Errorf("After many the pace is %v", got)
	}
	f.Heal()
	r.scan(t)
	before := r.pace.limiter.Limit()
	f.Asked()
	r.scan(t)
	asked := f.Asked()
	slices.Sort(asked)
	answered := len(slices.Compact(asked)) // one that meets a connection which a scan has cut is sent again
	if got := r.pace.limiter.Limit(); got != before+paceStep*rate.Limit(answered) {
		t.Errorf("After a scan of which %d requests were answered the pace is %v: %q", answered, got, asked)
	}
	for range 30 {
		r.scan(t)
	}
	if got := r.pace.limiter.Limit(); got != fullPace {
		t.Errorf("After many the pace is %v", got)
	}
}

func TestRequestsAreSpaced(t *testing.T) {
	f, r := loaded(t)
	r.pace.limiter = NewWatcher(r.source, Options{}).pace.limiter
	for range 400 {
		check(t, r.pace.wait(t.Context()))
	}
	start := r.clock.now()
	f.Asked()
	r.scan(t)
	took := r.clock.now().Sub(start) - time.Minute
	if n := len(f.Asked()); took > time.Duration(n)*time.Second/fullPace+time.Millisecond {
		t.Errorf("%d requests take %v", n, took)
	}
	start = r.clock.now()
	for range 1000 {
		check(t, r.pace.wait(t.Context()))
	}
	if took := r.clock.now().Sub(start); took < 4900*time.Millisecond || took > 5100*time.Millisecond {
		t.Errorf("1000 requests take %v", took)
	}
}

func TestIncompleteScanIsNotRepeatedSooner(t *testing.T) {
	f, r := loaded(t)
	f.Fail(storetest.Answering(http.StatusForbidden, "permission denied"), "metadata/accounts/web")
	l := loop{Watcher: r.Watcher}
	l.step(t.Context())
	if wait := l.scanDue.Sub(r.clock.now()); wait < 54*time.Second {
		t.Errorf("It scans again after %v", wait)
	}
}

func TestLoopPlansFromTheScanThatTheIndexAskedFor(t *testing.T) {
	f, r := loaded(t)
	l := loop{Watcher: r.Watcher}
	l.step(t.Context())
	r.clock.advance(5 * time.Second)
	l.step(t.Context())
	r.clock.advance(30 * time.Second)
	f.put(t, "index", `{}`)
	l.step(t.Context())
	if wait := l.scanDue.Sub(r.clock.now()); wait < 54*time.Second {
		t.Errorf("The next scan is %v away", wait)
	}
}

func TestBrakesAreLookedAtDuringALongScan(t *testing.T) {
	f, r := loaded(t)
	f.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		switch {
		case strings.HasSuffix(req.URL.Path, "metadata/teams"):
			f.put(t, "control", `{"stop":{"all":{}}}`)
			r.clock.advance(10 * time.Second)
		case strings.HasSuffix(req.URL.Path, "data/teams/web"):
			storetest.Refuse(w, http.StatusTooManyRequests)
			return true
		}
		return false
	})
	r.fails(t, ErrThrottled)
	if got := string(r.document(t, "control").Body); got != `{"stop":{"all":{}}}` {
		t.Errorf("Control is %s", got)
	}
}

func TestWatcherGoesOnFromASnapshot(t *testing.T) {
	f, r := loaded(t)
	f.Fail(storetest.Answering(http.StatusServiceUnavailable, "Vault is sealed"))
	next := watch(t, f.source(t), r.Snapshot())
	next.fails(t, ErrUnavailable)
	if next.Snapshot() != r.Snapshot() {
		t.Error("What was known is lost")
	}
	f.Heal()
	f.drop(t, "teams/web")
	next.scan(t)
	next.document(t, "teams/web")
	if next.scan(t).Document("teams/web") != nil {
		t.Error("Two scans agree, and it is still there")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	w := NewWatcher(f.source(t), Options{Refresh: time.Hour, Index: time.Hour, OnSnapshot: func(*Snapshot) { cancel() }})
	w.Run(ctx)
	if w.Snapshot() == nil {
		t.Error("It has loaded nothing")
	}
	if err := sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("Sleep returns %v", err)
	}
	check(t, sleep(t.Context(), 0))
}

// A machine that was suspended has a monotonic clock that stood still.
func TestConfirmationsAreOfTheWallClock(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	w := NewWatcher(f.source(t), Options{Refresh: time.Minute, Index: time.Minute})
	check(t, w.Scan(t.Context()))
	for _, d := range w.Snapshot().Documents {
		if strings.Contains(d.Confirmed.String(), "m=") {
			t.Errorf("%s is confirmed at %v", d.ID(), d.Confirmed)
		}
	}
}

// treacherous is a store whose client fails on what it says.
type treacherous struct {
	Source
	reads, lists string
}

func (s treacherous) Read(ctx context.Context, path string) (*Document, error) {
	if path == s.reads {
		panic("out of range")
	}
	return s.Source.Read(ctx, path)
}

func (s treacherous) List(ctx context.Context, folder string) ([]string, error) {
	if folder == s.lists {
		panic("out of range")
	}
	return s.Source.List(ctx, folder)
}

// All servers read the same, so all of them would end.
func TestAPanicOnADocumentCostsThatDocumentOnly(t *testing.T) {
	for name, tt := range map[string]struct {
		source treacherous
		fails  bool // the scan is not complete
	}{
		"an account": {treacherous{reads: "accounts/ops/letsencrypt/prod"}, false},
		"a folder":   {treacherous{lists: "accounts/ops"}, true},
		"control":    {treacherous{reads: ControlPath}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f, r := loaded(t)
			tt.source.Source = r.source
			r.source = tt.source
			f.put(t, "accounts/web/letsencrypt/prod", `{"c":4}`)
			r.clock.advance(time.Minute)
			if err := r.Scan(t.Context()); (err != nil) != tt.fails {
				t.Errorf("The scan returns %v", err)
			}
			if got := string(r.document(t, "accounts/web/letsencrypt/prod").Body); got != `{"c":4}` {
				t.Errorf("Another document is %s", got)
			}
			if r.log.troubles["panic"] == 0 || !strings.Contains(r.log.warnings[0], "please report it: panic: out of range, at ") || !strings.Contains(r.log.warnings[0], "treacherous") {
				t.Errorf("Troubles are %v, and the log says %q", r.log.troubles, r.log.warnings)
			}
		})
	}
}

func TestTheLoopCannotBeLeftByAPanic(t *testing.T) {
	f, r := loaded(t)
	broken := true
	r.options.OnSnapshot = func(*Snapshot) {
		if broken {
			panic("out of range")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var waits []time.Duration
	r.sleep = func(_ context.Context, wait time.Duration) error {
		waits = append(waits, wait)
		r.clock.advance(wait)
		switch len(waits) {
		case 3:
			f.put(t, "teams/web", `{"b":3}`)
		case 4:
			broken = false
		case 8:
			cancel()
		}
		return nil
	}
	r.Run(ctx)
	if len(waits) != 8 || waits[2] <= waits[1] || waits[1] <= waits[0] {
		t.Errorf("It waits %v", waits)
	}
	if got := string(r.document(t, "teams/web").Body); got != `{"b":3}` || !strings.Contains(strings.Join(r.log.infos, " "), "scan is in order again") {
		t.Errorf("After the panics teams/web is %s, and the log says %q", got, r.log.infos)
	}
}

// mute is an observer that is broken itself.
type mute struct{ *log }

func (mute) Troubled(map[Trouble]int) { panic("no metrics") }
func (mute) Warning(string)           { panic("no log") }

func TestTheLoopOutlivesItsObserver(t *testing.T) {
	_, r := loaded(t)
	r.options.Observer = mute{r.log}
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	r.sleep = func(_ context.Context, wait time.Duration) error {
		if r.clock.advance(wait); wait <= 0 {
			t.Errorf("It does not wait before step %d", steps)
		}
		if steps++; steps == 3 {
			cancel()
		}
		return nil
	}
	r.Run(ctx)
}

func TestNoMoreThanEightRequestsAreUnderWay(t *testing.T) {
	f := newFake(t)
	fill(t, f)
	for i := range 100 {
		f.put(t, fmt.Sprintf("accounts/web/letsencrypt/n%d", i), `{}`)
	}
	r := watch(t, f.source(t), nil)
	r.scan(t)
	start := r.clock.now()
	var calls atomic.Int64
	r.options.Clock = NewClock(func() (time.Time, time.Duration) { // a look at the brakes is always due
		passed := time.Duration(calls.Add(1)) * r.options.Index
		return start.Add(passed), passed
	})
	var under, most atomic.Int64
	var once sync.Once
	together := make(chan struct{})
	f.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		n := under.Add(1)
		defer under.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if !strings.Contains(req.URL.Path, "letsencrypt/n") {
			return false
		}
		if n >= workers-1 {
			// A ninth would come at once, if it may.
			once.Do(func() { time.AfterFunc(100*time.Millisecond, func() { close(together) }) })
		}
		<-together
		return false
	})
	r.scan(t)
	if most.Load() > workers {
		t.Errorf("%d requests are under way at once", most.Load())
	}
}
