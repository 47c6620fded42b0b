package dnssec

import (
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// Verify reports why a validator that holds the DNSKEY RRset keys would not take
// rrset at the instant at with all of the signatures. It shares nothing with
// Sign: canonical form and verification are those of miekg/dns.
func Verify(rrset, signatures, keys []dns.RR, at time.Time) error {
	if len(rrset) == 0 || len(signatures) == 0 {
		return errors.New("there is nothing to verify")
	}
	for _, rr := range signatures {
		sig, ok := rr.(*dns.RRSIG)
		if !ok {
			return fmt.Errorf("%s stands among the signatures", describe(rr))
		}
		if err := validates(rrset, sig, keys, at); err != nil {
			return fmt.Errorf("%s: the signature of the key with tag %d: %w", describe(rrset[0]), sig.KeyTag, err)
		}
	}
	return nil
}

func validates(rrset []dns.RR, sig *dns.RRSIG, keys []dns.RR, at time.Time) error {
	var signer *dns.DNSKEY
	for _, rr := range keys {
		switch key, ok := rr.(*dns.DNSKEY); {
		case !ok || key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm:
		case signer != nil:
			return errors.New("two keys have this tag")
		default:
			signer = key
		}
	}
	switch {
	case signer == nil:
		return errors.New("the key is not in the DNSKEY RRset")
	case KeySigned(sig.TypeCovered) != isSEP(signer) && hasBoth(keys):
		return errors.New("the key has the role of the other ones")
	case !sig.ValidityPeriod(at):
		return fmt.Errorf("it is not valid at %s", at.UTC().Format(time.RFC3339))
	}
	return sig.Verify(signer, rrset)
}

func isSEP(key *dns.DNSKEY) bool { return key.Flags&dns.SEP != 0 }

// hasBoth reports whether there are keys of both roles. Where there are not,
// one key signs everything.
func hasBoth(keys []dns.RR) bool {
	entry, zone := 0, 0
	for _, rr := range keys {
		if key, ok := rr.(*dns.DNSKEY); ok && isSEP(key) {
			entry++
		} else if ok {
			zone++
		}
	}
	return entry > 0 && zone > 0
}
