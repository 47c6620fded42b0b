package answer

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// apexSets holds the RRsets of the zone itself, each signed once per window, and
// the TXT RRset of an apex that lies in a subtree.
type apexSets struct {
	soa, ns, dnskey, cds, cdnskey keyedSet

	txt atomic.Pointer[prepared]
}

// forgetTXT drops the TXT RRset of an apex in a subtree where st has other grants
// for it.
func (a *Authority) forgetTXT(st *state) {
	p := a.apex.txt.Load()
	if p == nil || st.book == nil {
		return
	}
	if place := a.zone.Find(st.book, a.zone.Origin); !slices.Equal(place.Grants, p.content.grants) {
		a.apex.txt.CompareAndSwap(p, nil)
	}
}

// soa returns the SOA RRset. Its serial is the start of its own signature
// window: it changes when the signature does, on every server alike.
func (a *Authority) soa(st *state, at time.Time) (*set, error) {
	return a.apex.soa.get(st.keys, at, func() (*set, error) {
		start := at.Truncate(time.Hour)
		if !a.unsigned {
			start, _ = st.keys.Window(a.zone.Origin, dns.TypeSOA, at)
		}
		s, err := a.signPaid(st.keys, a.zone.SOA(uint32(start.Unix())), at) // #nosec G115 -- serials wrap (RFC 1982)
		if err == nil && a.unsigned {
			s.until = start.Add(time.Hour)
		}
		return s, err
	})
}

func (a *Authority) ns(st *state, at time.Time) (*set, error) {
	return a.apex.ns.get(st.keys, at, func() (*set, error) {
		return a.signPaid(st.keys, a.zone.NS(), at)
	})
}

func (a *Authority) dnskey(st *state, at time.Time) (*set, error) {
	return a.ofKeys(st, &a.apex.dnskey, at, func() ([]dns.RR, time.Time) {
		return st.keys.DNSKEY(a.zone.Origin, at)
	})
}

func (a *Authority) cds(st *state, at time.Time) (*set, error) {
	return a.ofKeys(st, &a.apex.cds, at, func() ([]dns.RR, time.Time) {
		cds, _, changes := st.keys.CDS(a.zone.Origin, at)
		return cds, changes
	})
}

func (a *Authority) cdnskey(st *state, at time.Time) (*set, error) {
	return a.ofKeys(st, &a.apex.cdnskey, at, func() ([]dns.RR, time.Time) {
		_, cdnskey, changes := st.keys.CDS(a.zone.Origin, at)
		return cdnskey, changes
	})
}

// ofKeys returns an RRset that says what the keys are. It may be empty.
func (a *Authority) ofKeys(st *state, have *keyedSet, at time.Time, rrset func() (rrs []dns.RR, changes time.Time)) (*set, error) {
	return have.get(st.keys, at, func() (*set, error) {
		rrs, changes := rrset()
		if len(rrs) == 0 {
			return &set{from: at, until: changes}, nil
		}
		s, err := a.signPaid(st.keys, rrs, at)
		if err != nil {
			return nil, err
		}
		s.from = at // the keys may have been others earlier in the window
		s.endBy(changes)
		return s, nil
	})
}

// atApex answers at the zone's own name, which may be an owner too.
func (a *Authority) atApex(st *state, place zone.Place, q Query, at time.Time) Response {
	txt, err := a.txt(st, place, q, at)
	switch {
	case err != nil:
		return failed(err)
	case q.Type == dns.TypeTXT && txt.content.stale:
		return stale()
	case q.Type == dns.TypeTXT && len(txt.signed) > 0:
		return q.positive(Record, &txt.set)
	}
	s, err := a.apexSet(st, q.Type, at)
	switch {
	case err != nil:
		return failed(err)
	case s != nil && len(s.signed) > 0:
		return q.positive(Apex, s)
	}
	return txt.content.explain(q, a.noData(st, q, a.apexTypes(st, txt, at), at))
}

// apexTypes are the types of the apex, where txt may stand too.
func (a *Authority) apexTypes(st *state, txt *prepared, at time.Time) []uint16 {
	types := []uint16{dns.TypeSOA, dns.TypeNS}
	if txt.content.stale || len(txt.signed) > 0 {
		types = append(types, dns.TypeTXT)
	}
	if a.unsigned {
		return types
	}
	if st.keys.HasCDS(at) { // whether they can be signed or not
		types = append(types, dns.TypeCDS, dns.TypeCDNSKEY)
	}
	return append(types, dns.TypeDNSKEY)
}

// apexSet returns the RRset of the zone itself that answers qtype, nil or an
// empty one for none.
func (a *Authority) apexSet(st *state, qtype uint16, at time.Time) (*set, error) {
	switch {
	case qtype == dns.TypeNS:
		return a.ns(st, at)
	case qtype == dns.TypeSOA, qtype == dns.TypeANY, qtype == dns.TypeRRSIG && !a.unsigned:
		return a.soa(st, at)
	case a.unsigned:
		return nil, nil
	case qtype == dns.TypeDNSKEY:
		return a.dnskey(st, at)
	case qtype == dns.TypeCDS:
		return a.cds(st, at)
	case qtype == dns.TypeCDNSKEY:
		return a.cdnskey(st, at)
	}
	return nil, nil
}
