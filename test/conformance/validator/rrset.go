package validator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// RRset is an RRset with the signatures over it.
type RRset struct {
	Records    []dns.RR
	Signatures []*dns.RRSIG
}

// Split sorts the records of a section into RRsets. A signature joins the RRset
// of its owner and covered type; one that covers nothing is returned in alone.
func Split(section []dns.RR) (sets []RRset, alone []*dns.RRSIG) {
	find := func(owner string, rrtype uint16) *RRset {
		for i := range sets {
			if h := sets[i].Records[0].Header(); h.Rrtype == rrtype && strings.EqualFold(h.Name, owner) {
				return &sets[i]
			}
		}
		return nil
	}
	var sigs []*dns.RRSIG
	for _, rr := range section {
		h := rr.Header()
		if sig, ok := rr.(*dns.RRSIG); ok {
			sigs = append(sigs, sig)
		} else if set := find(h.Name, h.Rrtype); set != nil {
			set.Records = append(set.Records, rr)
		} else {
			sets = append(sets, RRset{Records: []dns.RR{rr}})
		}
	}
	for _, sig := range sigs {
		if set := find(sig.Hdr.Name, sig.TypeCovered); set != nil {
			set.Signatures = append(set.Signatures, sig)
		} else {
			alone = append(alone, sig)
		}
	}
	return sets, alone
}

// Valid is what is known of a valid RRset.
type Valid struct {
	// TTL is for how many seconds it may be kept (RFC 4035 section 5.3.3).
	TTL uint32
	// Signature is the one that was found valid.
	Signature *dns.RRSIG
	// Expanded is set where the owner was made from a wildcard, which is valid
	// only with a proof that no closer name exists (RFC 4035 section 5.3.4).
	Expanded bool
}

// RRset validates one RRset of zone at the instant at by a DNSKEY RRset that is
// authentic (RFC 4035 section 5.3). One valid signature is enough; the error is
// about every one that is not.
func (v *Validator) RRset(set RRset, zone string, keys []*dns.DNSKEY, at time.Time) (Valid, error) {
	s, err := newSubject(set.Records, zone)
	if err != nil {
		return Valid{}, err
	}
	faults := []error{errors.New("there is no signature")}
	for _, sig := range set.Signatures {
		valid, err := v.signature(s, sig, keys, at)
		if err == nil {
			v.Validated++
			return valid, nil
		}
		faults = append(faults, fmt.Errorf("signature by %d: %w", sig.KeyTag, err))
	}
	if len(faults) > 1 {
		faults = faults[1:]
	}
	return Valid{}, fmt.Errorf("%s %s: %w", set.Records[0].Header().Name, dns.Type(s.rrtype), errors.Join(faults...))
}

// subject is an RRset that is to be validated.
type subject struct {
	records []dns.RR
	owner   name
	zone    name
	rrtype  uint16
	class   uint16
	ttl     uint32 // the lowest
}

func newSubject(records []dns.RR, zone string) (*subject, error) {
	if len(records) == 0 {
		return nil, errors.New("an RRset has one record at least")
	}
	h := records[0].Header()
	s := &subject{records: records, rrtype: h.Rrtype, class: h.Class, ttl: h.Ttl}
	var err error
	if s.owner, err = parse(h.Name); err != nil {
		return nil, err
	}
	if s.zone, err = parse(zone); err != nil {
		return nil, err
	}
	for _, rr := range records[1:] {
		r := rr.Header()
		if !strings.EqualFold(r.Name, h.Name) || r.Rrtype != h.Rrtype || r.Class != h.Class {
			return nil, fmt.Errorf("%s and %s are no RRset", h, r)
		}
		s.ttl = min(s.ttl, r.Ttl)
	}
	return s, nil
}

// signature goes through RFC 4035 section 5.3.1 in its order.
func (v *Validator) signature(s *subject, sig *dns.RRSIG, keys []*dns.DNSKEY, at time.Time) (Valid, error) {
	owner, err := parse(sig.Hdr.Name)
	if err != nil {
		return Valid{}, err
	}
	signer, err := parse(sig.SignerName)
	if err != nil {
		return Valid{}, err
	}
	now := uint32(at.Unix()) // #nosec G115 -- serial numbers wrap
	switch {
	case !owner.equal(s.owner) || sig.Hdr.Class != s.class:
		return Valid{}, errors.New("owner or class is not that of the RRset")
	case !signer.equal(s.zone) || !s.owner.within(s.zone):
		return Valid{}, fmt.Errorf("the signer %s is not the zone that holds the RRset", sig.SignerName)
	case sig.TypeCovered != s.rrtype:
		return Valid{}, fmt.Errorf("it covers %s", dns.Type(sig.TypeCovered))
	case int(sig.Labels) > s.owner.signedLabels():
		return Valid{}, fmt.Errorf("its Labels field is %d, and the owner has fewer", sig.Labels)
	case before(sig.Expiration, now):
		return Valid{}, fmt.Errorf("it expired at %s", dns.TimeToString(sig.Expiration))
	case before(now, sig.Inception):
		return Valid{}, fmt.Errorf("it is not valid before %s", dns.TimeToString(sig.Inception))
	}
	wire, expanded := s.signedOwner(int(sig.Labels))
	if expanded && s.rrtype == dns.TypeNSEC {
		return Valid{}, errors.New("an NSEC record made from a wildcard proves nothing") // CVE-2017-15105
	}
	m, err := message(sig, wire, s.records)
	if err != nil {
		return Valid{}, err
	}
	if err := v.byOne(keys, s.zone, sig, m); err != nil {
		return Valid{}, err
	}
	life := sig.Expiration - now
	return Valid{TTL: min(s.ttl, sig.Hdr.Ttl, sig.OrigTtl, life), Signature: sig, Expanded: expanded}, nil
}

// before compares serial numbers (RFC 1982 section 3.2, RFC 4034 section 3.1.5).
func before(a, b uint32) bool { return a != b && b-a < 1<<31 }

// signedOwner returns the owner that was signed, in wire form: where Labels is
// less than the owner has, an asterisk in place of the labels left of those
// (RFC 4035 section 5.3.2).
func (s *subject) signedOwner(labels int) (wire []byte, expanded bool) {
	signed := s.owner
	if labels < s.owner.signedLabels() {
		signed, expanded = s.owner[:labels].child("*"), true
	}
	for _, label := range slices.Backward(signed) {
		wire = append(wire, byte(len(label))) // #nosec G115 -- at most 63
		wire = append(wire, label...)
	}
	return append(wire, 0), expanded
}

// byOne finds the key by which sig was made: several may have its tag.
func (v *Validator) byOne(keys []*dns.DNSKEY, zone name, sig *dns.RRSIG, message []byte) error {
	found := false
	for _, key := range keys {
		if ok, err := candidate(key, zone, sig); err != nil {
			return err
		} else if !ok {
			continue
		}
		if found = true; v.fits(key, message, sig.Signature) {
			return nil
		}
	}
	if found {
		return errUnfit
	}
	return errors.New("no zone key of the DNSKEY RRset has its tag and algorithm")
}

// candidate reports whether key may have made sig: a zone key of the signer,
// not revoked, with its algorithm and tag (RFC 4034 section 2.1, RFC 5011
// section 2.1).
func candidate(key *dns.DNSKEY, zone name, sig *dns.RRSIG) (bool, error) {
	if key.Algorithm != sig.Algorithm || key.Flags&dns.ZONE == 0 || key.Flags&dns.REVOKE != 0 || key.Protocol != 3 {
		return false, nil
	}
	owner, err := parse(key.Hdr.Name)
	if err != nil || !owner.equal(zone) {
		return false, err
	}
	tag, err := keyTag(key)
	return tag == sig.KeyTag, err
}
