package answer

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

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
	if err := a.verifySample(keys, rrset, s.RRSIG, at); err != nil {
		return nil, err
	}
	return &set{signed: slices.Concat(rrset, s.RRSIG), size: len(rrset), from: s.From, until: s.Until}, nil
}

// signPaid is sign for what a cut may have to pay for.
func (a *Authority) signPaid(keys *dnssec.KeySet, rrset []dns.RR, at time.Time) (*set, error) {
	if err := a.meter.pay(); err != nil {
		return nil, err
	}
	return a.sign(keys, rrset, at, time.Time{})
}

// keyedSet is a set together with the keys that signed it.
type keyedSet struct{ atomic.Pointer[keyed] }

type keyed struct {
	set
	keys *dnssec.KeySet
}

// get returns the set at the instant at, making it if need be. Two goroutines
// may make it at once; both make the same. Where the new one would not validate
// the one before stays for as long as its signatures last.
func (k *keyedSet) get(keys *dnssec.KeySet, at time.Time, make func() (*set, error)) (*set, error) {
	have := k.Load()
	if have != nil && have.keys == keys && have.covers(at) {
		return &have.set, nil
	}
	s, err := make()
	switch {
	case errors.Is(err, errBogus) && have != nil && have.lasts(at):
		return &have.set, nil
	case err != nil:
		return nil, err
	}
	k.Store(&keyed{set: *s, keys: keys})
	return s, nil
}

// positive answers q with a set. For ANY one RRset is enough, and for RRSIG
// the signatures of one (RFC 8482 section 4.1).
func (q Query) positive(o Outcome, s *set) Response {
	if q.Type == dns.TypeRRSIG {
		return Response{Outcome: o, Answer: s.signatures()}
	}
	return Response{Outcome: o, Answer: s.rrs(q.DO)}
}
