package dnssec

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// UseBundles has Sign answer from b where a key signing key is away. It is
// called once, before k is used. Each bundle must be what the key document says
// at its beginning, and is served until that says something else; its
// signatures are verified by another implementation. A bundle that fails is not
// used, and an error says which and why. Those that are over at the instant at
// are passed over.
func (k *KeySet) UseBundles(b *Bundles, at time.Time) []error {
	if b.name != k.Name {
		return []error{fmt.Errorf("bundles: they are those of the key set %s, and the keys those of %s: sign bundles with these keys", b.name, k.Name)}
	}
	var faults []error
	k.bundles = map[string][]*bundle{}
	for origin, all := range b.zones {
		for _, one := range all {
			if one.until.Add(margin).Before(at) {
				continue
			}
			if err := k.checkBundle(origin, one); err != nil {
				faults = append(faults, fmt.Errorf("bundle of %s from %s on: %w", origin, one.from.Format(time.RFC3339), err))
				continue
			}
			used := *one
			used.until = earlier(one.until, k.unchanged(origin, one.from, one.until))
			k.bundles[origin] = append(k.bundles[origin], &used)
		}
	}
	return faults
}

// bundled returns the signatures over set that a bundle has.
func (k *KeySet) bundled(set *canonical, origin string, at time.Time) (Signature, error) {
	origin = dns.CanonicalName(origin)
	b := k.bundleAt(origin, at)
	if b == nil {
		return Signature{}, fmt.Errorf("zone %s: no bundle covers %s, and the key that signs is not here: %w", origin, at.UTC().Format(time.RFC3339), errUnbundled)
	}
	s := b.sets[set.rrtype]
	if same, err := canonicalize(s.rrset); err != nil || !same.equal(set) {
		return Signature{}, fmt.Errorf("zone %s: the bundle of %s has another %s RRset", origin, at.UTC().Format(time.RFC3339), dns.Type(set.rrtype))
	}
	return Signature{RRSIG: slices.Clone(s.sigs), From: b.from, Until: b.until}, nil
}

// bundleAt returns the bundle that is served at the instant at, nil if there is
// none.
func (k *KeySet) bundleAt(origin string, at time.Time) *bundle {
	for _, b := range k.bundles[origin] {
		if during(at, b.from, b.until) {
			return b
		}
	}
	return nil
}

// equal reports whether c and d are the same RRset.
func (c *canonical) equal(d *canonical) bool {
	return c.alike(d) && slices.EqualFunc(c.rdata, d.rdata, bytes.Equal)
}

// checkBundle returns why validators, or the key document, would not agree with
// a bundle.
func (k *KeySet) checkBundle(origin string, b *bundle) error {
	if !b.from.Before(b.until) {
		return errors.New("it ends before it begins")
	}
	want := k.keySets(origin, b.from)
	for _, rrtype := range keyTypes {
		if err := k.checkSet(origin, b, rrtype, want[rrtype]); err != nil {
			return fmt.Errorf("%s: %w", dns.Type(rrtype), err)
		}
	}
	return nil
}

// checkSet checks one RRset of a bundle against the one that is wanted.
func (k *KeySet) checkSet(origin string, b *bundle, rrtype uint16, want []dns.RR) error {
	s := b.sets[rrtype]
	if len(want) == 0 {
		if len(s.rrset) > 0 || len(s.sigs) > 0 {
			return errors.New("the key document has none at that time")
		}
		return nil
	}
	wanted, err := canonicalize(want)
	if err != nil {
		return err
	}
	if have, err := canonicalize(s.rrset); err != nil || !have.equal(wanted) {
		return errors.New("it is not the RRset that the key document gives: sign the bundles again")
	}
	return k.checkSignatures(origin, b, s)
}

// checkSignatures wants one valid signature by each key that signs.
func (k *KeySet) checkSignatures(origin string, b *bundle, s signedSet) error {
	keys, _ := k.signers(dns.TypeDNSKEY, b.span, b.from)
	if len(keys) == 0 || len(keys) != len(s.sigs) {
		return fmt.Errorf("it has %d signatures, and %d keys sign", len(s.sigs), len(keys))
	}
	last := b.until.Add(leastLife)
	for _, key := range keys {
		i := slices.IndexFunc(s.sigs, func(rr dns.RR) bool { return rr.(*dns.RRSIG).KeyTag == key.tag })
		if i < 0 {
			return fmt.Errorf("the KSK %d has not signed it", key.tag)
		}
		sig := s.sigs[i].(*dns.RRSIG)
		switch err := sig.Verify(key.dnskey(origin, k.ttl), s.rrset); {
		case err != nil:
			return fmt.Errorf("the signature of the KSK %d does not verify: %w", key.tag, err)
		case dns.CanonicalName(sig.SignerName) != origin || sig.OrigTtl != s.rrset[0].Header().Ttl || sig.Hdr.Ttl != sig.OrigTtl:
			return fmt.Errorf("the signature of the KSK %d has another signer or TTL", key.tag)
		case !sig.ValidityPeriod(b.from) || !sig.ValidityPeriod(last):
			return fmt.Errorf("the signature of the KSK %d is not valid from the window's beginning to %s after its end", key.tag, leastLife)
		}
	}
	return nil
}

// BundledZones returns the names of the zones for which bundles are used, in
// their order.
func (k *KeySet) BundledZones() []string { return slices.Sorted(maps.Keys(k.bundles)) }
