package answer

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

const (
	// tick is how often a chained zone is looked at for signatures whose window
	// is over. By so much later than in other zones are they replaced.
	tick = 15 * time.Minute
	// late is how long an edition may still be served while the next is made, and
	// how long before it was made a query may have looked at the clock.
	late = time.Minute
)

// edition is a chained zone as of an instant: all that an answer or a transfer
// can contain. It is immutable but for signatures that nobody asked for yet.
type edition struct {
	st        *state
	at, until time.Time // the instant, and the first at which there may be another one
	serial    uint32
	soa       *pending
	chain     *dnssec.Chain
	names     map[string]*node // the apex, and every owner whether in the chain or not
	held      bool             // whether this holds only as long as the book does
	lone      *sync.Map        // lone → *set, NSEC records that are not of the chain
}

// node is a name of a chained zone. It is not changed any more once its edition
// is there, and belongs to several where nothing differs.
type node struct {
	rrsets []*pending // but SOA and NSEC; empty where nothing is served
	types  []uint16   // at the name, NSEC and RRSIG aside
	nsec   *pending   // nil for a name that is not in the chain
	content
}

// pending is an RRset of an edition, signed when it is first asked for.
type pending struct {
	rrset  []dns.RR
	signed atomic.Pointer[set]
	tooBig *atomic.Bool // whether it was for UDP when last signed, in whichever edition; of a TXT RRset
}

// newPending returns rrset, which takes the place of old, or of nothing where
// that is nil.
func newPending(old *pending, rrset []dns.RR) *pending {
	p := &pending{rrset: rrset}
	switch {
	case p.rrtype() != dns.TypeTXT:
	case old != nil:
		p.tooBig = old.tooBig
	default:
		p.tooBig = new(atomic.Bool)
	}
	return p
}

func (p *pending) rrtype() uint16 { return p.rrset[0].Header().Rrtype }

// signed returns p with its signatures. Those over records do not end with a
// persistUntil: a secondary that is late still has them, perhaps in one RRset with
// others that go on.
func (a *Authority) signed(ed *edition, p *pending) (*set, error) {
	if s := p.signed.Load(); s != nil {
		return s, nil
	}
	if s := a.recall(ed, p); s != nil {
		p.signed.Store(s)
		return s, nil
	}
	s, err := a.signPending(ed, p)
	if err == nil {
		a.measure(p, s)
		a.remember(ed, p, s)
		p.signed.Store(s)
	}
	return s, err
}

// signPending signs p.
func (a *Authority) signPending(ed *edition, p *pending) (*set, error) {
	if !p.paid() {
		return a.sign(ed.st.keys, p.rrset, ed.signedAt(p), time.Time{})
	}
	return a.signPaid(ed.st.keys, p.rrset, ed.signedAt(p))
}

// paid reports whether a cut may have to pay for p: see [meter].
func (p *pending) paid() bool { return p.rrtype() != dns.TypeTXT }

// measure tells of a TXT RRset that no longer fits UDP.
func (a *Authority) measure(p *pending, s *set) {
	if p.tooBig == nil {
		return
	}
	owner := p.rrset[0].Header().Name
	big := Size(owner, s.signed) > MaxUDP
	a.grown(owner, s, p.tooBig.Swap(big), big)
}

// signedAt is the instant as of which p is signed: the last tick, so that every
// server has the same signatures whenever it made its edition. RRsets of keys
// change at instants of their own, and their TTL may be as long as what is left
// of their signatures then: they are not served late.
func (ed *edition) signedAt(p *pending) time.Time {
	if dnssec.KeySigned(p.rrtype()) {
		return ed.at
	}
	return ed.at.Truncate(tick)
}

// rrset returns the RRset of a type, nil if there is none. n may be nil.
func (n *node) rrset(rrtype uint16) *pending {
	if n == nil {
		return nil
	}
	for _, p := range n.rrsets {
		if p.rrtype() == rrtype {
			return p
		}
	}
	return nil
}

// newest holds the edition of a chained zone.
type newest struct {
	edition  atomic.Pointer[edition]
	renewing sync.Mutex // held by whoever makes the next one
}

var errNotLoaded = errors.New("the policy or the signing keys are not loaded yet")

// Renew makes the edition of a chained zone that is due when this clock says
// at, unless it is there. It returns its serial, and when the next one is due.
func (a *Authority) Renew(at time.Time) (serial uint32, due time.Time, err error) {
	st := a.state.Load()
	if !st.ready(false) {
		return 0, at.Add(tick), errNotLoaded
	}
	clock := st.book.Clock(at)
	ed, err := a.edition(st, clock)
	if err != nil {
		return 0, at.Add(late), err
	}
	return ed.serial, ed.until.Add(at.Sub(clock)), nil
}

// edition returns the one to answer from. Whoever finds it over makes the next;
// others go on with what there is for that time.
func (a *Authority) edition(st *state, at time.Time) (*edition, error) {
	ed := a.newest.edition.Load()
	if ed.current(st, at) {
		return ed, nil
	}
	if !a.newest.renewing.TryLock() {
		if ed != nil && !ed.ahead(at) && at.Before(ed.until.Add(late)) {
			return ed, nil
		}
		a.newest.renewing.Lock()
	}
	defer a.newest.renewing.Unlock()
	if latest := a.state.Load(); latest.ready(false) { // an update may have overtaken the query
		st = latest
	}
	if ed = a.newest.edition.Load(); ed.current(st, at) {
		return ed, nil
	}
	next := ed.under(a.zone, st, at)
	if next == nil {
		var err error
		if next, err = a.compose(ed, st, at); err != nil {
			return nil, err
		}
	}
	a.newest.edition.Store(next)
	return next, nil
}

// under returns the same edition for another state that does not differ in
// anything but when the store has vouched for it, nil where it may differ.
func (ed *edition) under(z *zone.Zone, st *state, at time.Time) *edition {
	if ed == nil || ed.held || ed.ahead(at) || !at.Before(ed.until) ||
		st.keys != ed.st.keys || !z.Same(st.book, ed.st.book) {
		return nil
	}
	same := *ed
	same.st = st
	return &same
}

func (ed *edition) current(st *state, at time.Time) bool {
	return ed != nil && ed.st == st && !ed.ahead(at) && at.Before(ed.until)
}

// ahead reports whether the clock was set back since ed was made. A little before
// that it is a query that was overtaken between the clock and here.
func (ed *edition) ahead(at time.Time) bool { return at.Before(ed.at.Add(-late)) }
