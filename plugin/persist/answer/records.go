package answer

import (
	"errors"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// prepared is the signed TXT RRset of a granted name, empty where nothing is
// served, with everything it was made from.
type prepared struct {
	set
	content content
	keys    *dnssec.KeySet
	tooBig  bool // for UDP
	near    near // where the set is, if there is room
}

// current reports whether p is still what would be made now.
func (p *prepared) current(st *state, place zone.Place, at time.Time) bool {
	return p.covers(at) && p.keys == st.keys && p.content.holdsAt(place, st.book, at)
}

// nothing stands for names without grants.
var nothing = &prepared{}

// prepare returns the TXT RRset at an owner, from memory where it is current.
// Where a new one would not validate the one before stays for as long as its
// signatures last and it says the same.
func (a *Authority) prepare(st *state, place zone.Place, owner string, at time.Time) (*prepared, error) {
	if len(place.Grants) == 0 {
		return nothing, nil
	}
	have := a.keptAt(place)
	if have != nil && have.current(st, place, at) {
		return have, nil
	}
	p, err := a.make(st, place, owner, at)
	switch {
	case errors.Is(err, errBogus) && have != nil && have.content.holdsAt(place, st.book, at) && have.lasts(at):
		return have, nil
	case err != nil:
		return nil, err
	}
	before := a.keepAt(place, p)
	a.grown(owner, &p.set, before != nil && before.tooBig, p.tooBig)
	a.forgetOvertaken(st, place)
	return p, nil
}

// keptAt returns what was prepared for a place, the apex where nobody has listed
// it, nil where nothing was.
func (a *Authority) keptAt(place zone.Place) *prepared {
	if place.Synthesised {
		return a.apex.txt.Load()
	}
	return a.kept(place.Grants[0])
}

// keepAt keeps p for a place, and returns what was kept before, which may be nil.
func (a *Authority) keepAt(place zone.Place, p *prepared) *prepared {
	if place.Synthesised {
		return a.apex.txt.Swap(p)
	}
	v, _ := a.records.Swap(place.Grants[0], p)
	before, _ := v.(*prepared)
	return before
}

// forgetOvertaken drops what was kept for a place of st where an update has been
// faster: it may have been forgotten already.
func (a *Authority) forgetOvertaken(st *state, place zone.Place) {
	switch now := a.state.Load(); {
	case now == st:
	case place.Synthesised:
		a.forgetTXT(now)
	case !now.has(place.Grants[0]):
		a.Forget(place.Grants[0])
	}
}

// kept returns what was prepared as that of g, the first grant at a name, nil where
// nothing was.
func (c *common) kept(g *policy.Grant) *prepared {
	v, _ := c.records.Load(g)
	p, _ := v.(*prepared)
	return p
}

// make signs what the grants of a place amount to.
func (a *Authority) make(st *state, place zone.Place, owner string, at time.Time) (*prepared, error) {
	p, r := a.outline(st, place, at)
	if len(r.Published) == 0 {
		return p, nil
	}
	if err := a.fill(p, st, owner, r, at); err != nil {
		return nil, err
	}
	return p, nil
}

// fill signs r, of which p is the outline.
func (a *Authority) fill(p *prepared, st *state, owner string, r zone.Records, at time.Time) error {
	s, err := a.sign(st.keys, a.zone.TXT(owner, r), at, r.NotAfter)
	if err != nil {
		return err
	}
	p.set = *s
	p.signed = p.near.hold(s.signed)
	p.from = at
	p.endBy(r.Ends)
	p.tooBig = Size(owner, p.signed) > MaxUDP
	return nil
}

// outline returns what the grants of a place amount to, without an RRset yet.
func (a *Authority) outline(st *state, place zone.Place, at time.Time) (*prepared, zone.Records) {
	grants, halt := place.Grants, ""
	if place.Synthesised {
		grants, halt = st.book.Extend(grants, place.FQDN), st.book.Halt(place.FQDN)
	}
	r := a.zone.Records(st.book, grants, at)
	content := newContent(st.book, place.Grants, r, at)
	content.halt = halt
	return &prepared{set: set{from: at, until: r.Ends}, content: content, keys: st.keys}, r
}

// owner answers at the owner name of a granted FQDN.
func (a *Authority) owner(st *state, place zone.Place, q Query, at time.Time) Response {
	p, err := a.txt(st, place, q, at)
	switch {
	case err != nil:
		return failed(err)
	case p == nil:
		return Response{Outcome: Limited}
	case p.content.stale:
		return stale()
	case len(p.signed) == 0:
		return p.content.explain(q, a.exists(st, place, q, nil, at))
	case q.Type == dns.TypeTXT, q.Type == dns.TypeANY, q.Type == dns.TypeRRSIG && !a.unsigned:
		return q.positive(Record, &p.set)
	}
	return a.exists(st, place, q, []uint16{dns.TypeTXT}, at)
}

// Forget drops what was prepared for a grant that is in no book any more. It is
// called after [Authority.Update].
func (a *Authority) Forget(g *policy.Grant) {
	a.records.Delete(g)
	a.forgetCut(g)
}

func (st *state) has(g *policy.Grant) bool {
	return st.book != nil && slices.Contains(st.book.Lookup(g.FQDN), g)
}
