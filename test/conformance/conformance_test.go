package conformance

import (
	"testing"
	"time"
)

func TestConformance(t *testing.T) {
	w := newWorld(t)
	clock := newClock(t)
	resolvers := newResolvers(t, w, clock)
	var rep report
	step := func(name string, run func(*testing.T)) {
		began := time.Now()
		t.Run(name, run)
		t.Logf("%s took %v", name, time.Since(began).Round(time.Millisecond))
	}
	for _, r := range resolvers {
		step(r.name, func(t *testing.T) { r.run(t, &rep) })
	}
	step("verifiers", func(t *testing.T) { verify(t, &rep) })
	step("twin", func(t *testing.T) { compareTwin(t, w, &rep) })
	if false {
		step("delv", func(t *testing.T) { askDelv(t, w, &rep) })
	}
	step("logs", func(t *testing.T) {
		for _, r := range resolvers {
			r.readLog(t, &rep)
		}
	})
	if !t.Failed() {
		rep.compare(t)
	}
}
