package answer

import (
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// WithCuts has a answer for the cuts of its zone, which has cuts, by Cut. The
// versions of those that are chained are counted in serials. Where there are more
// than are kept, what is signed for them is within the budget of d.
func (a *Authority) WithCuts(serials *Serials, d *Denials) *Authority {
	a.cuts = &cuts{serials: serials, denials: d}
	return a
}

// Cut answers q, whose name is at or below the zone's origin, and says whose
// name it is: one in no cut is not ours. As long as it is not known which cuts
// there are, since a document that may grant one was never read, every name that may
// be in one is. Each cut answers what a zone of
// its own would answer.
func (a *Authority) Cut(q Query, at time.Time) (Response, Claim) {
	origin, fqdn, ok := a.zone.CutOf(q.Name)
	if !ok {
		return Response{}, Theirs
	}
	st := a.state.Load()
	if st == nil || st.book == nil {
		return notReady(), Ours
	}
	grants := st.book.Lookup(fqdn)
	if len(grants) == 0 {
		if listed := a.zone.Listed(st.book, origin); listed.IsZero() {
			return unknown(listed), Ours
		}
		return Response{}, Theirs
	}
	if !st.ready(a.unsigned) {
		return notReady(), Ours
	}
	if r, refused := refuse(q.Type); refused {
		return r, Ours
	}
	at = st.book.Clock(at)
	if q.Type == dns.TypeTXT && len(q.Name) == len(origin) {
		if p := a.prepared(st, grants, at); p != nil { // needs no more than that
			return q.positive(Record, &p.set), Ours
		}
	}
	return a.cut(grants[0], origin, fqdn, at).answerMetered(st, q, at), Ours
}

// prepared returns the TXT RRset that was prepared for a name, nil where there is
// none that is current, or it is empty.
func (c *common) prepared(st *state, grants []*policy.Grant, at time.Time) *prepared {
	if p := c.kept(grants[0]); p != nil && len(p.signed) > 0 && p.current(st, zone.Place{Grants: grants}, at) {
		return p
	}
	return nil
}

// CutAt returns the authority for the cut with an origin, nil where there is none,
// to be asked when this clock says at.
func (a *Authority) CutAt(origin string, at time.Time) *Authority {
	st := a.state.Load()
	if !st.ready(a.unsigned) || !dns.IsSubDomain(a.zone.Origin, origin) {
		return nil
	}
	is, fqdn, ok := a.zone.CutOf(origin)
	if !ok || is != origin {
		return nil
	}
	if grants := st.book.Lookup(fqdn); len(grants) > 0 {
		return a.cut(grants[0], origin, fqdn, st.book.Clock(at))
	}
	return nil
}

// cut returns the authority for a cut, which is kept for the next question as
// that of g, the first of its grants. No other one has to go for a cut that has
// nothing to pay with.
func (a *Authority) cut(g *policy.Grant, origin string, fqdn record.FQDN, at time.Time) *Authority {
	if c := a.cuts.get(g); c != nil {
		return c
	}
	c := &Authority{common: a.common, zone: a.zone.Cut(origin, fqdn)}
	if a.zone.Chained {
		c.serial = a.cuts.serials.Of(origin)
	}
	if !a.unsigned && a.cuts.full() {
		if c.meter = (&meter{denials: a.cuts.denials}); !c.meter.hasAny(at) {
			return c
		}
	}
	c = a.cuts.keep(g, c)
	if now := a.state.Load(); !now.has(g) {
		a.Forget(g) // it may have been forgotten already
	}
	return c
}

// forgetCut drops the cut of a grant that is in no book any more, and its serial
// where that was the last grant of its name.
func (a *Authority) forgetCut(g *policy.Grant) {
	if a.cuts == nil {
		return
	}
	a.cuts.drop(g)
	if st := a.state.Load(); a.zone.Chained && st.book != nil && st.book.Lookup(g.FQDN) == nil {
		a.cuts.serials.drop(g.FQDN.Owner())
	}
}

// WasAskedFor reports whether a version of the cut of fqdn, which is chained, was
// ever made: only then can somebody have it, and want to hear of the next.
func (a *Authority) WasAskedFor(fqdn record.FQDN) bool { return a.cuts.serials.has(fqdn.Owner()) }
