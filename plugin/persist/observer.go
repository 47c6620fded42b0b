package persist

import (
	"errors"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/prometheus/client_golang/prometheus"
)

// observer counts and logs what the watcher of a backend does.
type observer struct{ *backend }

// Scanned implements store.Observer.
func (o observer) Scanned(began time.Time, err error) {
	o.expiry.show(o.location)
	switch {
	case errors.Is(err, store.ErrRefused):
		scansTotal.WithLabelValues(o.location, "refused").Inc()
		o.auditRefusal(err)
		return
	case err != nil:
		scansTotal.WithLabelValues(o.location, "error").Inc()
		return
	}
	scansTotal.WithLabelValues(o.location, "ok").Inc()
	o.auditRefusal(nil)
	lastSuccess.WithLabelValues(o.location).Set(float64(began.Unix()))
	if s := o.watcher.Snapshot(); s != nil && !s.Date.IsZero() {
		o.compareClocks(s.DateAt.Sub(s.Date))
	}
}

// Troubled implements store.Observer.
func (o observer) Troubled(count map[store.Trouble]int) {
	for _, kind := range store.Troubles() {
		troublesGauge.WithLabelValues(o.location, string(kind)).Set(float64(count[kind]))
	}
}

// compareClocks warns when the clock of this server begins to run more than
// five minutes off the store's. Rotation does not run ahead of the store's.
func (o observer) compareClocks(ahead time.Duration) {
	clockSkew.WithLabelValues(o.location).Set(ahead.Seconds())
	wrong := ahead.Abs() > zone.Skew
	if wrong && !o.clockWrong {
		log.Warningf("%s: the clock of this server is %v ahead of the store's: set one of them right", o.location, ahead.Round(time.Second))
	}
	o.clockWrong = wrong
}

// Info implements store.Observer.
func (o observer) Info(line string) { log.Infof("%s: %s", o.location, line) }

// Warning implements store.Observer.
func (o observer) Warning(line string) { log.Warningf("%s: %s", o.location, line) }

// forget drops the gauges of a store that is no longer watched: nobody would
// keep them true. One that is watched otherwise sets them with its next scan.
func forget(location string) {
	for _, gauge := range []*prometheus.GaugeVec{grantsGauge, rejectionsGauge, troublesGauge, lastSuccess, clockSkew, tokenExpiry} {
		gauge.DeletePartialMatch(prometheus.Labels{"source": location})
	}
}

// report counts what is in a book and logs what is not used, if the book
// before, which may be nil, did not say so already.
func report(location string, previous, book *policy.Book) {
	eligible, withheld := book.Tally()
	grantsGauge.WithLabelValues(location, "eligible").Set(float64(eligible))
	grantsGauge.WithLabelValues(location, "withheld").Set(float64(withheld))
	rejectionsGauge.WithLabelValues(location).Set(float64(len(book.Rejections())))
	known := map[policy.Rejection]bool{}
	if previous != nil {
		for _, r := range previous.Rejections() {
			known[r.Key()] = true
		}
	}
	last := "" // what is wrong with all addresses of a prefix is said once
	for _, r := range book.Rejections() {
		if line := r.Error(); !known[r.Key()] && line != last {
			log.Warningf("%s: %s", location, line)
			last = line
		}
	}
}
