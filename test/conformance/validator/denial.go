package validator

import (
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// Kind is what an answer says.
type Kind int

// The kinds.
const (
	Positive Kind = iota // there are such records
	NoData               // the name exists, the type does not
	NoName               // the name does not exist
)

// span is an NSEC record with its names taken apart.
type span struct {
	*dns.NSEC
	owner, next name
}

func spans(list []*dns.NSEC) ([]span, error) {
	all := make([]span, 0, len(list))
	for _, n := range list {
		owner, err := parse(n.Hdr.Name)
		if err != nil {
			return nil, err
		}
		next, err := parse(n.NextDomain)
		if err != nil {
			return nil, err
		}
		all = append(all, span{n, owner, next})
	}
	return all, nil
}

func (s span) has(rrtype uint16) bool { return slices.Contains(s.TypeBitMap, rrtype) }

// covers reports whether n lies strictly between the owner and the next name,
// which for the last record of a zone is the apex.
func (s span) covers(n name) bool {
	if s.owner.compare(s.next) < 0 {
		return s.owner.compare(n) < 0 && n.compare(s.next) < 0
	}
	return n.within(s.next) && s.owner.compare(n) < 0
}

// parental reports whether s is the parent's word on a name above n: it then
// says nothing of n (RFC 6840 section 4.1; RFC 6672 section 5.3.4.1 for DNAME).
func (s span) parental(n name) bool {
	delegation := s.has(dns.TypeNS) && !s.has(dns.TypeSOA)
	return (delegation || s.has(dns.TypeDNAME)) && n.within(s.owner) && !n.equal(s.owner)
}

// Covers reports whether name lies strictly between the owner and the next name
// of n.
func Covers(n *dns.NSEC, name string) bool {
	all, err := spans([]*dns.NSEC{n})
	if err != nil {
		return false
	}
	at, err := parse(name)
	return err == nil && all[0].covers(at)
}

// Denies returns what NSEC records, which are valid and of one zone, prove of a
// name and a type: NoData or NoName (RFC 4035 section 5.4, RFC 9824 section 3).
func Denies(proof []*dns.NSEC, qname string, qtype uint16) (Kind, error) {
	all, err := spans(proof)
	if err != nil {
		return 0, err
	}
	n, err := parse(qname)
	if err != nil {
		return 0, err
	}
	if i := slices.IndexFunc(all, func(s span) bool { return s.owner.equal(n) }); i >= 0 {
		return all[i].matched(qtype)
	}
	i := slices.IndexFunc(all, func(s span) bool { return s.covers(n) })
	switch {
	case i < 0:
		return 0, fmt.Errorf("no NSEC record matches or covers %s", qname)
	case all[i].parental(n):
		return 0, fmt.Errorf("%s is above a zone or a DNAME that holds %s", all[i].Hdr.Name, qname)
	case all[i].next.within(n):
		return NoData, nil // an empty non-terminal
	}
	return wildcardDenied(all, closestEncloser(n, all[i]), qtype)
}

// matched is what the NSEC record of the very name proves.
func (s span) matched(qtype uint16) (Kind, error) {
	switch {
	case s.has(dns.TypeNXNAME):
		if !slices.Equal(s.TypeBitMap, []uint16{dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNXNAME}) {
			return 0, fmt.Errorf("%s has NXNAME beside other types", s.Hdr.Name)
		}
		return NoName, nil
	case qtype == dns.TypeANY:
		return 0, errors.New("a name with an NSEC record has records of some type") // RFC 6840 section 4.4
	case s.has(qtype):
		return 0, fmt.Errorf("%s has the type %s by its own bitmap", s.Hdr.Name, dns.Type(qtype))
	case s.has(dns.TypeCNAME):
		return 0, fmt.Errorf("%s has a CNAME record, which answers for every type", s.Hdr.Name) // RFC 6840 section 4.3
	case s.has(dns.TypeNS) && !s.has(dns.TypeSOA) && qtype != dns.TypeDS:
		return 0, fmt.Errorf("%s is delegated, and the parent's word", s.Hdr.Name)
	}
	return NoData, nil
}

// closestEncloser is the longest ancestor of n that exists, by the record that
// covers n: both of its ends exist, and so do all names above them.
func closestEncloser(n name, by span) name {
	a, b := n.common(by.owner), n.common(by.next)
	if len(b) > len(a) {
		return b
	}
	return a
}

// wildcardDenied is what the proof says of the wildcard that would match.
func wildcardDenied(all []span, encloser name, qtype uint16) (Kind, error) {
	wildcard := encloser.child("*")
	for _, s := range all {
		switch {
		case s.owner.equal(wildcard):
			kind, err := s.matched(qtype)
			if err == nil && kind == NoName {
				err = errors.New("a compact proof is for the name that was asked for")
			}
			return kind, err
		case s.covers(wildcard) && !s.parental(wildcard):
			return NoName, nil
		}
	}
	return 0, errors.New("no NSEC record denies the wildcard that would match")
}
