package persist

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// total sums a counter over all servers and views.
func total(t *testing.T, name, label, value string) float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetName() == label && l.GetValue() == value {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

func TestAnswersAreCountedByOutcome(t *testing.T) {
	s := start(t, block(newSite(t, documents()).stanza()))
	for name, outcome := range map[string]string{owner: "record", "x.example.com.": "nxdomain", "b.example.com.": "nodata"} {
		before := total(t, "coredns_persist_answers_total", "outcome", outcome)
		s.ask(t, question(name, dns.TypeTXT))
		if got := total(t, "coredns_persist_answers_total", "outcome", outcome) - before; got != 1 {
			t.Errorf("Expected %s to count once as %s, got %v more", name, outcome, got)
		}
	}
}

func TestTruncationIsCountedByItsReason(t *testing.T) {
	setClock(t, noon)
	s := start(t, block(newSite(t, large()).stanza("denial compact 1")))
	for range 2 { // the budget is two at first
		s.ask(t, question(fmt.Sprintf("x%d.example.com.", rand.Uint64()), dns.TypeTXT))
	}
	for reason, name := range map[string]string{"size": owner, "budget": "over.example.com."} {
		before := total(t, "coredns_persist_truncated_total", "reason", reason)
		if r := s.ask(t, question(name, dns.TypeTXT)); !r.Truncated {
			t.Errorf("%s: expected TC, got %v", name, r)
		}
		if got := total(t, "coredns_persist_truncated_total", "reason", reason) - before; got != 1 {
			t.Errorf("Expected one truncated answer to be counted by the reason %s, got %v more", reason, got)
		}
	}
}

// What is over the budget is either truncated or dropped, and counted as such.
func TestEveryQueryOverTheBudgetIsExplained(t *testing.T) {
	setClock(t, noon)
	s := start(t, block(newSite(t, documents()).stanza("denial compact 1")))
	counted := func() [3]float64 {
		return [3]float64{
			total(t, "coredns_persist_answers_total", "outcome", "over_limit"),
			total(t, "coredns_persist_truncated_total", "reason", "budget"),
			total(t, "coredns_persist_dropped_total", "zone", "example.com."),
		}
	}
	before := counted()
	for i := range 10 { // two within the budget
		s.ask(t, question(fmt.Sprintf("u%d.example.com.", i), dns.TypeTXT))
	}
	conn, err := dns.Dial("tcp", s.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	names := make([]string, 0, 11)
	for i := range 10 { // two within the reserve
		names = append(names, fmt.Sprintf("t%d.example.com.", i))
	}
	for _, name := range append(names, owner) {
		if err := conn.WriteMsg(question(name, dns.TypeTXT)); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 { // when the last one is answered, those before it have been or never will be
		if _, err := conn.ReadMsg(); err != nil {
			t.Fatal(err)
		}
	}
	after := counted()
	for i, want := range [3]float64{16, 8, 8} {
		if got := after[i] - before[i]; got != want {
			t.Errorf("Counter %d: expected %v more, got %v", i, want, got)
		}
	}
}

// An alert on the increase of a counter never sees the first error where that
// makes the counter.
func TestCountersOfErrorsAreThereBeforeTheFirst(t *testing.T) {
	site := newSite(t, documents())
	zone := fmt.Sprintf("z%d.example.com.", rand.Uint64())
	start(t, block(strings.Replace(site.stanza(), "persist example.com", "persist "+zone, 1)))
	for name, labels := range map[string][]prometheus.Labels{
		"coredns_persist_store_scans_total":   {{"source": site.policies(), "result": "ok"}, {"source": site.policies(), "result": "error"}},
		"coredns_persist_key_loads_total":     {{"source": site.keys(), "result": "ok"}, {"source": site.keys(), "result": "error"}, {"source": site.keys(), "result": "unproven"}},
		"coredns_persist_verifications_total": {{"zone": zone, "result": "bogus"}},
		"coredns_persist_oversize_total":      {{"zone": zone}},
	} {
		for _, want := range labels {
			if !exported(t, name, want) {
				t.Errorf("Expected %s%v to be exported", name, want)
			}
		}
	}
}

// exported reports whether there is a metric with all of the labels.
func exported(t *testing.T, name string, labels prometheus.Labels) bool {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got := prometheus.Labels{}
			for _, l := range m.GetLabel() {
				got[l.GetName()] = l.GetValue()
			}
			if f.GetName() == name && maps.Equal(got, labels) {
				return true
			}
		}
	}
	return false
}

func TestDocumentsAreCounted(t *testing.T) {
	site := newSite(t, documents().Account(`"domains": {"example.com": {}, "b.example.com": {"enabled": false}, "example.org": {}}`))
	start(t, block(site.stanza()))
	source := site.policies()
	for want, got := range map[float64][]float64{
		1: {
			testutil.ToFloat64(grantsGauge.WithLabelValues(source, "eligible")),
			testutil.ToFloat64(grantsGauge.WithLabelValues(source, "withheld")),
			testutil.ToFloat64(rejectionsGauge.WithLabelValues(source)),
			testutil.ToFloat64(scansTotal.WithLabelValues(source, "ok")),
		},
	} {
		for i, value := range got {
			if value != want {
				t.Errorf("Metric %d: expected %v, got %v", i, want, value)
			}
		}
	}
	if testutil.ToFloat64(lastSuccess.WithLabelValues(source)) == 0 {
		t.Error("Expected the instant of the last complete scan")
	}
}

func TestMetricsAreNamedAsPrometheusWants(t *testing.T) {
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "coredns_persist_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestMetadataTellsZoneAndAccounts(t *testing.T) {
	c, err := parseStanza(newSite(t, documents()).stanza())
	if err != nil {
		t.Fatal(err)
	}
	p := newPersist(c)
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.stop() }()
	for name, want := range map[string][3]string{
		"_Validation-Persist.example.com.": {"example.com.", "example.com", "web/ca/a"},
		"x.example.com.":                   {"example.com.", "", ""},
		"example.org.":                     {},
	} {
		ctx := p.Metadata(metadata.ContextWithMetadata(context.Background()), request.Request{W: &test.ResponseWriter{}, Req: question(name, dns.TypeTXT)})
		for i, label := range []string{"persist/zone", "persist/fqdn", "persist/accounts"} {
			got := ""
			if f := metadata.ValueFunc(ctx, label); f != nil {
				got = f()
			}
			if got != want[i] {
				t.Errorf("%s: expected %s to be %q, got %q", name, label, want[i], got)
			}
		}
	}
}

func TestCountersOfAServerAreFoundWithoutGarbage(t *testing.T) {
	var counters tallies
	ctx := context.WithValue(t.Context(), dnsserver.Key{}, &dnsserver.Server{Addr: "dns://127.0.0.1:53"})
	one, other := counters.tally(ctx, "example.com."), counters.tally(ctx, "example.org.")
	if one == other || counters.tally(ctx, "example.com.") != one || counters.tally(t.Context(), "example.com.") == one {
		t.Error("Expected counters of their own for each zone and server, and always the same")
	}
	if n := testing.AllocsPerRun(100, func() { counters.tally(ctx, "example.com.") }); n != 0 {
		t.Errorf("Expected no allocation, got %v", n)
	}
}
