package persist

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"

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
	// truncatedTotal counts UDP responses that have the client ask over TCP.
	truncatedTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "truncated_total",
		Help:      "Counter of UDP responses sent empty with TC set, by why they were.",
	}, []string{"server", "zone", "view", "reason"})
	// droppedTotal counts queries that were given no response.
	droppedTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "dropped_total",
		Help:      "Counter of queries over a connection that were left without a response, being over the budget and its reserve.",
	}, []string{"server", "zone", "view"})
	// yieldedTotal counts queries for granted names that an overlay left alone.
	yieldedTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "yielded_total",
		Help:      "Counter of queries for granted names of an overlay that the other plugin's answer was left for, by why it was.",
	}, []string{"server", "zone", "view", "reason"})
	// oversizeTotal counts names for whose answers every client needs TCP.
	oversizeTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "oversize_total",
		Help:      "Counter of names whose signed TXT RRset has become too large for UDP.",
	}, []string{"zone"})
	// verificationsTotal counts what was verified of what was signed.
	verificationsTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "verifications_total",
		Help:      "Counter of signed RRsets that were verified before being served, by result.",
	}, []string{"zone", "result"})
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
	// troublesGauge is what the store does not give, or gives wrong.
	troublesGauge = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "store_troubles",
		Help:      "Gauge of documents, folders, scans and looks of the store that are not in order, by kind of trouble.",
	}, []string{"source", "kind"})
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

// beginCounting has counters of a source be there, at 0, before anything is
// counted: nobody could tell the first one from a server that has just begun.
func beginCounting(counter *prometheus.CounterVec, source string, results ...string) {
	for _, result := range results {
		counter.WithLabelValues(source, result)
	}
}

// bundlesEnd is when what was signed elsewhere ends.
var bundlesEnd = promauto.NewGaugeVec(prometheus.GaugeOpts{
	Namespace: plugin.Namespace,
	Subsystem: pluginName,
	Name:      "key_bundles_end_timestamp_seconds",
	Help:      "Gauge of the time up to which bundles sign the DNSKEY RRset of a zone whose KSK is kept away.",
}, []string{"source", "zone"})

var (
	// auditLines counts lines of audit logs.
	auditLines = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "audit_lines_total",
		Help:      "Counter of lines of the audit log, by whether they were written or lost.",
	}, []string{"file", "result"})
	// auditFailing is whether an audit log cannot be written.
	auditFailing = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "audit_failing",
		Help:      "Gauge of whether the audit log cannot be written: 1 if so, else 0.",
	}, []string{"file"})
)

// tally is the counters of one zone, as one server answers for it in one view.
type tally struct {
	answers map[answer.Outcome]prometheus.Counter
	tooBig  prometheus.Counter // truncated: did not fit
	limited prometheus.Counter // truncated: over the budget for unknown names
	dropped prometheus.Counter

	delegated prometheus.Counter // left alone by an overlay: in another zone
	signed    prometheus.Counter // left alone by an overlay: in a signed zone
}

type labels struct{ server, zone, view string }

func newTally(l labels) *tally {
	t := &tally{
		answers: map[answer.Outcome]prometheus.Counter{},
		tooBig:  truncatedTotal.WithLabelValues(l.server, l.zone, l.view, "size"),
		limited: truncatedTotal.WithLabelValues(l.server, l.zone, l.view, "budget"),
		dropped: droppedTotal.WithLabelValues(l.server, l.zone, l.view),

		delegated: yieldedTotal.WithLabelValues(l.server, l.zone, l.view, "delegated"),
		signed:    yieldedTotal.WithLabelValues(l.server, l.zone, l.view, "signed"),
	}
	for _, o := range answer.Outcomes {
		t.answers[o] = answersTotal.WithLabelValues(l.server, l.zone, l.view, string(o))
	}
	return t
}

// tallies holds each tally by its labels: to find a counter in its vector costs
// more than to answer a query. The map is replaced whole, never written to.
type tallies struct {
	adding  sync.Mutex
	byLabel atomic.Pointer[map[labels]*tally]
}

// tally returns the counters for a query in zone.
func (t *tallies) tally(ctx context.Context, zone string) *tally {
	l := labels{metrics.WithServer(ctx), zone, metrics.WithView(ctx)}
	if known := t.byLabel.Load(); known != nil && (*known)[l] != nil {
		return (*known)[l]
	}
	return t.add(l)
}

func (t *tallies) add(l labels) *tally {
	t.adding.Lock()
	defer t.adding.Unlock()
	known := map[labels]*tally{l: newTally(l)}
	if before := t.byLabel.Load(); before != nil {
		maps.Copy(known, *before)
	}
	t.byLabel.Store(&known)
	return known[l]
}
