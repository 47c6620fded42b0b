package dnssec

import (
	"bytes"
	"crypto"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// A SignerOf returns the private half of a key signing key that is kept away.
type SignerOf func(Away) (crypto.Signer, error)

// Sign has b hold bundles of the zone origin from the window of the instant
// from on, up to the first window that ends at until or later, and no older
// ones. It returns how many it had to sign: one that is there, is what the key
// document says and verifies is kept to the last octet, and windows in which
// no key that signs is away need none. The keys are asked for only where a
// signature is missing.
//
// Servers whose clocks are slow still need what was served an hour ago. With
// an error, b is as it was.
func (b *Bundles) Sign(k *KeySet, origin string, from, until time.Time, private SignerOf) (signed int, err error) {
	origin = dns.CanonicalName(origin)
	if b.name != k.Name {
		return 0, fmt.Errorf("the bundles are those of the key set %s, and the keys those of %s", b.name, k.Name)
	}
	var all []*bundle
	for w := k.bundleWindow(origin, from.Add(-margin)); w.from.Before(until); w = k.bundleWindow(origin, w.until) {
		switch old := k.usable(b.zones[origin], origin, w); {
		case !k.away(w.from):
		case old != nil:
			all = append(all, old)
		default:
			made, err := k.signBundle(origin, w, private)
			if err != nil {
				return 0, fmt.Errorf("zone %s from %s on: %w", origin, w.from.Format(time.RFC3339), err)
			}
			signed++
			all = append(all, made)
		}
	}
	b.zones[origin] = all
	return signed, nil
}

// SignBeside is Sign for keys that are to take the place of those that b has
// bundles for, and leaves these. So servers can use b as long as they have either
// key document, and it does not matter where whoever replaces that is interrupted.
func (b *Bundles) SignBeside(k *KeySet, origin string, from, until time.Time, private SignerOf) (signed int, err error) {
	origin = dns.CanonicalName(origin)
	before := b.zones[origin]
	if signed, err = b.Sign(k, origin, from, until, private); err != nil {
		return 0, err
	}
	for _, old := range before {
		if !slices.Contains(b.zones[origin], old) {
			b.zones[origin] = append(b.zones[origin], old)
		}
	}
	b.sort(origin)
	return signed, nil
}

// usable returns the one of bundles that is for the window w and what the key
// document says, nil if none is.
func (k *KeySet) usable(bundles []*bundle, origin string, w span) *bundle {
	for _, b := range bundles {
		if b.from.Equal(w.from) && b.until.Equal(w.until) && k.checkBundle(origin, b) == nil {
			return b
		}
	}
	return nil
}

// signBundle makes the bundle of a window, and verifies it as a server will.
func (k *KeySet) signBundle(origin string, w span, private SignerOf) (*bundle, error) {
	keys, err := k.privateHalves(w.from, private)
	if err != nil {
		return nil, err
	}
	b := &bundle{span: w, sets: map[uint16]signedSet{}}
	for rrtype, rrset := range k.keySets(origin, w.from) {
		sigs, err := signAll(rrset, origin, keys, k.bundleTerms(w))
		if err != nil {
			return nil, err
		}
		b.sets[rrtype] = signedSet{rrset, sigs}
	}
	return b, k.checkBundle(origin, b)
}

// privateHalves returns the key signing keys that sign at the instant at, each
// able to.
func (k *KeySet) privateHalves(at time.Time, private SignerOf) ([]*key, error) {
	var keys []*key
	for _, s := range k.ksks {
		switch {
		case !s.signs(at):
		case s.away == nil:
			keys = append(keys, s.key)
		default:
			signer, err := private(*s.away)
			if err != nil {
				return nil, err
			}
			whole := newKey(kskFlags, s.record.Algorithm, signer)
			if !bytes.Equal(whole.public, s.public) {
				return nil, fmt.Errorf("the key that was found for the KSK %d is another one, with the tag %d", s.tag, whole.tag)
			}
			keys = append(keys, whole)
		}
	}
	return keys, nil
}

// signAll returns the signatures over rrset by each of keys.
func signAll(rrset []dns.RR, origin string, keys []*key, t terms) ([]dns.RR, error) {
	set, err := canonicalize(rrset)
	if err != nil {
		return nil, err
	}
	sigs := make([]dns.RR, 0, len(keys))
	for _, key := range keys {
		sig := set.rrsig(rrset[0].Header().Name, origin, key, t)
		if err := set.sign(sig, key); err != nil {
			return nil, fmt.Errorf("%s: %w", describe(rrset[0]), err)
		}
		sigs = append(sigs, sig)
	}
	return sigs, nil
}
