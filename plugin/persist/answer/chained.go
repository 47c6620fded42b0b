package answer

import (
	"time"

	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// NewChained returns an authority for z, which is chained: names are denied by
// a chain of NSEC records over the whole zone, so that no query costs a
// signature, and the zone can be transferred. serial counts its versions.
func NewChained(z *zone.Zone, serial *Serial) *Authority {
	return &Authority{common: new(common), zone: z, serial: serial}
}

// chained answers from the edition of the zone. What is not in it does not
// exist.
func (a *Authority) chained(st *state, q Query, at time.Time) Response {
	ed, err := a.edition(st, at)
	if err != nil {
		return failed(err)
	}
	n := ed.names[q.Name]
	switch {
	case n == nil:
		return a.unlinked(ed, q, at)
	case n.nsec == nil:
		return n.explain(q, a.unlinked(ed, q, at))
	case n.stale && q.Type != dns.TypeNSEC && (q.Type == dns.TypeTXT || q.Name != a.zone.Origin):
		return stale()
	}
	if p := ed.answering(n, q, q.Name == a.zone.Origin); p != nil {
		return a.pending(ed, q, p.outcome(), p)
	}
	switch {
	case !a.zone.AllKnown(ed.st.book, at):
		return n.explain(q, a.alone(ed, q, n.types, at))
	case q.Type == dns.TypeNSEC:
		return a.pending(ed, q, Denial, n.nsec)
	}
	return n.explain(q, a.denied(ed, q, NoData, n.nsec))
}

// answering returns the RRset of n that answers q, nil for none: for ANY and
// RRSIG the first one (RFC 8482 section 4.1).
func (ed *edition) answering(n *node, q Query, apex bool) *pending {
	switch {
	case apex && (q.Type == dns.TypeSOA || q.Type == dns.TypeANY || q.Type == dns.TypeRRSIG):
		return ed.soa
	case q.Type == dns.TypeANY || q.Type == dns.TypeRRSIG:
		return n.rrsets[0]
	}
	return n.rrset(q.Type)
}

func (p *pending) outcome() Outcome {
	if p.rrtype() == dns.TypeTXT {
		return Record
	}
	return Apex
}

// unlinked answers at a name without RRsets: an empty non-terminal, or one that
// does not exist if the store has lately vouched for that.
func (a *Authority) unlinked(ed *edition, q Query, at time.Time) Response {
	covering, _ := ed.chain.Find(q.Name)
	if ed.chain.Exists(q.Name) {
		if !a.zone.AllKnown(ed.st.book, at) {
			return a.alone(ed, q, nil, at)
		}
		return a.denied(ed, q, NoData, ed.names[covering.Hdr.Name].nsec)
	}
	if !a.zone.Known(ed.st.book, q.Name, at) {
		return unknown(a.zone.Listed(ed.st.book, q.Name))
	}
	var proof []*pending
	for _, record := range ed.chain.Deny(q.Name) {
		if q.DO && !a.zone.KnownBetween(ed.st.book, record.Hdr.Name, record.NextDomain, at) {
			return unknown(a.zone.ListedBetween(ed.st.book, record.Hdr.Name, record.NextDomain))
		}
		proof = append(proof, ed.names[record.Hdr.Name].nsec)
	}
	r := a.denied(ed, q, NXDomain, proof...)
	if r.Outcome == NXDomain {
		r.Rcode = dns.RcodeNameError
	}
	return r
}

// pending answers q with an RRset.
func (a *Authority) pending(ed *edition, q Query, o Outcome, p *pending) Response {
	s, err := a.signed(ed, p)
	if err != nil {
		return failed(err)
	}
	return q.positive(o, s)
}

// denied answers with a proof, and the SOA that goes with it.
func (a *Authority) denied(ed *edition, q Query, o Outcome, proof ...*pending) Response {
	r := Response{Outcome: o}
	if !q.DO {
		proof = nil
	}
	for _, p := range append([]*pending{ed.soa}, proof...) {
		s, err := a.signed(ed, p)
		if err != nil {
			return failed(err)
		}
		r.Authority = append(r.Authority, s.rrs(q.DO)...)
	}
	return r
}
