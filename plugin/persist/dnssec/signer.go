package dnssec

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// Signature is what an RRset is served with, from an instant up to another.
type Signature struct {
	RRSIG       []dns.RR // *dns.RRSIG, one per key that signs
	From, Until time.Time
}

// Sign signs rrset for the zone origin as of the instant at. The signature
// expires no later than notAfter, unless that is zero. Where that leaves less
// than one TTL of validity Sign fails, as it does for an RRset outside the
// zone, for a TTL longer than MaxTTL or the key document's DNSKEY TTL, and
// where the document has no key that signs at this instant.
//
// Within [From, Until) the same arguments give the same signature, and it is
// valid for one TTL more (RFC 4035 section 5.3.3). Without notAfter it is
// valid for 12 hours more.
//
// Where a key signing key is kept away from this server, the signatures over
// RRsets of keys are those of a bundle, see UseBundles. Sign fails where none
// covers the instant.
func (k *KeySet) Sign(rrset []dns.RR, origin string, at, notAfter time.Time) (Signature, error) {
	set, err := canonicalize(rrset)
	if err != nil {
		return Signature{}, err
	}
	h := rrset[0].Header()
	if err := k.admit(h, origin); err != nil {
		return Signature{}, fmt.Errorf("%s: %w", describe(rrset[0]), err)
	}
	if KeySigned(h.Rrtype) && k.away(at) {
		return k.bundled(set, origin, at)
	}
	keys, t, err := k.terms(h, at, notAfter)
	if err != nil {
		return Signature{}, fmt.Errorf("%s: %w", describe(rrset[0]), err)
	}
	s := Signature{From: t.served.from, Until: t.served.until}
	for _, key := range keys {
		sig := set.rrsig(h.Name, origin, key, t)
		if err := set.sign(sig, key); err != nil {
			return Signature{}, fmt.Errorf("%s: %w", describe(rrset[0]), err)
		}
		s.RRSIG = append(s.RRSIG, sig)
	}
	return s, nil
}

// terms are the times of a signature.
type terms struct {
	inception, expiration time.Time
	served                span
}

// terms returns who signs an RRset with the header h as of the instant at, and
// the times of the signatures.
func (k *KeySet) terms(h *dns.RR_Header, at, notAfter time.Time) ([]*key, terms, error) {
	validity := k.validity(h.Rrtype)
	w := windowOf(h.Name, h.Rrtype, validity, at)
	t := terms{inception: w.from.Add(-backdate)}
	t.expiration = t.inception.Add(validity)
	if !notAfter.IsZero() {
		t.expiration = earlier(t.expiration, notAfter.Truncate(time.Second))
	}
	var keys []*key
	keys, t.served = k.signers(h.Rrtype, w, at)
	t.served.until = earlier(t.served.until, t.expiration.Add(-time.Duration(h.Ttl)*time.Second))
	switch {
	case len(keys) == 0:
		return nil, t, fmt.Errorf("no key that signs it is active at %s", at.UTC().Format(time.RFC3339))
	case !at.Before(t.served.until):
		return nil, t, fmt.Errorf("the signature would have to expire at %s, before the TTL of %d s has passed",
			t.expiration.UTC().Format(time.RFC3339), h.Ttl)
	}
	return keys, t, nil
}

// admit refuses RRsets that the key schedule does not provide for.
func (k *KeySet) admit(h *dns.RR_Header, origin string) error {
	most := uint32(MaxTTL)
	if KeySigned(h.Rrtype) {
		most = k.ttl
	}
	switch {
	case !dns.IsSubDomain(origin, h.Name):
		return fmt.Errorf("is outside of the zone %s, whose keys cannot sign it", origin)
	case h.Ttl > most:
		return fmt.Errorf("has a TTL of %d s, and keys are published for one of %d s: lower the TTL", h.Ttl, most)
	}
	return nil
}

// rrsig returns the RRSIG record over c without its signature. The 32-bit
// times wrap around (RFC 4034 section 3.1.5).
func (c *canonical) rrsig(owner, origin string, k *key, t terms) *dns.RRSIG {
	return &dns.RRSIG{
		Hdr:         dns.RR_Header{Name: owner, Rrtype: dns.TypeRRSIG, Class: c.class, Ttl: c.ttl},
		TypeCovered: c.rrtype,
		Algorithm:   k.record.Algorithm,
		Labels:      c.labels(),
		OrigTtl:     c.ttl,
		Expiration:  uint32(t.expiration.Unix()), // #nosec G115 -- wraps
		Inception:   uint32(t.inception.Unix()),  // #nosec G115 -- wraps
		KeyTag:      k.tag,
		SignerName:  dns.CanonicalName(origin),
	}
}

func (c *canonical) sign(sig *dns.RRSIG, k *key) error {
	message, err := c.message(sig)
	if err != nil {
		return err
	}
	octets, err := k.sign(message)
	if err != nil {
		return err
	}
	sig.Signature = base64.StdEncoding.EncodeToString(octets)
	return nil
}
