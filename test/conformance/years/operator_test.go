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
}

// action is what an operator does at an instant.
type action func(w *world, r *roll, t time.Time) error

// method is how an operator exchanges a key signing key.
type method struct{ introduce, retire, finish action }

// planned is the exchange that the planner of package dnssec makes.
var planned = method{introduce, retire, finish}

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
	for _, r := range w.rolls {
		for r.next != nil && !t.Before(r.at) {
			if w.keyDir == "" && !w.up(r.at) { // nothing can be read or written
				r.at = r.at.Add(10 * time.Minute)
				continue
			}
			if err := r.next(w, r, r.at); err != nil {
				return fmt.Errorf("rolling the KSK at %s: %w", r.at, err)
			}
		}
	}
	return nil
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

// introduce begins with a new key, which will sign beside the old one.
func introduce(w *world, r *roll, t time.Time) error {
	raw, err := dnssec.BeginRoll(w.stored(), []string{origin}, dsTTL, t, w.seeds)
	step, err := w.write(raw, err, t)
	if err != nil {
		return err
	}
	w.hot(step.Publish, 10*time.Minute, 70*time.Minute, 400)
	w.turnedUp(func() { w.oldest(step.Publish.Add(lag)) })
	w.cutSome(step.Publish)
	r.next, r.at = check, step.Publish.Add(margin)
	return nil
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
	raw, err := dnssec.OfferRoll(w.stored(), t)
	step, err := w.write(raw, err, t)
	if err != nil {
		return err
	}
	cds := step.Submit
	w.turnedUp(func() { w.parental(cds, 300) }) // who have an old DNSKEY RRset
	w.hot(cds, 10*time.Minute, 70*time.Minute, 400)
	if r.next, r.at = exchange, later(t, cds.Add(r.delay)); r.delay < 0 {
		r.next = nil
	}
	return nil
}

// behind reports whether a server lacks the newest key.
func (w *world) behind(t time.Time) (bool, error) {
	all := w.editions[len(w.editions)-1].KSKs
	return w.someServer(t, func(e edition) bool {
		last := all[len(all)-1]
		return !slices.ContainsFunc(e.KSKs, func(k ksk) bool { return k.Seed == last.Seed && k.PublicKey == last.PublicKey })
	})
}

// someServer reports whether a server has no key document, or one of which f is true.
func (w *world) someServer(t time.Time, f func(edition) bool) (bool, error) {
	for _, n := range w.nodes {
		if err := n.catchUp(w, t); err != nil {
			return false, err
		}
		if n.keys == nil || f(w.editions[n.edition]) || n.unsigned(w) {
			return true, nil
		}
	}
	return false, nil
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
	ask := func(rrtype uint16) []dns.RR {
		return n.authority.Answer(answer.Query{Name: origin, Type: rrtype, DO: true}, n.clock(t)).Answer
	}
	keySet, _ := validator.Split(ask(dns.TypeDNSKEY))
	sets, _ := validator.Split(ask(dns.TypeCDS))
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
// parent and caches have forgotten the old one.
func retire(w *world, r *roll, t time.Time) error {
	if !w.seen(t) {
		r.at = t.Add(time.Hour)
		return nil
	}
	raw, err := dnssec.EndRoll(w.stored(), dsTTL, t)
	step, err := w.write(raw, err, t)
	if err != nil {
		return err
	}
	w.hot(step.Remove, dsTTL, 2*time.Hour, 1200)
	r.next, r.at = w.method.finish, step.Remove.Add(dsTTL)
	return nil
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
	raw, start, err := dnssec.Reseed(w.stored(), t, w.seeds)
	if _, err = w.write(raw, err, t); err != nil {
		return err
	}
	w.hot(start, 2*time.Hour, 2*time.Hour, 400)
	w.cutSome(start.Add(-w.ttl - lag - margin))
	w.report.reseeds++
	r.next = nil
	return nil
}

// finish drops the old key from the document. A server that had not read when it
// goes would refuse to be without it.
func finish(w *world, r *roll, t time.Time) error {
	unread, err := w.unread(t)
	if r.at = t.Add(time.Hour); err != nil || unread {
		return err
	}
	raw, err := dnssec.FinishRoll(w.stored(), t)
	_, err = w.write(raw, err, t)
	r.next = nil
	w.report.rolls++
	return err
}

// unread reports whether a server has not read the newest key document.
func (w *world) unread(t time.Time) (bool, error) {
	return w.someServer(t, func(e edition) bool { return !e.since.Equal(w.editions[len(w.editions)-1].since) })
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
