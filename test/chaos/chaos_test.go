//go:build linux

package chaos

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

var (
	// duration is a flag because chaos takes all the processors that there are,
	// and other tests should not run beside it.
	duration = flag.Duration("chaos", 0, "how long to go on, 60s in make test")
	seed     = flag.Uint64("seed", 1, "of what goes wrong, in which order, and of the edits")
)

// TestMain lets a long run go on for longer than tests may.
func TestMain(m *testing.M) {
	flag.Parse()
	if *duration >= long {
		if err := flag.Set("test.timeout", "0"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// outcome is what became of a run.
type outcome struct {
	load           *load
	director       *director
	took           time.Duration
	answers        []answer
	contradictions []contradiction
	strict         int      // answers for which there was one possibility
	unexplained    []string // reads of what nobody has written
	lost           int      // packets
}

// play runs a server through what is planned: the first of it at least, and
// more until the time is over.
func play(t *testing.T, w *world, e *editor, plan []trouble, least int, duration time.Duration) *outcome {
	t.Helper()
	o := &outcome{load: newLoad(t, w, slices.Sorted(maps.Keys(w.home)), *seed), director: &director{editor: e, plan: plan, end: w.now() + duration}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	begin := w.now()
	running.Go(func() { o.load.run(ctx) })
	err := o.director.run(least)
	cancel()
	running.Wait()
	must(t, err)
	o.took, o.lost = w.now()-begin, o.load.lost(t)
	o.judge()
	return o
}

// judge holds what was answered against the model, with what has been read.
func (o *outcome) judge() {
	m, p := o.director.model, o.director.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	for path, reads := range p.reads {
		if m.documents[path] == nil {
			m.documents[path] = &document{}
		}
		m.documents[path].reads = reads
	}
	o.unexplained = m.index()
	o.answers = o.load.answers()
	o.contradictions, o.strict = m.judge(o.answers)
}

// Whatever goes wrong between a server and its Vault, no answer contradicts what
// docs/failures.md allows, none is missing, and the server comes back by itself.
func TestNoAnswerContradictsWhatWasLastSaid(t *testing.T) {
	if *duration == 0 {
		t.Skip("To be run alone: go test ./test/chaos -chaos 60s")
	}
	t.Logf("Seed %d: -seed %d goes through the same again", *seed, *seed)
	plan := schedule(*seed, *duration)
	w, e := newWorld(t, "", *seed)
	o := play(t, w, e, plan, len(schedule(*seed, 0)), *duration)
	o.summarise(t)
	t.Run("no contradiction", o.checkAnswers)
	t.Run("every query is answered", o.checkQueries)
	t.Run("every fault was felt", o.checkFaults)
	t.Run("the server comes back", o.checkRecovery)
}

func (o *outcome) summarise(t *testing.T) {
	t.Helper()
	kinds := map[string]int{}
	for _, a := range o.answers {
		kinds[a.said.String()]++
	}
	faults := map[string]int{}
	for _, in := range o.director.incidents {
		faults[in.name]++
	}
	n := len(o.answers)
	t.Logf("%d queries in %v, %.0f/s, answered by %s", n, o.took.Round(time.Second), float64(n)/o.took.Seconds(), list(kinds))
	t.Logf("%d edits: %s", sum(o.director.made), list(o.director.made))
	t.Logf("%d faults: %s", len(o.director.incidents), list(faults))
	for _, in := range o.director.incidents {
		t.Logf("%7v: %s for %v, felt by %d requests; recovered after %v", in.from.Round(time.Second), in.name,
			(in.to - in.from).Round(time.Millisecond), in.refused, in.took().Round(time.Millisecond))
	}
	t.Logf("Recovery took %v at most", o.slowest().Round(time.Millisecond))
	t.Logf("For %d%% of the answers the model left one possibility", 100*o.strict/max(1, n))
	t.Logf("%d contradictions", len(o.contradictions))
}

// took is how long the server needed to find out that all is well.
func (in incident) took() time.Duration {
	if in.recovered == 0 {
		return in.limit
	}
	return in.recovered - in.to
}

func (o *outcome) slowest() time.Duration {
	slowest := time.Duration(0)
	for _, in := range o.director.incidents {
		slowest = max(slowest, in.took())
	}
	return slowest
}

func (o *outcome) checkAnswers(t *testing.T) {
	shown := map[string]bool{}
	for _, c := range o.contradictions {
		if !shown[c.name+c.why] && len(shown) < 20 {
			t.Error(c)
		}
		shown[c.name+c.why] = true
	}
	for _, u := range o.unexplained {
		t.Errorf("The server has read what nobody has written: %s", u)
	}
	if n := len(o.answers); 2*o.strict < n {
		t.Errorf("Expected the model to know what most of %d answers must be, it does of %d", n, o.strict)
	}
}

func (o *outcome) checkQueries(t *testing.T) {
	repeated, late, truncated, asked := 0, 0, 0, 0
	for _, a := range o.load.askers {
		repeated, late, truncated = repeated+a.repeated, late+a.late, truncated+a.truncated
		asked += len(a.answers) + len(a.unanswered)
		for _, u := range a.unanswered[:min(10, len(a.unanswered))] {
			t.Errorf("Not answered: %s", u)
		}
	}
	t.Logf("%d queries were sent again after %v: %d packets found the kernel's buffers full, %d answers came later; %d were asked again over TCP",
		repeated, patience, o.lost, late, truncated)
	if repeated > o.lost+late {
		t.Errorf("Expected every repetition to be explained")
	}
	if least := int(o.took.Seconds()) * rate / 10; asked < least {
		t.Errorf("Expected %d queries at least, got %d: the machine has too much else to do", least, asked)
	}
}

func (o *outcome) checkFaults(t *testing.T) {
	for _, in := range o.director.incidents {
		if in.refused == 0 {
			t.Errorf("%s at %v was felt by no request", in.name, in.from)
		}
	}
	for what := range edits {
		if o.director.made[what] == 0 {
			t.Errorf("Expected every kind of edit, there was none of %q", what)
		}
	}
}

func (o *outcome) checkRecovery(t *testing.T) {
	for _, in := range o.director.incidents {
		if in.recovered == 0 {
			t.Errorf("%s at %v: the server did not come back within %v", in.name, in.from, in.limit)
		}
	}
}

func list(counts map[string]int) string {
	text := ""
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		text += fmt.Sprintf(", %d %s", counts[what], what)
	}
	return text[min(2, len(text)):]
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}
