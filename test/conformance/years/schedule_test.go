package years

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
)

// event is a question at an instant: any, where it has no name.
type event struct {
	at      time.Time
	q       question
	restart bool   // of a server, just before
	lose    loss   // by the resolver, just before
	of      server // that it is about, nil for none
}

// loss is what a resolver forgets before its time, as those do that are short
// of memory or start anew.
type loss int

const (
	nothing loss = iota
	theDS
	everything
)

// agenda is the questions still to come: those that were planned, and those
// that turned up.
type agenda struct {
	planned []event // sorted
	new     eventHeap
}

type eventHeap []event

func (h eventHeap) Len() int           { return len(h) }
func (h eventHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h eventHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(e any)        { *h = append(*h, e.(event)) }
func (h *eventHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func (a *agenda) next() (event, bool) {
	switch {
	case len(a.planned) == 0 && len(a.new) == 0:
		return event{}, false
	case len(a.planned) == 0, len(a.new) > 0 && a.new[0].at.Before(a.planned[0].at):
		return heap.Pop(&a.new).(event), true
	}
	e := a.planned[0]
	a.planned = a.planned[1:]
	return e, true
}

// around plans questions about an instant.
func (w *world) around(at time.Time, before, after time.Duration, n int, q func() question) {
	for range n {
		e := w.event(at, before, after)
		if q != nil {
			e.q = q()
		}
		w.put(e)
	}
}

func (w *world) event(at time.Time, before, after time.Duration) event {
	return event{at: at.Add(time.Duration(w.random.Int64N(int64(before+after))) - before), restart: w.random.IntN(100) == 0}
}

func (w *world) put(e event) {
	if !e.at.Before(w.now) && e.at.Before(w.end) {
		w.pending.planned = append(w.pending.planned, e)
	}
}

// oldest plans for resolvers that fetch the DNSKEY RRset for the last time
// before it changes at an instant: just before the slowest server does it.
func (w *world) oldest(at time.Time) {
	for range 24 {
		e := w.event(at, time.Minute, skew)
		e.q, e.lose = question{origin, dns.TypeDNSKEY}, everything
		w.put(e)
	}
}

// parental plans for resolvers that ask for the DS RRset in the minutes from
// an instant on.
func (w *world) parental(at time.Time, n int) {
	for range n {
		e := w.event(at, 0, skew)
		e.lose = theDS
		w.put(e)
	}
}

// turnedUp plans what add does, now that time has begun.
func (w *world) turnedUp(add func()) {
	planned := w.pending.planned
	w.pending.planned = nil
	add()
	for _, e := range w.pending.planned {
		heap.Push(&w.pending.new, e)
	}
	w.pending.planned = planned
}

// hot plans questions around an instant that has turned up.
func (w *world) hot(at time.Time, before, after time.Duration, n int) {
	w.turnedUp(func() { w.around(at, before, after, n, nil) })
}

// schedule plans the questions.
func (w *world) schedule(keys *dnssec.KeySet) {
	w.around(w.start, 0, w.end.Sub(w.start), w.days*w.idle, nil)
	w.aroundZSKs(keys)
	w.aroundWindows(keys)
	w.aroundRecords()
	w.aroundOutages()
	for _, at := range w.papers.edits {
		w.around(at, 2*time.Minute, 4*time.Minute, 12, nil)
	}
	slices.SortFunc(w.pending.planned, func(a, b event) int { return a.at.Compare(b.at) })
}

// aroundZSKs plans for resolvers that have the oldest DNSKEY RRset that they may
// have when a key begins to sign, and the oldest signature when it is removed.
func (w *world) aroundZSKs(keys *dnssec.KeySet) {
	dnskey := func() question { return question{origin, dns.TypeDNSKEY} }
	window, maxTTL := w.data/2, time.Hour
	for at := w.start.Add(w.lifetime); at.Before(w.end); at = at.Add(w.lifetime) {
		young := w.denied(keys, at, at.Add(2*time.Minute))
		old := w.denied(keys, at.Add(-2*time.Minute), at)
		w.cutSome(at.Add(-w.ttl - lag/2 - 2*margin)) // whose copy has the key only if it is published long before
		w.cutSome(at.Add(window - 4*time.Hour))      // whose copy has signatures of the old key up to its end
		w.around(at.Add(-w.ttl-lag-margin), 10*time.Minute, 10*time.Minute, 60, dnskey)
		w.oldest(at.Add(-w.ttl))
		w.around(at, skew, 0, 40, young)
		w.around(at, 0, skew+time.Minute, 300, young)
		w.around(at.Add(window), 12*time.Minute, 2*time.Minute, 100, old)
		w.around(at.Add(window), 10*time.Minute, 2*time.Hour+10*time.Minute, 150, nil)
		w.around(at.Add(window+lag), 10*time.Minute, 70*time.Minute, 100, old)
		w.around(at.Add(window+maxTTL+lag+margin), 10*time.Minute, 10*time.Minute, 60, dnskey)
	}
}

// denied returns questions for names that do not exist, and whose denial is
// signed anew between two instants.
func (w *world) denied(keys *dnssec.KeySet, from, to time.Time) func() question {
	var found []string
	for i := 0; len(found) < 4 && i < 100000; i++ {
		name := fmt.Sprintf("z%d-%d.example.com.", i, from.Unix())
		if begins, _ := keys.Window(name, dns.TypeNSEC, to); !begins.Before(from) && begins.Before(to) {
			found = append(found, name)
		}
	}
	return func() question { return question{found[w.random.IntN(len(found))], dns.TypeTXT} }
}

// aroundWindows plans for the first minutes of every signature.
func (w *world) aroundWindows(keys *dnssec.KeySet) {
	for _, rrtype := range []uint16{dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY, dns.TypeCDS} {
		w.aroundWindow(keys, question{origin, rrtype}, rrtype)
	}
	for _, name := range w.always {
		w.aroundWindow(keys, question{name, dns.TypeTXT}, dns.TypeTXT)
		w.aroundWindow(keys, question{name, dns.TypeCAA}, dns.TypeNSEC)
	}
}

// aroundWindow plans for each window of the RRset of a type that answers q.
func (w *world) aroundWindow(keys *dnssec.KeySet, q question, rrtype uint16) {
	for at := w.start; at.Before(w.end); {
		begins, ends := keys.Window(q.name, rrtype, at)
		w.around(begins, 6*time.Minute, 12*time.Minute, 10, func() question { return q })
		at = ends
	}
}

// aroundRecords plans for each step of rotation, and each end of a record.
func (w *world) aroundRecords() {
	for _, g := range w.papers.grants {
		w.aroundGrant(g)
	}
	for _, f := range w.papers.freezes {
		w.around(f.from, 6*time.Minute, 6*time.Minute, 30, nil)
		w.around(f.from, 0, f.to.Sub(f.from), 600, nil)
	}
}

func (w *world) aroundGrant(g grant) {
	q := func() question { return question{g.owner(), dns.TypeTXT} }
	if !g.until.IsZero() {
		w.around(g.until.Add(-skew-ttl*time.Second), 6*time.Minute, 16*time.Minute, 60, q)
		w.around(g.notBefore, 6*time.Minute, 6*time.Minute, 6, q)
	}
	if g.floor > 0 {
		from, to := later(g.from, w.start), earlier(g.to, w.end)
		for at := nextStep(from, g.step); at.Before(to); at = at.Add(g.step) {
			w.around(at.Add(-g.floor%g.step), 6*time.Minute, 6*time.Minute, 2, q)
		}
	}
}

// newOutages has the store fall silent for minutes, hours and days, for one
// server or for all. Every third begins on the hour, which is when the horizon
// of a grant ends with one of its steps.
func newOutages(random *rand.Rand, nodes int, from, to time.Time, every time.Duration) []outage {
	lengths := []time.Duration{90 * time.Minute, 4 * time.Hour, 8 * time.Hour, 80 * time.Hour, 10 * time.Minute, 30 * time.Hour, 110 * time.Hour}
	var list []outage
	for at := from; ; {
		at = at.Add(every/2 + time.Duration(random.Int64N(int64(every))))
		o := outage{from: at, node: -1}
		if len(list)%len(lengths) < 4 && random.IntN(2) == 0 {
			o.node = random.IntN(nodes)
		}
		if len(list)%3 == 0 {
			o.from = at.Truncate(time.Hour).Add(time.Duration(random.IntN(60)) * time.Second)
		}
		o.to = o.from.Add(lengths[len(list)%len(lengths)])
		if !o.to.Before(to) {
			return list
		}
		list = append(list, o)
		at = o.to
	}
}

// aroundOutages plans for the instants at which something follows from one.
func (w *world) aroundOutages() {
	for _, o := range w.outages {
		w.around(o.from, 3*time.Minute, 10*time.Minute, 20, nil)
		w.around(o.from, 0, o.to.Sub(o.from), 40, nil)
		w.around(o.to, 2*time.Minute, 3*time.Minute, 20, nil)
		for _, name := range w.always {
			for _, g := range w.papers.at[name] {
				w.around(o.from.Add(g.servedFor()), 12*time.Minute, 12*time.Minute, 30, func() question { return question{name, dns.TypeTXT} })
			}
		}
		w.around(o.from.Add(maxStale), 12*time.Minute, 12*time.Minute, 40, nil)
	}
}

func earlier(a, b time.Time) time.Time { return slices.MinFunc([]time.Time{a, b}, time.Time.Compare) }
func later(a, b time.Time) time.Time   { return slices.MaxFunc([]time.Time{a, b}, time.Time.Compare) }
