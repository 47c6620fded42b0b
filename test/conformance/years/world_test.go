package years

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/miekg/dns"
)

// plan is what a simulated time is made of.
type plan struct {
	terms
	seed        uint64
	days        int
	offsets     []time.Duration // of the servers' clocks
	rolls       time.Duration   // between two rolls of the KSK
	silence     time.Duration   // between two outages, about
	idle        int             // questions a day at any time, beside those around events
	steps       time.Duration   // by which clocks are set wrong, one at a time; zero: none is
	chained     bool            // whether names are denied by a chain of NSEC records
	secondaries int             // how many servers have the zone by transfer
	weeks       int             // for which a KSK that is kept away signs bundles ahead; zero: none is
	keyDir      string          // of key pairs of BIND; "": there is a key document
}

// world is everything there is, by the right time.
type world struct {
	plan
	random      *rand.Rand
	seeds       *rand.ChaCha8 // of keys
	start, end  time.Time
	now         time.Time
	papers      *papers
	outages     []outage
	settings    []step
	editions    []edition
	safe        safe
	bundles     []signed
	job         *roll    // of the operator, that signs bundles; nil for none
	failures    []outage // of the job
	method      method
	pairs       pairs
	parent      []published
	rolls       []*roll
	nodes       []*node
	transferred []*secondary
	servers     []server // all of them
	of          server   // that the event is about, nil for none
	cuts        []outage // of secondaries from their primaries
	resolvers   []*resolver
	validator   *validator.Validator
	inceptions  map[string]uint32
	always      []string // names that exist all the time
	names       []string // to ask for
	pending     agenda
	report      report
}

// report counts what was done.
type report struct {
	questions   int // asked of resolvers
	validated   int // answers, each with its chain from the DS record on
	asked       int // answers of servers, held against the model
	cached      int // answers from a cache
	silent      int // SERVFAIL, where it was due
	restarts    int
	rolls       int // of the KSK
	holds       int // of a roll, because a server had lost the store
	reopened    int // rolls, because the parent had lost the new DS
	reseeds     int // of the ZSKs
	pairs       int // of BIND, ZSKs
	bundles     int // signed
	waits       int // of a server for bundles that fit a key document
	interrupted int // runs of the operator that were cut short
	unsigned    int // SERVFAIL, because the key document was newer than the bundles
	transfers   int // of the zone to secondaries
	refused     int // transfers, because the store was silent for too long
	secondhand  int // answers of secondaries
	expired     int // questions to secondaries whose copy had expired
}

func (r report) String() string {
	return fmt.Sprintf("%d questions: %d answers validated, %d of them from caches; %d answers of servers as the documents say, %d of them SERVFAIL that was due; %d restarts, %d KSKs rolled with %d holds and %d times the old key kept, %d seeds, %d ZSKs of BIND, %d bundles signed in spite of %d runs cut short, %d times waited for and %d times too late; %d transfers, %d refused, %d answers by secondaries, %d times none because EXPIRE was over",
		r.questions, r.validated, r.cached, r.asked, r.silent, r.restarts, r.rolls, r.holds, r.reopened, r.reseeds, r.pairs, r.bundles, r.interrupted, r.waits, r.unsigned, r.transfers, r.refused, r.secondhand, r.expired)
}

func newWorld(p plan) (*world, error) {
	w := &world{
		plan: p, random: rand.New(rand.NewPCG(p.seed, 1)), seeds: rand.NewChaCha8([32]byte{byte(p.seed)}), validator: validator.New(), inceptions: map[string]uint32{},
		start: p.start, now: p.start, end: p.start.Add(time.Duration(p.days) * day),
	}
	w.papers = newPapers(w.random, w.start, w.end)
	w.outages = newOutages(w.random, len(p.offsets), w.start.Add(2*day), w.end, p.silence)
	if err := w.begin(); err != nil {
		return nil, err
	}
	w.rolls = newRolls(w.random, w.method.introduce, w.start, w.end, p.rolls)
	lost := w.rolls[0].at // one server does not hear of the new key for two days
	w.outages = append(w.outages, outage{lost.Add(-time.Hour), lost.Add(50 * time.Hour), 2})
	w.settings = newSteps(p, w.end)
	for i, offset := range p.offsets {
		n := &node{id: i, offset: offset}
		if err := n.restart(w.chained, w.start); err != nil {
			return nil, err
		}
		w.nodes = append(w.nodes, n)
		w.servers = append(w.servers, n)
	}
	w.newSecondaries()
	for i := range 8 {
		slow := (backdate - skew) * time.Duration(i) / 7 // a server may be fast
		w.resolvers = append(w.resolvers, &resolver{slow: -slow, cache: map[question]kept[said]{}})
	}
	w.name()
	keys, err := w.editions[0].keys(w.start)
	if err != nil {
		return nil, err
	}
	w.parent = []published{{w.start, keys.DS(origin, w.start)[0]}}
	if p.chained {
		if err := w.learn(); err != nil {
			return nil, err
		}
	}
	w.newCuts(keys)
	if p.weeks > 0 {
		w.newJob(keys)
	}
	if p.keyDir != "" {
		w.newPairs()
	}
	w.schedule(keys)
	return w, nil
}

// begin writes the first key document, and signs the first bundles.
func (w *world) begin() error {
	if w.keyDir != "" {
		w.method = byBIND
		return w.firstPairs()
	}
	d, err := w.document(w.random), error(nil)
	if w.method = planned; w.weeks > 0 {
		w.method = keptAway
		d, err = w.awayDocument(d)
	}
	if err != nil {
		return err
	}
	first, err := newEdition(w.start, d.text())
	if w.editions = []edition{first}; err != nil || w.weeks == 0 {
		return err
	}
	return w.sign(w.start)
}

// name lists what there is to ask for.
func (w *world) name() {
	for owner, grants := range w.papers.at {
		w.names = append(w.names, owner)
		if grants[0].from.IsZero() {
			w.always = append(w.always, owner)
		}
	}
	slices.Sort(w.names)
	slices.Sort(w.always)
}

// learn finds from which instant the zone counts the steps of rotation. A chained
// zone has one of its own, which no CA needs to know: here it must only never
// move.
func (w *world) learn() error {
	n := w.nodes[0]
	if err := n.catchUp(w, w.start); err != nil {
		return err
	}
	for _, g := range w.papers.grants {
		if g.floor == 0 || !g.from.IsZero() {
			continue
		}
		r := n.authority.Answer(answer.Query{Name: g.owner(), Type: dns.TypeTXT, DO: true}, n.clock(w.start))
		if all, first, _ := records(r.Answer); len(all) == 1 {
			w.papers.phases[g.step] = first.Sub(time.Unix(0, 0)) % g.step
		}
	}
	return nil
}

// run lives through the time and returns the first fault.
func (w *world) run() error {
	for {
		q, ok := w.pending.next()
		if !ok {
			return nil
		}
		if q.at.Before(w.now) {
			return fmt.Errorf("time went back from %s to %s", w.now, q.at)
		}
		if err := w.advance(q.at); err != nil {
			return err
		}
		if err := w.one(q); err != nil {
			return fmt.Errorf("at %s, question %d: %w", q.at.UTC().Format(time.RFC3339Nano), w.report.questions, err)
		}
	}
}

// one has a resolver ask one question.
func (w *world) one(e event) error {
	w.report.questions++
	n := w.nodes[w.random.IntN(len(w.nodes))]
	// A server that starts while the store is silent says nothing until that is
	// over, which is not where faults are.
	if e.restart && (!w.silent(n, e.at) || w.random.IntN(20) == 0) {
		w.report.restarts++
		if err := n.restart(w.chained, e.at); err != nil {
			return err
		}
	}
	w.of = e.of
	r := w.resolvers[w.random.IntN(len(w.resolvers))]
	w.forget(r, e.lose)
	if e.q.name == "" {
		e.q = w.any()
	}
	return r.resolve(w, e.q, e.at)
}

// forget has a resolver lose what it must, and now and then something else: it
// may have a new DNSKEY RRset beside an old DS record, or the other way round.
func (w *world) forget(r *resolver, lose loss) {
	chance := w.random.IntN(400)
	if lose == theDS || chance == 1 {
		r.ds = kept[*dns.DS]{}
	}
	if lose == everything || chance == 2 {
		clear(r.cache)
	}
	if chance == 3 {
		delete(r.cache, question{origin, dns.TypeDNSKEY})
	}
}

// any is a question by chance.
func (w *world) any() question {
	apex := []uint16{dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeCAA}
	above := []string{"b.example.com.", "a.b.example.com.", "x.example.com.", "short.example.com."}
	switch w.random.IntN(10) {
	case 0, 1:
		return question{origin, apex[w.random.IntN(len(apex))]}
	case 2:
		return question{above[w.random.IntN(len(above))], dns.TypeA}
	case 3:
		return question{w.names[w.random.IntN(len(w.names))], dns.TypeCAA}
	case 4:
		return question{fmt.Sprintf("x%d.example.com.", w.random.IntN(10000)), dns.TypeTXT}
	}
	return question{w.names[w.random.IntN(len(w.names))], dns.TypeTXT}
}
