package answer

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// set is an RRset with its signatures, as served in [from, until).
type set struct {
	signed      []dns.RR // the RRset followed by its RRSIGs
	size        int      // how many of signed are the RRset
	from, until time.Time
}

// rrs returns the RRset, with its signatures if do is set.
func (s *set) rrs(do bool) []dns.RR {
	if do {
		return s.signed
	}
	return s.signed[:s.size:s.size]
}

// signatures returns the RRSIGs alone.
func (s *set) signatures() []dns.RR { return slices.Clip(s.signed[s.size:]) }

// endBy has s served no longer than until the instant at.
func (s *set) endBy(at time.Time) {
	if at.Before(s.until) {
		s.until = at
	}
}

func (s *set) covers(at time.Time) bool { return !at.Before(s.from) && at.Before(s.until) }

// forever bounds sets that nothing but a new book changes.
const forever = 100 * 365 * 24 * time.Hour

// sign returns rrset as a set. An unsigned zone's set has no signatures and
// does not age.
func (a *Authority) sign(keys *dnssec.KeySet, rrset []dns.RR, at, notAfter time.Time) (*set, error) {
	if a.unsigned {
		return &set{signed: slices.Clip(rrset), size: len(rrset), from: at, until: at.Add(forever)}, nil
	}
	s, err := keys.Sign(rrset, a.zone.Origin, at, notAfter)
	if err != nil {
		return nil, err
	}
	return &set{signed: slices.Concat(rrset, s.RRSIG), size: len(rrset), from: s.From, until: s.Until}, nil
}

// apexSets holds the RRsets of the zone itself, each signed once per window.
type apexSets struct{ soa, ns, dnskey keyedSet }

// keyedSet is a set together with the keys that signed it.
type keyedSet struct{ atomic.Pointer[keyed] }

type keyed struct {
	set
	keys *dnssec.KeySet
}

// get returns the set at the instant at, making it if need be. Two goroutines
// may make it at once; both make the same.
func (k *keyedSet) get(keys *dnssec.KeySet, at time.Time, make func() (*set, error)) (*set, error) {
	if have := k.Load(); have != nil && have.keys == keys && have.covers(at) {
		return &have.set, nil
	}
	s, err := make()
	if err != nil {
		return nil, err
	}
	k.Store(&keyed{set: *s, keys: keys})
	return s, nil
}

// soa returns the SOA RRset. Its serial is the start of its own signature
// window: it changes when the signature does, on every server alike.
func (a *Authority) soa(st *state, at time.Time) (*set, error) {
	return a.apex.soa.get(st.keys, at, func() (*set, error) {
		start := at.Truncate(time.Hour)
		if !a.unsigned {
			start, _ = st.keys.Window(a.zone.Origin, dns.TypeSOA, at)
		}
		s, err := a.sign(st.keys, a.zone.SOA(uint32(start.Unix())), at, time.Time{}) // #nosec G115 -- serials wrap (RFC 1982)
		if err == nil && a.unsigned {
			s.until = start.Add(time.Hour)
		}
		return s, err
	})
}

func (a *Authority) ns(st *state, at time.Time) (*set, error) {
	return a.apex.ns.get(st.keys, at, func() (*set, error) {
		return a.sign(st.keys, a.zone.NS(), at, time.Time{})
	})
}

func (a *Authority) dnskey(st *state, at time.Time) (*set, error) {
	return a.apex.dnskey.get(st.keys, at, func() (*set, error) {
		rrs, changes := st.keys.DNSKEY(a.zone.Origin, at)
		s, err := a.sign(st.keys, rrs, at, time.Time{})
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
	types := []uint16{dns.TypeSOA, dns.TypeNS}
	if !a.unsigned {
		types = append(types, dns.TypeDNSKEY)
	}
	txt, err := a.prepare(st, place, q.Name, at)
	if err != nil {
		return failed(err)
	}
	if txt.stale || len(txt.signed) > 0 {
		types = append(types, dns.TypeTXT)
	}
	if q.Type == dns.TypeTXT && txt.stale {
		return stale()
	}
	if q.Type == dns.TypeTXT && len(txt.signed) > 0 {
		return q.positive(Record, &txt.set)
	}
	s, err := a.apexSet(st, q.Type, at)
	switch {
	case err != nil:
		return failed(err)
	case s == nil:
		return a.noData(st, q, types, at)
	}
	return q.positive(Apex, s)
}

// apexSet returns the RRset of the zone itself that answers qtype, nil for none.
func (a *Authority) apexSet(st *state, qtype uint16, at time.Time) (*set, error) {
	switch {
	case qtype == dns.TypeNS:
		return a.ns(st, at)
	case qtype == dns.TypeDNSKEY && !a.unsigned:
		return a.dnskey(st, at)
	case qtype == dns.TypeSOA, qtype == dns.TypeANY, qtype == dns.TypeRRSIG && !a.unsigned:
		return a.soa(st, at)
	}
	return nil, nil
}

// positive answers q with a set. For ANY one RRset is enough, and for RRSIG
// the signatures of one (RFC 8482 section 4.1).
func (q Query) positive(o Outcome, s *set) Response {
	if q.Type == dns.TypeRRSIG {
		return Response{Outcome: o, Answer: s.signatures()}
	}
	return Response{Outcome: o, Answer: s.rrs(q.DO)}
}
