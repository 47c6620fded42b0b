package years

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/miekg/dns"
)

const (
	// dsTTL is that of the parent's DS RRset.
	dsTTL = day
	// lag is how far one server may be behind the others.
	lag = day
	// margin is what the operator waits longer than every cache.
	margin = time.Hour
)

// edition is the number of the key document that is in the store at t.
func (w *world) edition(t time.Time) int {
	i := len(w.editions) - 1
	for i > 0 && t.Before(w.editions[i].since) {
		i--
	}
	return i
}

// roll is one exchange of the key signing key by Double-KSK (RFC 7583 section
// 3.3.1), as the planner of package dnssec has it: the operator takes the step
// next at the instant at, and none where that is nil.
type roll struct {
	delay time.Duration // from the CDS to the parent's doing; negative: never

	next    action
	at      time.Time
	reseeds bool // whether this is of the ZSKs' seed
	lost    bool // whether the parent has lost its new DS
}

// action is what an operator does at an instant.
type action func(w *world, r *roll, t time.Time) error

// method is how an operator exchanges a key signing key.
type method struct {
	introduce, retire, finish action
	edit                      editing
}

// change makes a new key document of one.
type change func(raw []byte) ([]byte, error)

// editing replaces the key document at t by what change makes of it, and goes on
// with then.
type editing func(w *world, r *roll, t time.Time, change change, then func(dnssec.Step)) error

// planned is the exchange that persistctl keys roll-ksk makes.
var planned = method{introduce, retire, finish, replace}

// advance has all happen that is due up to t, but questions.
func (w *world) advance(t time.Time) error {
	w.now = t
	if err := w.poll(t); err != nil {
		return err
	}
	return w.operate(t)
}

// operate has clocks set, and operator and parent do what is due, up to t.
func (w *world) operate(t time.Time) error {
	for len(w.settings) > 0 && !t.Before(w.settings[0].at) {
		s := w.settings[0]
		w.settings = w.settings[1:]
		if err := w.nodes[s.node].set(w, s.offset, s.at); err != nil {
			return err
		}
	}
	for r := w.due(t); r != nil; r = w.due(t) {
		if w.keyDir == "" && !w.up(r.at) { // nothing can be read or written
			r.at = r.at.Add(10 * time.Minute)
			continue
		}
		if err := r.next(w, r, r.at); err != nil {
			return fmt.Errorf("rolling the KSK at %s: %w", r.at, err)
		}
	}
	return nil
}

// due is the roll of which a step is due first, nil where none is at t.
func (w *world) due(t time.Time) *roll {
	var first *roll
	for _, r := range w.rolls {
		if r.next != nil && !t.Before(r.at) && (first == nil || r.at.Before(first.at)) {
			first = r
		}
	}
	return first
}

// write stores the key document that a planner has made at t, and returns how
// the keys stand by it.
func (w *world) write(raw []byte, err error, t time.Time) (dnssec.Step, error) {
	if err != nil {
		return dnssec.Step{}, err
	}
	e, err := newEdition(t, raw)
	if err != nil {
		return dnssec.Step{}, err
	}
	e.alone = w.weeks > 0
	w.editions = append(w.editions, e)
	w.soon(t)
	keys, err := dnssec.ParseKeys(raw)
	if err != nil {
		return dnssec.Step{}, err
	}
	return keys.Roll(t), nil
}

// stored is the newest key document.
func (w *world) stored() []byte { return w.editions[len(w.editions)-1].raw }

// replace is the editing of a document with keys that servers have.
func replace(w *world, _ *roll, t time.Time, change change, then func(dnssec.Step)) error {
	raw, err := change(w.stored())
	step, err := w.write(raw, err, t)
	if err == nil {
		then(step)
	}
	return err
}

// introduce begins with a new key, which will sign beside the old one.
func introduce(w *world, r *roll, t time.Time) error {
	if len(w.editions[len(w.editions)-1].KSKs) > 1 {
		r.at = t.Add(day)
		return nil
	}
	change, err := w.beginning(t)
	if err != nil {
		return err
	}
	return w.method.edit(w, r, t, change, func(step dnssec.Step) {
		w.hot(step.Publish, 10*time.Minute, 70*time.Minute, 400)
		w.turnedUp(func() { w.oldest(step.Publish.Add(lag)) })
		w.cutSome(step.Publish)
		r.next, r.at = check, step.Publish.Add(margin)
	})
}

// beginning adds the next key where the one in force is.
func (w *world) beginning(t time.Time) (change, error) {
	if w.weeks == 0 {
		return func(raw []byte) ([]byte, error) { return dnssec.BeginRoll(raw, []string{origin}, dsTTL, t, w.seeds) }, nil
	}
	next, err := w.nextAway()
	return func(raw []byte) ([]byte, error) {
		return dnssec.BeginAwayRoll(raw, []string{origin}, dsTTL, t, next)
	}, err
}

// check looks whether every server has the new key soon after all should, has
// CDS name it if so, and stops the roll if not: one that cannot read the store
// would be bogus once the parent has the new DS.
func check(w *world, r *roll, t time.Time) error {
	behind, err := w.behind(t)
	if err != nil {
		return err
	}
	if behind {
		raw, err := dnssec.Hold(w.stored(), "a server has not read the key document", t)
		r.next, r.at = resume, t.Add(time.Hour)
		_, err = w.write(raw, err, t)
		return err
	}
	return w.method.edit(w, r, t, func(raw []byte) ([]byte, error) { return dnssec.OfferRoll(raw, t) }, func(step dnssec.Step) {
		cds := step.Submit
		w.turnedUp(func() { w.parental(cds, 300) }) // who have an old DNSKEY RRset
		w.hot(cds, 10*time.Minute, 70*time.Minute, 400)
		if r.next, r.at = exchange, later(t, cds.Add(r.delay)); r.delay < 0 {
			r.next = nil
		}
	})
}

// behind reports whether a server does not serve the keys that are published at
// t, or lacks a signature by which resolvers trust them.
func (w *world) behind(t time.Time) (bool, error) {
	keys, err := w.editions[len(w.editions)-1].keys(t)
	if err != nil {
		return false, err
	}
	for _, n := range w.nodes {
		if err := n.catchUp(w, t); err != nil {
			return false, err
		}
		sets, _ := validator.Split(n.says(dns.TypeDNSKEY, t))
		if len(sets) != 1 || !w.follows(sets[0], keys, t) {
			return true, nil
		}
	}
	return false, nil
}

// follows reports whether a DNSKEY RRset has all keys that are published at t, and
// valid signatures.
func (w *world) follows(set validator.RRset, keys *dnssec.KeySet, t time.Time) bool {
	wanted, _ := keys.DNSKEY(origin, t)
	for _, rr := range wanted {
		if !slices.ContainsFunc(set.Records, func(served dns.RR) bool { return dns.IsDuplicate(served, rr) }) {
			return false
		}
	}
	for _, ds := range keys.DS(origin, t) {
		if _, _, err := w.validator.Keys(set, origin, []*dns.DS{ds}, t); err != nil {
			return false
		}
	}
	return true
}

// says is what a server answers about the apex.
func (n *node) says(rrtype uint16, t time.Time) []dns.RR {
	return n.authority.Answer(answer.Query{Name: origin, Type: rrtype, DO: true}, n.clock(t)).Answer
}

// resume goes on once every server has the key.
func resume(w *world, r *roll, t time.Time) error {
	behind, err := w.behind(t)
	if r.at = t.Add(time.Hour); err != nil || behind {
		return err
	}
	raw, err := dnssec.Resume(w.stored(), t)
	_, err = w.write(raw, err, t)
	w.report.holds++
	r.next = check
	return err
}

// exchange has the parent ask a server for the CDS RRset and put the DS that it
// names in the place of its own, at one server of its after the other.
func exchange(w *world, r *roll, t time.Time) error {
	ds, err := w.asParent(w.nodes[w.random.IntN(len(w.nodes))], t)
	if err != nil {
		return err
	}
	if ds == nil || ds.Digest == w.parent[len(w.parent)-1].ds.Digest {
		r.at = t.Add(5 * time.Minute)
		return nil
	}
	w.parent = append(w.parent, published{t, ds})
	w.hot(t, 10*time.Minute, 2*time.Hour, 400)
	w.turnedUp(func() { w.parental(t.Add(parentServers*parentLag-parentLag-skew), 24) }) // who get the old one last
	r.next, r.at = w.method.retire, t.Add(time.Hour)
	return nil
}

// seen reports whether every server of the parent has the new DS.
func (w *world) seen(t time.Time) bool {
	for server := range parentServers {
		if w.dsAt(server, t) != w.parent[len(w.parent)-1].ds {
			return false
		}
	}
	return true
}

// asParent returns the DS record that a server's CDS RRset asks for (RFC 7344
// section 4.1), nil where it does not answer.
func (w *world) asParent(n *node, t time.Time) (*dns.DS, error) {
	if err := n.catchUp(w, t); err != nil || n.keys == nil {
		return nil, err
	}
	keySet, _ := validator.Split(n.says(dns.TypeDNSKEY, t))
	sets, _ := validator.Split(n.says(dns.TypeCDS, t))
	if len(keySet) != 1 || len(sets) != 1 {
		return nil, errors.New("no DNSKEY or CDS RRset")
	}
	trusted := w.parent[len(w.parent)-1].ds
	keys, _, err := w.validator.Keys(keySet[0], origin, []*dns.DS{trusted}, t)
	if err != nil {
		return nil, err
	}
	if _, err := w.validator.RRset(sets[0], origin, keys, t); err != nil {
		return nil, err
	}
	cds, ok := sets[0].Records[0].(*dns.CDS)
	if !ok || len(sets[0].Records) != 1 {
		return nil, fmt.Errorf("no single CDS record: %v", sets[0].Records)
	}
	return &cds.DS, nil
}

// retire ends the old key after the new DS was seen at every server of the
// parent, and the new key at every server, and caches have forgotten the old one.
func retire(w *world, r *roll, t time.Time) error {
	behind, err := w.behind(t)
	if r.at = t.Add(time.Hour); err != nil || behind || !w.seen(t) {
		return err
	}
	return w.method.edit(w, r, t, func(raw []byte) ([]byte, error) { return dnssec.EndRoll(raw, dsTTL, t) }, func(step dnssec.Step) {
		if !r.lost && w.calm(t, step.Remove) {
			w.lose(t)
			r.lost = true
		}
		w.hot(step.Remove, dsTTL, 2*time.Hour, 1200)
		r.next, r.at = lookBack, t.Add(lookAgain)
	})
}

// lookAgain is how often the operator looks for what must not come.
const lookAgain = 20 * time.Minute

// lookBack keeps the old key where the parent has lost the new DS.
func lookBack(w *world, r *roll, t time.Time) error {
	if step, err := w.step(t); err != nil || step.Phase == dnssec.Finished {
		r.next, r.at = w.method.finish, t.Add(dsTTL)
		return err
	}
	if w.seen(t) { // and has not lost it
		r.at = t.Add(lookAgain)
		return nil
	}
	err := w.method.edit(w, r, t, func(raw []byte) ([]byte, error) { return dnssec.ReopenRoll(raw, t) }, func(dnssec.Step) {
		w.report.reopened++
		r.next, r.at = w.method.retire, t.Add(lookAgain)
	})
	r.at = earlier(r.at, t.Add(lookAgain)) // there is no time to lose
	return err
}

// step is how the keys stand at t by the newest key document.
func (w *world) step(t time.Time) (dnssec.Step, error) {
	keys, err := dnssec.ParseKeys(w.stored())
	if err != nil {
		return dnssec.Step{}, err
	}
	return keys.Roll(t), nil
}

// calm reports whether all can read and write the store from an instant to another,
// and bundles be signed: else nobody could keep the old key.
func (w *world) calm(from, to time.Time) bool {
	return !slices.ContainsFunc(slices.Concat(w.outages, w.failures), func(o outage) bool { return o.from.Before(to) && o.to.After(from) })
}

// lose has the parent put a zone of before back, hours after t and for hours.
func (w *world) lose(t time.Time) {
	now := len(w.parent) - 1
	from, to := t.Add(2*time.Hour), t.Add(8*time.Hour)
	w.parent = append(w.parent, published{from, w.parent[now-1].ds}, published{to, w.parent[now].ds})
	w.turnedUp(func() { w.parental(to.Add(-skew), 100) })
}

// reseed has another seed of ZSKs take over when the epoch ends. The operator
// chooses a time at which every server reads the store.
func reseed(w *world, r *roll, t time.Time) error {
	for _, n := range w.nodes {
		if w.idles(t) || w.silent(n, t) || w.silent(n, t.Add(margin)) {
			r.at = t.Add(2 * margin)
			return nil
		}
	}
	reseed := dnssec.Reseed
	if w.weeks > 0 {
		reseed = dnssec.ReseedNow
	}
	raw, start, err := reseed(w.stored(), t, w.seeds)
	if _, err = w.write(raw, err, t); err != nil {
		return err
	}
	if w.weeks > 0 {
		w.missBundles(t)
	}
	w.hot(start, 2*time.Hour, 2*time.Hour, 400)
	w.cutSome(start.Add(-w.ttl - lag - margin))
	w.report.reseeds++
	r.next = nil
	return nil
}

// finish drops the old key from the document, once every server serves the new
// one.
func finish(w *world, r *roll, t time.Time) error {
	behind, err := w.behind(t)
	if r.at = t.Add(time.Hour); err != nil || behind {
		return err
	}
	return w.method.edit(w, r, t, func(raw []byte) ([]byte, error) { return dnssec.FinishRoll(raw, t) }, func(dnssec.Step) {
		r.next = nil
		w.report.rolls++
	})
}

// parentServers is how many servers the parent zone has: a change comes to each
// of them later than to the one before.
const (
	parentServers = 3
	parentLag     = 20 * time.Minute
)

// published is a DS record at the parent from an instant on.
type published struct {
	since time.Time
	ds    *dns.DS
}

// dsAt is the DS record that a server of the parent has.
func (w *world) dsAt(server int, t time.Time) *dns.DS {
	t = t.Add(-time.Duration(server) * parentLag)
	i := len(w.parent) - 1
	for i > 0 && t.Before(w.parent[i].since) {
		i--
	}
	return w.parent[i].ds
}

// newRolls spreads rolls of the KSK over the time, for which the parent acts at
// once, days later, or never, and seeds of the ZSKs.
func newRolls(random *rand.Rand, begin action, start, end time.Time, every time.Duration) []*roll {
	var rolls []*roll
	delays := []time.Duration{0, time.Duration(random.Int64N(int64(9 * day))), time.Minute, 9 * day}
	for at := start.Add(every / 2); at.Before(end); at = at.Add(every) {
		rolls = append(rolls, &roll{at: at, next: begin, delay: delays[len(rolls)%len(delays)]})
	}
	rolls[len(rolls)-1].delay = -1
	for at := start.Add(every); at.Before(end); at = at.Add(2 * every) {
		rolls = append(rolls, &roll{at: at, next: reseed, reseeds: true})
	}
	return rolls
}
