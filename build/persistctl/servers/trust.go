package servers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// trust is what a zone's answers are validated by.
type trust struct {
	zone   string
	secure bool     // a chain of trust leads to the zone
	keys   []dns.RR // its DNSKEY RRset, where secure
	broken error    // why no answer of the zone validates, nil if it may
}

// trust asks the resolver, which has validated what it answers with AD (RFC 4035
// section 3.2.3).
func (r resolver) trust(ctx context.Context, zone string) (trust, error) {
	reply, err := r.reply(ctx, new(dns.Msg).SetQuestion(zone, dns.TypeDNSKEY).SetEdns0(payload, true))
	switch {
	case reply == nil:
		return trust{}, err
	case err == nil && !reply.AuthenticatedData:
		return trust{zone: zone}, nil
	case err == nil:
		return trust{zone: zone, secure: true, keys: setsOf(reply.Answer)[set{zone, dns.TypeDNSKEY}].rrs}, nil
	}
	if _, without := r.loose(ctx, zone, dns.TypeDNSKEY); without != nil {
		return trust{}, without
	}
	return trust{zone: zone, broken: fmt.Errorf("the DNSKEY RRset of %s does not validate: %w", zone, err)}, nil
}

// check reports why a validating resolver would not take a reply of a server of the
// zone to a question for name: not every RRset in it has a signature that is valid
// at the instant at, or it denies without a proof. What the proof covers is left to
// the resolver.
func (t trust) check(reply *dns.Msg, name string, at time.Time) error {
	switch {
	case t.broken != nil:
		return t.broken
	case !t.secure:
		return nil
	}
	sets := setsOf(slices.Concat(reply.Answer, reply.Ns))
	answered := slices.ContainsFunc(reply.Answer, func(rr dns.RR) bool {
		return dns.CanonicalName(rr.Header().Name) == name && rr.Header().Rrtype != dns.TypeRRSIG
	})
	denied := false
	for which, s := range sets {
		if answered && which.name != name {
			continue // where an alias leads, and what comes with it
		}
		if err := t.verify(which, s, at); err != nil {
			return err
		}
		denied = denied || which.qtype == dns.TypeNSEC || which.qtype == dns.TypeNSEC3
	}
	if !answered && !denied {
		return errors.New("it denies that there are records, without the NSEC or NSEC3 record that proves it")
	}
	return nil
}

// verify reports why none of the signatures of an RRset will do. One that does is
// enough (RFC 6840 section 5.4).
func (t trust) verify(which set, s signedSet, at time.Time) error {
	why := errors.New("it is not signed")
	for _, sig := range s.signatures {
		if why = t.validates(s.rrs, sig, at); why == nil {
			return nil
		}
	}
	return fmt.Errorf("the RRset %s %s does not validate: %w", which.name, dns.Type(which.qtype), why)
}

// validates reports why a signature over rrs is not valid at the instant at (RFC
// 4035 section 5.3).
func (t trust) validates(rrs []dns.RR, sig *dns.RRSIG, at time.Time) error {
	if !sig.ValidityPeriod(at) {
		return fmt.Errorf("its signature is valid from %s to %s, and it is %s", sigTime(sig.Inception), sigTime(sig.Expiration), at.UTC().Format(time.RFC3339))
	}
	err := fmt.Errorf("the DNSKEY RRset of %s has no key with the tag %d of its signature", t.zone, sig.KeyTag)
	for _, rr := range t.keys {
		key, ok := rr.(*dns.DNSKEY)
		if !ok || key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm || key.Flags&dns.ZONE == 0 {
			continue
		}
		if sig.Verify(key, rrs) == nil {
			return nil
		}
		err = fmt.Errorf("its signature is not one by the key with tag %d of the DNSKEY RRset of %s", sig.KeyTag, t.zone)
	}
	return err
}

// sigTime is an instant of an RRSIG as people read it.
func sigTime(t uint32) string {
	at, err := time.Parse("20060102150405", dns.TimeToString(t))
	if err != nil {
		return dns.TimeToString(t)
	}
	return at.Format(time.RFC3339)
}

// set names an RRset.
type set struct {
	name  string
	qtype uint16
}

// signedSet is an RRset with its signatures.
type signedSet struct {
	rrs        []dns.RR
	signatures []*dns.RRSIG
}

// setsOf sorts records into RRsets.
func setsOf(rrs []dns.RR) map[set]signedSet {
	sets := map[set]signedSet{}
	for _, rr := range rrs {
		which := set{dns.CanonicalName(rr.Header().Name), rr.Header().Rrtype}
		sig, isSignature := rr.(*dns.RRSIG)
		if isSignature {
			which.qtype = sig.TypeCovered
		}
		s := sets[which]
		if isSignature {
			s.signatures = append(s.signatures, sig)
		} else {
			s.rrs = append(s.rrs, rr)
		}
		sets[which] = s
	}
	for which, s := range sets {
		if len(s.rrs) == 0 {
			delete(sets, which) // signatures over what is in none of the sections
		}
	}
	return sets
}

// extended is what a resolver says of its reason (RFC 8914), in brackets.
func extended(reply *dns.Msg) string {
	var reasons []string
	if opt := reply.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				reason := dns.ExtendedErrorCodeToString[e.InfoCode]
				if e.ExtraText != "" {
					reason += fmt.Sprintf(": %q", e.ExtraText)
				}
				reasons = append(reasons, reason)
			}
		}
	}
	if len(reasons) == 0 {
		return ""
	}
	return " (" + strings.Join(reasons, "; ") + ")"
}
