package answer

import (
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/miekg/dns"
)

// How many denials are remembered, for names that exist and for names that do
// not: they are kept apart, so that a flood of random names evicts nothing
// that a resolver needs on its way to a granted one.
const (
	keptExisting = 1 << 16
	keptAbsent   = 1 << 14
)

// Denials remembers signed denials of existence (RFC 9824) by exact canonical
// name, and bounds the signatures spent on names that nobody has listed: those
// that do not exist, and those of subtrees; and on cuts, where there are more than
// are kept. Zones that do not lie inside each other may share it.
type Denials struct {
	existing *lru.Cache[string, *denial]
	absent   *lru.Cache[string, *denial]
	subtrees subtrees
	budget   *allowance // for everyone
	reserve  *allowance // for streams, once the budget is spent
}

// NewDenials allows budget signatures per second for absent names. Queries over
// a stream may have a quarter more: they come from where they say they do, and
// follow the TC bit that the budget gave them.
func NewDenials(budget float64) *Denials {
	existing, _ := lru.New[string, *denial](keptExisting) // fails only for a size below 1
	absent, _ := lru.New[string, *denial](keptAbsent)
	return &Denials{existing: existing, absent: absent, subtrees: newSubtrees(), budget: newAllowance(budget), reserve: newAllowance(budget / 4)}
}

// denial is a proof of what is not there, with the SOA that must accompany it
// (RFC 2308 section 3).
type denial struct {
	nsec      []*set   // the NSEC RRsets
	authority []dns.RR // SOA and NSEC RRsets, each with its signatures
	soa       []dns.RR // the SOA alone
	compact   bool     // NODATA in form: NXDOMAIN is said by the NXNAME bit
	from      time.Time
	until     time.Time

	keys     *dnssec.KeySet
	types    []uint16 // at a name that exists
	encloser string   // an ancestor of a name that does not: the closest one at or below a wildcard
}

func (d *denial) current(keys *dnssec.KeySet, types []uint16, encloser string, at time.Time) bool {
	return d.keys == keys && !at.Before(d.from) && at.Before(d.until) &&
		d.encloser == encloser && slices.Equal(d.types, types)
}

// noData answers for a name that exists with exactly the given types, other
// than NSEC and RRSIG.
func (a *Authority) noData(st *state, q Query, types []uint16, at time.Time) Response {
	if a.unsigned {
		return a.unsignedDenial(st, NoData, dns.RcodeSuccess, at)
	}
	d, ok := a.denials.existing.Get(q.Name)
	if !ok || !d.current(st.keys, types, "", at) {
		var err error
		if d, err = a.present(st, q.Name, types, at); err != nil {
			return failed(err)
		}
		a.denials.existing.Add(q.Name, d)
	}
	return q.noData(d)
}

// present signs a proof that name exists with exactly the given types.
func (a *Authority) present(st *state, name string, types []uint16, at time.Time) (*denial, error) {
	if err := a.meter.pay(); err != nil {
		return nil, err
	}
	d, err := a.deny(st, []*dns.NSEC{dnssec.Present(name, types, zone.NegativeTTL)}, at)
	if err == nil {
		d.types = types
	}
	return d, err
}

// noData answers q with the proof that its name exists, but not its type.
func (q Query) noData(d *denial) Response {
	if q.asksForProof() {
		return q.positive(Denial, d.nsec[0])
	}
	return Response{Outcome: NoData, Authority: d.section(q.DO)}
}

// asksForProof: an NSEC record stands at every name of a signed zone, so
// NODATA for NSEC, RRSIG or ANY would contradict its own bitmap. The types
// asked for by name are answered without DO as well (RFC 4035 section 3.1).
func (q Query) asksForProof() bool {
	return q.Type == dns.TypeNSEC || q.Type == dns.TypeRRSIG || q.DO && q.Type == dns.TypeANY
}

// absent answers for a name that does not exist, if the store has lately
// vouched for that.
func (a *Authority) absent(st *state, q Query, at time.Time) Response {
	if !a.zone.Known(st.book, q.Name, at) {
		return unknown(a.zone.Listed(st.book, q.Name))
	}
	if a.unsigned {
		return a.unsignedDenial(st, NXDomain, dns.RcodeNameError, at)
	}
	if !q.DO && !q.asksForProof() {
		soa, err := a.soa(st, at)
		if err != nil {
			return failed(err)
		}
		return Response{Outcome: NXDomain, Rcode: dns.RcodeNameError, Authority: soa.rrs(false)}
	}
	d, err := a.absence(st, q, at)
	switch {
	case err != nil:
		return failed(err)
	case d == nil:
		return Response{Outcome: Limited}
	case d.compact && q.asksForProof():
		return q.positive(Denial, d.nsec[0])
	}
	r := Response{Outcome: NXDomain, Authority: d.section(q.DO)}
	if !d.compact || q.CO || !q.DO {
		r.Rcode = dns.RcodeNameError
	}
	return r
}

// absence returns the proof that q.Name does not exist, from memory or signed
// once for all who ask at this moment; nil where every allowance is spent.
func (a *Authority) absence(st *state, q Query, at time.Time) (*denial, error) {
	encloser := a.zone.Origin
	if dnssec.BelowWildcard(q.Name) { // only there does the proof depend on more
		encloser = a.zone.Encloser(st.book, q.Name)
	}
	if d, ok := a.denials.absent.Get(q.Name); ok && d.current(st.keys, nil, encloser, at) {
		return d, nil
	}
	d, err := a.prove(a.denials.budget, st, q.Name, encloser, at)
	if d == nil && err == nil && q.Stream {
		return a.prove(a.denials.reserve, st, q.Name, encloser, at)
	}
	return d, err
}

// prove signs and remembers a proof at the expense of an allowance; nil where
// that is spent.
func (a *Authority) prove(w *allowance, st *state, name, encloser string, at time.Time) (*denial, error) {
	if w.spent(at) { // under attack this is the common case
		return nil, nil
	}
	v, err, _ := w.flight.Do(name, func() (any, error) {
		nsec, compact := dnssec.Denial(name, encloser, zone.NegativeTTL)
		if !w.take(len(nsec), at) {
			return (*denial)(nil), nil
		}
		d, err := a.deny(st, nsec, at)
		if err != nil {
			return nil, err
		}
		d.compact, d.encloser = compact, encloser
		a.denials.absent.Add(name, d)
		return d, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*denial), nil
}

// deny signs a proof.
func (a *Authority) deny(st *state, nsec []*dns.NSEC, at time.Time) (*denial, error) {
	soa, err := a.soa(st, at)
	if err != nil {
		return nil, err
	}
	d := &denial{authority: slices.Clone(soa.signed), soa: soa.rrs(false), from: at, until: soa.until, keys: st.keys}
	for _, rr := range nsec {
		s, err := a.sign(st.keys, []dns.RR{rr}, at, time.Time{})
		if err != nil {
			return nil, err
		}
		d.nsec = append(d.nsec, s)
		d.authority = append(d.authority, s.signed...)
		if s.until.Before(d.until) {
			d.until = s.until
		}
	}
	d.authority = slices.Clip(d.authority)
	return d, nil
}

func (d *denial) section(do bool) []dns.RR {
	if do {
		return d.authority
	}
	return d.soa
}

func (a *Authority) unsignedDenial(st *state, o Outcome, rcode int, at time.Time) Response {
	soa, err := a.soa(st, at)
	if err != nil {
		return failed(err)
	}
	return Response{Outcome: o, Rcode: rcode, Authority: soa.rrs(false)}
}
