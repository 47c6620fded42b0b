package persist

import (
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// observer counts and logs what the watcher of a backend does.
type observer struct{ *backend }

// Scanned implements store.Observer.
func (o observer) Scanned(began time.Time, err error) {
	if err != nil {
		scansTotal.WithLabelValues(o.location, "error").Inc()
		return
	}
	scansTotal.WithLabelValues(o.location, "ok").Inc()
	lastSuccess.WithLabelValues(o.location).Set(float64(began.Unix()))
	if s := o.watcher.Snapshot(); s != nil && !s.Date.IsZero() {
		clockSkew.WithLabelValues(o.location).Set(s.DateAt.Sub(s.Date).Seconds())
	}
}

// Info implements store.Observer.
func (o observer) Info(line string) { log.Infof("%s: %s", o.location, line) }

// Warning implements store.Observer.
func (o observer) Warning(line string) { log.Warningf("%s: %s", o.location, line) }

// report counts what is in a book and logs what is not used, if the book
// before, which may be nil, did not say so already.
func report(location string, previous, book *policy.Book) {
	states := map[string]int{"eligible": 0, "withheld": 0}
	for g := range book.All() {
		if g.Withheld == "" {
			states["eligible"]++
		} else {
			states["withheld"]++
		}
	}
	for state, n := range states {
		grantsGauge.WithLabelValues(location, state).Set(float64(n))
	}
	rejectionsGauge.WithLabelValues(location).Set(float64(len(book.Rejections())))
	known := map[policy.Rejection]bool{}
	if previous != nil {
		for _, r := range previous.Rejections() {
			known[r] = true
		}
	}
	for _, r := range book.Rejections() {
		if !known[r] {
			log.Warningf("%s: %v", location, r)
		}
	}
}
