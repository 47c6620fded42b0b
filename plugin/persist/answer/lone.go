package answer

import (
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// The chain of a zone denies every name between two that it links. While the store
// has not vouched lately for all of these being absent, NSEC records of the chain
// would have resolvers deny them on their own (RFC 8198). What there is at a name
// that exists is then said by one that covers no other name (RFC 4470).

// lone tells NSEC records that cover no other name apart.
type lone struct {
	name string
	txt  bool // nobody has listed the name, and it may be granted by now
}

// alone answers at a name that exists with the given types, for which there is no
// RRset of the type asked for.
func (a *Authority) alone(ed *edition, q Query, types []uint16, at time.Time) Response {
	key := lone{q.Name, ed.unlisted(q.Name) && a.zone.MayBeGranted(ed.st.book, q.Name, at)}
	if key.txt {
		types = append(slices.Clip(types), dns.TypeTXT)
		if q.Type == dns.TypeTXT {
			return unknown(a.zone.ListedAt(ed.st.book, q.Name))
		}
	}
	s, err := a.loneNSEC(ed, key, types)
	switch {
	case err != nil:
		return failed(err)
	case q.asksForProof():
		return q.positive(Denial, s)
	}
	r := a.denied(ed, q, NoData)
	if r.Outcome == NoData && q.DO {
		r.Authority = append(r.Authority, s.signed...)
	}
	return r
}

// unlisted reports whether nobody has listed name.
func (ed *edition) unlisted(name string) bool {
	n := ed.names[name]
	return n == nil || len(n.grants) == 0
}

// loneNSEC returns the NSEC record of a name, signed when it is first asked for.
func (a *Authority) loneNSEC(ed *edition, key lone, types []uint16) (*set, error) {
	if s, ok := ed.lone.Load(key); ok {
		return s.(*set), nil
	}
	s, err := a.signPaid(ed.st.keys, []dns.RR{dnssec.Present(key.name, types, zone.NegativeTTL)}, ed.at.Truncate(tick))
	if err == nil {
		ed.lone.Store(key, s)
	}
	return s, err
}
