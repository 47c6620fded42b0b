package answer

import (
	"time"

	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// Claim says whose a name is where persist adds owners to another plugin's zone.
type Claim int

// The claims.
const (
	Theirs Claim = iota // the other plugin's alone
	Exists              // theirs, but a granted owner below makes it exist
	Ours                // a granted owner: whatever the other plugin says of it does not count
)

// Overlay answers q where another plugin is authoritative for the zone, and
// says whose name it is. A NODATA it returns lacks the SOA, which is the other
// plugin's to give. An apex that is an owner has the other plugin's SOA and NS
// too: nothing but its TXT RRset is claimed.
func (a *Authority) Overlay(q Query, at time.Time) (Response, Claim) {
	if q.Name == a.zone.Origin && q.Type != dns.TypeTXT {
		return Response{}, Theirs
	}
	st := a.state.Load()
	if !st.ready(true) {
		if _, ok := a.zone.Validated(q.Name); ok {
			return notReady(), Ours
		}
		return Response{}, Theirs
	}
	at = st.book.Clock(at)
	place := a.zone.Find(st.book, q.Name)
	switch {
	case len(place.Grants) > 0:
		return a.overlayOwner(st, place, q, at), Ours
	case place.Kind == zone.Empty:
		return Response{Outcome: NoData}, Exists
	}
	if _, ok := a.zone.Validated(q.Name); ok {
		if listed := a.zone.ListedAt(st.book, q.Name); listed.IsZero() { // the other plugin may deny what is granted
			return unknown(listed), Ours
		}
	}
	return Response{}, Theirs
}

func (a *Authority) overlayOwner(st *state, place zone.Place, q Query, at time.Time) Response {
	if r, refused := refuse(q.Type); refused {
		return r
	}
	p, err := a.txt(st, place, q, at)
	switch {
	case err != nil:
		return failed(err)
	case p.content.stale:
		return stale()
	case len(p.signed) > 0 && (q.Type == dns.TypeTXT || q.Type == dns.TypeANY):
		return q.positive(Record, &p.set)
	}
	if len(p.signed) == 0 {
		return p.content.explain(q, Response{Outcome: NoData})
	}
	return Response{Outcome: NoData}
}
