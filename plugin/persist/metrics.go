package persist

import (
	"context"
	"sync"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Labels are closed sets or come from the Corefile: never a client's address,
// never a name that was asked for.
var (
	// answersTotal counts responses by what kind of answer they are.
	answersTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "answers_total",
		Help:      "Counter of responses by outcome.",
	}, []string{"server", "zone", "view", "outcome"})
	// truncatedTotal counts UDP responses that did not fit.
	truncatedTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "truncated_total",
		Help:      "Counter of UDP responses sent empty with TC set.",
	}, []string{"server", "zone", "view"})
	// grantsGauge is how many grants the book holds.
	grantsGauge = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "grants",
		Help:      "Gauge of grants in the policy, by whether they may be served.",
	}, []string{"source", "state"})
	// rejectionsGauge is how much of the documents is not used.
	rejectionsGauge = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "rejections",
		Help:      "Gauge of documents and parts of documents that are invalid and not used.",
	}, []string{"source"})
	// lastSuccess is when the last complete scan of the store began.
	lastSuccess = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "store_last_success_timestamp_seconds",
		Help:      "Gauge of the time at which the last complete scan of the store began.",
	}, []string{"source"})
	// clockSkew is how far the clock of this server runs ahead of the store's.
	clockSkew = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "store_clock_skew_seconds",
		Help:      "Gauge of how far this server's clock runs ahead of the store's, negative if behind.",
	}, []string{"source"})
	// scansTotal counts scans of the store.
	scansTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "store_scans_total",
		Help:      "Counter of scans of the store by result.",
	}, []string{"source", "result"})
	// keyLoadsTotal counts reads of key documents.
	keyLoadsTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "key_loads_total",
		Help:      "Counter of reads of key documents by result.",
	}, []string{"source", "result"})
)

// counters holds answersTotal's children by server, zone, view and outcome: to
// find one there costs more than to answer a query.
type counters struct{ byLabels sync.Map }

type labels struct {
	server, zone, view string
	outcome            answer.Outcome
}

func (c *counters) count(ctx context.Context, zone string, outcome answer.Outcome) {
	l := labels{metrics.WithServer(ctx), zone, metrics.WithView(ctx), outcome}
	v, ok := c.byLabels.Load(l)
	if !ok {
		v, _ = c.byLabels.LoadOrStore(l, answersTotal.WithLabelValues(l.server, l.zone, l.view, string(l.outcome)))
	}
	v.(prometheus.Counter).Inc()
}
