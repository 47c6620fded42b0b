package conformance

import (
	"testing"
	"time"
)

func TestConformance(t *testing.T) {
	w := newWorld(t)
	var rep report
	step := func(name string, run func(*testing.T, *report)) {
		began := time.Now()
		t.Run(name, func(t *testing.T) { run(t, &rep) })
		t.Logf("%s took %v", name, time.Since(began).Round(time.Millisecond))
	}
	for _, r := range w.resolvers {
		step(r.name, r.run)
	}
	step("CNAME", w.followPointers)
	step("delv", w.askDelv)
	step("verifiers", verify)
	step("NSD twin", w.compareTwin)
	step("DNSViz", visualise)
	step("new names", w.addThenAsk)
	step("logs", w.readLogs)
	if !t.Failed() {
		rep.compare(t)
	}
}
