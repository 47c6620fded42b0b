package dnssec

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// Away is a key signing key that is kept away from the servers: the key
// document has its public half alone, and the RRsets that it signs are in
// bundles.
type Away struct {
	PublicKey string // the Public Key field in base64, as DNSKEY records have it
	Algorithm uint8
	Tag       uint16
	Transit   string // MOUNT/KEY in Vault; "": its seed is in a KSK document
	Version   int    // of the Transit key
}

// Away returns the key signing keys that are kept away, in the order of the
// key document.
func (k *KeySet) Away() []Away {
	var all []Away
	for _, s := range k.ksks {
		if s.away != nil {
			all = append(all, *s.away)
		}
	}
	return all
}

// away reports whether a key is that signs RRsets of keys at the instant at.
func (k *KeySet) away(at time.Time) bool {
	for _, s := range k.ksks {
		if s.away != nil && s.signs(at) {
			return true
		}
	}
	return false
}

// GenerateAwayKeys is GenerateKeys for a key signing key that is kept away. It
// reads one seed from random, that of the zone signing keys.
func GenerateAwayKeys(name string, at time.Time, random io.Reader, away Away) ([]byte, error) {
	zsk, err := newSeed(random)
	if err != nil {
		return nil, err
	}
	ksk, err := away.entry()
	if err != nil {
		return nil, fmt.Errorf("new key document: %w", err)
	}
	raw, err := newDocument(name, away.Algorithm, at, zsk, kskSeed{awayKSK: ksk})
	if err != nil {
		return nil, err
	}
	_, err = ParseKeys(raw)
	return raw, err
}

// FitsKSK reports whether a public key, in the form of a DNSKEY's Public Key
// field, has a key tag that no zone signing key takes: the tags of those are
// known years ahead, and a validator must not meet the same tag twice. One key
// in four fits.
func FitsKSK(algorithm uint8, public []byte) bool {
	return publicHalf(kskFlags, algorithm, public).inClass(kskClass)
}

// AdmitsKSK reports whether a public key may be the next key signing key of k: it
// fits, and has no key tag in common with those that k has.
func (k *KeySet) AdmitsKSK(public []byte) bool {
	next := publicHalf(kskFlags, k.algorithm, public)
	return FitsKSK(k.algorithm, public) && !slices.ContainsFunc(k.ksks, func(s *ksk) bool { return s.shares(next) })
}

// shares reports whether two keys have a tag in common, their own or the one that
// they would have if they were revoked.
func (k *key) shares(other *key) bool {
	return k.tag == other.tag || k.tag == other.revokedTag() || k.revokedTag() == other.tag || k.revokedTag() == other.revokedTag()
}

// inClass reports whether both tags of k, its own and the one it would have if
// it were revoked, are of a class. Where the sum that makes a tag carries over
// the two differ. Tag 0 is avoided because some software takes it for "none".
func (k *key) inClass(class uint16) bool {
	return k.tag != 0 && k.tag%tagClasses == class && k.revokedTag()%tagClasses == class
}

// awayKSK is what a key document says of a key that is kept away.
type awayKSK struct {
	PublicKey publicKey `json:"public_key,omitzero"`
	Transit   string    `json:"transit,omitzero"`
	Version   int       `json:"version,omitzero"`
}

// Octets returns the Public Key field, nil if it is none.
func (a Away) Octets() []byte {
	entry, err := a.entry()
	if err != nil {
		return nil
	}
	return entry.PublicKey
}

// entry is what a key document says of a key that is kept away.
func (a Away) entry() (awayKSK, error) {
	k := awayKSK{Transit: a.Transit, Version: a.Version}
	if err := k.PublicKey.UnmarshalText([]byte(a.PublicKey)); err != nil {
		return awayKSK{}, fmt.Errorf("the public key %w", err)
	}
	return k, nil
}

// transitPath is MOUNT/KEY: a mount may have slashes, a key has none.
var transitPath = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$`)

// checkKey returns what is wrong with where k has its key, to be read behind
// its place.
func (k kskSeed) checkKey() fault {
	switch away := k.PublicKey != nil; {
	case !away && k.Seed.IsZero():
		return ".seed is missing: write 32 random octets in base64, or public_key where the key is kept away from the servers"
	case away && !k.Seed.IsZero():
		return " has both seed and public_key: keep the seed where the servers sign with it"
	case !away && (k.Transit != "" || k.Version != 0):
		return ".transit and version are for keys with public_key: remove them"
	case k.Transit == "" && k.Version != 0:
		return ".version is that of a Transit key: add transit or remove it"
	case k.Transit != "" && !transitPath.MatchString(k.Transit):
		return ".transit is not MOUNT/KEY, of letters, digits, dot, hyphen, underscore and slash"
	case k.Transit != "" && k.Version < 1:
		return ".version is missing: write the number of the Transit key's version, which must not change unseen"
	}
	return ""
}

// ksk returns the key of k, which signs by itself where k has the seed. The
// error is to be read behind its place.
func (k kskSeed) ksk(d *document) (*ksk, error) {
	if !k.Seed.IsZero() {
		return newKSK(deriver{k.Seed, d.Name, d.Algorithm}.ksk(), k, d.Hold.time()), nil
	}
	if err := checkPublic(d.Algorithm, k.PublicKey); err != nil {
		return nil, err
	}
	public := publicHalf(kskFlags, d.Algorithm, k.PublicKey)
	if !public.inClass(kskClass) {
		return nil, fault(fmt.Sprintf(".public_key has the key tag %d, which a ZSK may get too: make another key, one in four fits", public.tag))
	}
	away := newKSK(public, k, d.Hold.time())
	away.away = &Away{public.record.PublicKey, d.Algorithm, public.tag, k.Transit, k.Version}
	return away, nil
}

// checkPublic refuses what is no key of an algorithm: a point of P-256 as x‖y
// (RFC 6605 section 4), or the 32 octets of RFC 8080 section 3.
func checkPublic(algorithm uint8, public []byte) error {
	if algorithm == dns.ED25519 {
		if len(public) != ed25519.PublicKeySize {
			return fault(fmt.Sprintf(".public_key has %d octets: a key of algorithm 15 has %d", len(public), ed25519.PublicKeySize))
		}
		return nil
	}
	if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, public...)); err != nil {
		return fault(".public_key is no point of P-256: write the 64 octets of the DNSKEY record's Public Key field")
	}
	return nil
}

// publicKey is the Public Key field of a DNSKEY record.
type publicKey []byte

// MarshalText writes the key in base64, as DNSKEY records do.
func (p publicKey) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, p), nil
}

// UnmarshalText reads what MarshalText writes.
func (p *publicKey) UnmarshalText(text []byte) error {
	octets, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(octets) == 0 {
		return fault("is no public key: write the DNSKEY record's Public Key field in base64")
	}
	*p = octets
	return nil
}
