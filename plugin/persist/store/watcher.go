package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// indexPause is the least time between two scans that the index document asks
// for: anybody may write it.
const indexPause = 15 * time.Second

// Options of a [Watcher]. Refresh and Index must be positive.
type Options struct {
	Refresh    time.Duration   // between full scans
	Index      time.Duration   // between looks at the index and control documents
	Clock      *Clock          // told what the store's says; nil: the system's
	OnSnapshot func(*Snapshot) // told of every new snapshot, before the next request; may be nil
	Observer   Observer        // may be nil
	Initial    *Snapshot       // of the same store, to go on from; may be nil

	// Accept returns why the store is not the one that is meant, going by its
	// config document and by the one known so far, which may be nil. Nothing
	// else in a store that is refused is believed, but for what it stops. A nil
	// Accept takes any.
	Accept func(config, known *Document) error
}

// Watcher keeps the last known good state of a store.
type Watcher struct {
	source   Source
	options  Options
	pace     pace
	sleep    func(ctx context.Context, d time.Duration) error
	snapshot atomic.Pointer[Snapshot]

	// mu is held during a scan or a poll, and guards what follows.
	mu         sync.Mutex
	journal    journal
	absences   map[string]int // how many scans in a row have missed a document
	index      *Document      // as last read; nil if never, or if there is none
	indexRead  bool           // whether index was looked at, so that a change is one
	indexMoved bool           // it changed, and no scan has begun since
	indexScan  time.Time      // when the last scan began that it asked for
	scanned    time.Time      // when the last scan began
	looked     time.Time      // when the control document was last asked for
}

// NewWatcher returns a watcher that has read nothing yet.
func NewWatcher(source Source, o Options) *Watcher {
	if o.Clock == nil {
		o.Clock = NewClock(systemClock)
	}
	if o.Observer == nil {
		o.Observer = silence{}
	}
	w := &Watcher{
		source:   source,
		options:  o,
		sleep:    sleep,
		absences: map[string]int{},
		journal:  journal{observer: o.Observer, troubles: map[string]error{}},
	}
	w.pace = pace{
		limiter: newLimiter(fullPace),
		most:    fullPace,
		now:     o.Clock.Now,
		sleep:   func(ctx context.Context, d time.Duration) error { return w.sleep(ctx, d) },
	}
	if _, local := source.(*Directory); local {
		w.pace.limiter.SetLimit(rate.Inf)
	}
	w.snapshot.Store(o.Initial)
	return w
}

// Snapshot returns the last known good state, nil before the first complete
// load. It never waits.
func (w *Watcher) Snapshot() *Snapshot { return w.snapshot.Load() }

// known returns the document at path in the last known good state, nil if there
// is none.
func (w *Watcher) known(path string) *Document {
	if s := w.Snapshot(); s != nil {
		return s.Document(path)
	}
	return nil
}

// Release drops the bodies of a snapshot, but for the config document, by which
// stores are told apart, and for those in doubt, which are read once more when
// the doubt ends. It is for whoever has read them and goes on from what they say:
// of a large store they are most of what is in memory. It returns the snapshot
// without them, which is the last known good state from then on, unless there is
// another one by now: s itself where there are none. The next snapshots have the
// bodies of what is new in them.
func (w *Watcher) Release(s *Snapshot) *Snapshot {
	if !slices.ContainsFunc(s.Documents, func(d Document) bool { return d.isReleasable() }) {
		return s
	}
	released := *s
	released.Documents = slices.Clone(s.Documents)
	for i := range released.Documents {
		if d := &released.Documents[i]; d.isReleasable() {
			d.Body = nil
		}
	}
	w.snapshot.CompareAndSwap(s, &released)
	return &released
}

func (w *Watcher) publish(s *Snapshot) {
	w.snapshot.Store(s)
	if w.options.OnSnapshot != nil {
		w.options.OnSnapshot(s)
	}
}

// Scan reads everything once. The error says why the scan was not complete;
// what it has read counts nevertheless, where the config document is among it.
func (w *Watcher) Scan(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.scan(ctx)
}

// scan is Scan for callers that hold mu.
func (w *Watcher) scan(ctx context.Context) error {
	w.scanned, w.indexMoved = w.options.Clock.Now(), false
	err := survive(func() error { return w.newScan().run(ctx) })
	if ctx.Err() != nil {
		return ctx.Err() // we are ending: that says nothing about the store
	}
	w.settle(scanning, err)
	w.options.Observer.Scanned(w.scanned, err)
	return err
}

// settle draws the conclusions of how something went.
func (w *Watcher) settle(what string, err error) {
	switch {
	case errors.Is(err, ErrThrottled):
		w.pace.halve()
	case what == scanning && (err == nil || errors.Is(err, errIncomplete)):
		w.pace.rise()
	}
	now := w.options.Clock.Now()
	w.journal.report(what, err, now)
	w.journal.remind(now)
	w.options.Observer.Troubled(w.journal.count())
}

// Poll looks at the control document, which counts at once, and at the index
// document. If the index has changed it scans, at most every 15 s.
func (w *Watcher) Poll(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := survive(func() error {
		if err := w.newScan().look(ctx); err != nil {
			return err
		}
		return w.readIndex(ctx)
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.settle(polling, err)
	now := w.options.Clock.Now()
	if w.indexMoved && now.Sub(w.indexScan) >= indexPause {
		w.indexScan = now
		return w.scan(ctx)
	}
	return err
}

// look looks at the control document alone.
func (w *Watcher) look(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := survive(func() error { return w.newScan().look(ctx) }); ctx.Err() == nil {
		w.settle(polling, err)
	}
}

// readIndex notes whether the index document has changed.
func (w *Watcher) readIndex(ctx context.Context) error {
	d, err := w.read(ctx, IndexPath)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	known := w.indexRead && (d == nil) == (w.index == nil) && (d == nil || d.same(w.index))
	if w.indexRead && !known {
		w.indexMoved = true
	}
	w.index, w.indexRead = d, true
	return nil
}

// read reads one document at the pace of the moment.
func (w *Watcher) read(ctx context.Context, path string) (*Document, error) {
	if err := w.pace.wait(ctx); err != nil {
		return nil, err
	}
	began := w.instant()
	var d *Document
	err := survive(func() (err error) {
		d, err = w.readAgain(ctx, path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	w.pace.grow()
	date, _ := w.source.Date()
	w.options.Clock.Hear(date)
	d.Confirmed = w.since(began)
	return d, nil
}

// readAgain reads a document from a source that need not copy what is known.
func (w *Watcher) readAgain(ctx context.Context, path string) (*Document, error) {
	source, ok := w.source.(interface {
		Reread(ctx context.Context, path string, known *Document) (*Document, error)
	})
	if !ok {
		return w.source.Read(ctx, path)
	}
	return source.Reread(ctx, path, w.known(path))
}

// instant is the clock without its monotonic part, which stands still while a
// machine is suspended: horizons must not.
func (w *Watcher) instant() time.Time { return w.options.Clock.Now().Round(0) }

// since is began, or now if the clock has been set back since.
func (w *Watcher) since(began time.Time) time.Time {
	if now := w.instant(); now.Before(began) {
		return now
	}
	return began
}
