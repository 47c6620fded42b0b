package validator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Answer is what a server said to a question in class IN with DO set.
type Answer struct {
	Name      string
	Type      uint16
	Rcode     int
	Answer    []dns.RR
	Authority []dns.RR
}

// Verdict is what a valid answer says.
type Verdict struct {
	Kind Kind
	// Sets are the RRsets of the answer, or else of the proof, and Valid what is
	// known of each.
	Sets  []RRset
	Valid []Valid
	// Unproven is set where only signatures were asked for and came without the
	// RRset that they cover: nobody can validate them.
	Unproven bool
}

// Answer validates an answer of zone at the instant at by a DNSKEY RRset that is
// authentic. Chasing aliases is not among what it knows.
func (v *Validator) Answer(a Answer, zone string, keys []*dns.DNSKEY, at time.Time) (Verdict, error) {
	sets, alone := Split(a.Answer)
	proof, stray := Split(a.Authority)
	switch {
	case a.Rcode != dns.RcodeSuccess && a.Rcode != dns.RcodeNameError:
		return Verdict{}, fmt.Errorf("the response code is %s", dns.RcodeToString[a.Rcode])
	case len(stray) > 0:
		return Verdict{}, fmt.Errorf("%s covers nothing in the authority section", stray[0])
	case len(alone) > 0 && a.Type == dns.TypeRRSIG && len(sets) == 0:
		return Verdict{Unproven: true}, nil
	case len(alone) > 0:
		return Verdict{}, fmt.Errorf("%s covers nothing in the answer section", alone[0])
	}
	d := Verdict{Sets: append(sets, proof...)}
	for _, set := range d.Sets {
		valid, err := v.RRset(set, zone, keys, at)
		if err != nil {
			return Verdict{}, err
		}
		d.Valid = append(d.Valid, valid)
	}
	if len(sets) == 0 {
		return d, d.negative(a, proof)
	}
	return d, d.positive(a, sets, proof)
}

// positive checks that the answer is one to the question, and that a wildcard
// was the closest match (RFC 4035 section 5.3.4).
func (d *Verdict) positive(a Answer, sets, proof []RRset) error {
	if a.Rcode != dns.RcodeSuccess {
		return errors.New("the name does not exist, and has records")
	}
	for i, set := range sets {
		h := set.Records[0].Header()
		switch {
		case !strings.EqualFold(h.Name, a.Name) || a.Type != dns.TypeANY && h.Rrtype != a.Type:
			return fmt.Errorf("%s was not asked for", h)
		case d.Valid[i].Expanded && !closer(proof, h.Name, int(d.Valid[i].Signature.Labels)):
			return fmt.Errorf("%s was made from a wildcard, and a closer name may exist", h.Name)
		}
	}
	return nil
}

// closer reports whether the proof denies the name one label longer than the
// wildcard's parent, which has so many labels.
func closer(proof []RRset, owner string, labels int) bool {
	all, err := spans(nsecs(proof))
	if err != nil {
		return false
	}
	n, err := parse(owner)
	return err == nil && slices.ContainsFunc(all, func(s span) bool {
		return s.covers(n) && !s.parental(n) && len(closestEncloser(n, s)) <= labels
	})
}

// negative checks that what is not there is proven not to be, with the SOA
// record that an empty answer needs (RFC 2308 section 3).
func (d *Verdict) negative(a Answer, proof []RRset) error {
	soa := false
	for _, set := range proof {
		soa = soa || set.Records[0].Header().Rrtype == dns.TypeSOA
	}
	if !soa {
		return errors.New("an empty answer lacks the SOA record")
	}
	kind, err := Denies(nsecs(proof), a.Name, a.Type)
	if err != nil {
		return err
	}
	if d.Kind = kind; a.Rcode == dns.RcodeNameError && kind != NoName {
		return errors.New("the name exists by its own proof, and the response code says otherwise")
	}
	return nil
}

func nsecs(sets []RRset) []*dns.NSEC {
	var list []*dns.NSEC
	for _, set := range sets {
		for _, rr := range set.Records {
			if n, ok := rr.(*dns.NSEC); ok {
				list = append(list, n)
			}
		}
	}
	return list
}
