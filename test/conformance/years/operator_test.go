package years

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
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

// edition is a key document from an instant on.
type edition struct {
	since    time.Time
	document keyDocument
}

// edition is the number of the key document that is in the store at t.
func (w *world) edition(t time.Time) int {
	i := len(w.editions) - 1
	for i > 0 && t.Before(w.editions[i].since) {
		i--
	}
	return i
}

// roll is one exchange of the key signing key by double-KSK (RFC 7583 section
// 3.3.1): the operator takes a step at next, and none where that is zero.
type roll struct {
	begins time.Time
	delay  time.Duration // from the CDS to the parent's doing; negative: never

	next func(w *world, r *roll, t time.Time) error
	at   time.Time
	swap time.Time // when the parent's first server had the new DS
}

// advance has clocks set, and operator and parent do what is due, up to t.
func (w *world) advance(t time.Time) error {
	for len(w.settings) > 0 && !t.Before(w.settings[0].at) {
		s := w.settings[0]
		w.settings = w.settings[1:]
		if err := w.nodes[s.node].set(w, s.offset, s.at); err != nil {
			return err
		}
	}
	w.now = t
	for _, r := range w.rolls {
		for r.next != nil && !t.Before(r.at) {
			if !w.up(r.at) { // nothing can be read or written
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

// rewrite stores a changed key document at t.
func (w *world) rewrite(t time.Time, change func(*keyDocument)) {
	d := w.editions[len(w.editions)-1].document.clone()
	change(&d)
	w.editions = append(w.editions, edition{t, d})
}

// introduce publishes a new key, which signs beside the old one.
func introduce(w *world, r *roll, t time.Time) error {
	in := t.Add(margin).Truncate(time.Second)
	w.rewrite(t, func(d *keyDocument) {
		for len(d.KSKs) > 1 { // what was removed long ago
			d.KSKs = d.KSKs[1:]
		}
		d.KSKs = append(d.KSKs, ksk{Seed: seed(w.random), Publish: in, Active: in, CDS: in.Add(1000 * day)})
	})
	w.hot(in, 10*time.Minute, 70*time.Minute, 400)
	w.turnedUp(func() { w.oldest(in.Add(lag)) })
	r.next, r.at = submit, in
	return nil
}

// submit has the CDS name the new key once every server has published it, and
// every cache that has not heard of it is over.
func submit(w *world, r *roll, t time.Time) error {
	for _, n := range w.nodes {
		if err := n.catchUp(w, t); err != nil {
			return err
		}
		if n.keys == nil || n.edition != len(w.editions)-1 { // it has not read the document
			r.at = t.Add(time.Hour)
			return nil
		}
	}
	cds := t.Add(w.ttl + lag + margin).Truncate(time.Second)
	w.rewrite(t, func(d *keyDocument) { d.KSKs[len(d.KSKs)-1].CDS = cds })
	w.turnedUp(func() { w.parental(cds, 300) }) // who have an old DNSKEY RRset
	w.hot(cds, 10*time.Minute, 70*time.Minute, 400)
	if r.next, r.at = exchange, cds.Add(r.delay); r.delay < 0 {
		r.next = nil
	}
	return nil
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
	r.swap, r.next, r.at = t, retire, t.Add(time.Hour)
	return nil
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
	for server := range parentServers {
		if w.dsAt(server, t) != w.parent[len(w.parent)-1].ds {
			r.at = t.Add(time.Hour)
			return nil
		}
	}
	out := t.Add(dsTTL + margin).Truncate(time.Second)
	w.rewrite(t, func(d *keyDocument) {
		old := &d.KSKs[len(d.KSKs)-2]
		old.Retire, old.Remove = out, out.Add(2*time.Hour)
	})
	w.hot(out, dsTTL, 2*time.Hour, 1200)
	r.next = nil
	return nil
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

// newRolls spreads rolls over the time: the parent acts at once, days later, or
// never.
func newRolls(random *rand.Rand, start, end time.Time, every time.Duration) []*roll {
	var rolls []*roll
	delays := []time.Duration{0, time.Duration(random.Int64N(int64(9 * day))), time.Minute, 9 * day}
	for at := start.Add(every / 2); at.Before(end); at = at.Add(every) {
		rolls = append(rolls, &roll{begins: at, at: at, next: introduce, delay: delays[len(rolls)%len(delays)]})
	}
	rolls[len(rolls)-1].delay = -1
	return rolls
}
