package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"

	"github.com/miekg/dns"
)

// Flags of DNSKEY records (RFC 4034 section 2.1.1).
const (
	zskFlags = dns.ZONE
	kskFlags = dns.ZONE | dns.SEP
)

// key is a key pair with its public half as a DNSKEY record whose header is
// empty. It never changes.
type key struct {
	signer crypto.Signer // nil where the private half is elsewhere
	record dns.DNSKEY
	public []byte // the Public Key field
	tag    uint16
}

func newKey(flags uint16, algorithm uint8, signer crypto.Signer) *key {
	k := publicHalf(flags, algorithm, PublicKeyField(signer.Public()))
	k.signer = signer
	return k
}

// publicHalf returns a key that cannot sign, by its Public Key field.
func publicHalf(flags uint16, algorithm uint8, public []byte) *key {
	k := &key{public: public, record: dns.DNSKEY{Flags: flags, Protocol: 3, Algorithm: algorithm}}
	k.record.PublicKey = base64.StdEncoding.EncodeToString(public)
	k.tag = k.record.KeyTag()
	return k
}

// same reports whether k and other are one key in one role.
func (k *key) same(other *key) bool {
	return k.record.Flags == other.record.Flags && k.record.PublicKey == other.record.PublicKey
}

// PublicKeyField is the Public Key field of a DNSKEY record: Q as x‖y for P-256
// (RFC 6605 section 4), the key itself for Ed25519 (RFC 8080 section 3). It is
// nil for a point that is not on the curve.
func PublicKeyField(public crypto.PublicKey) []byte {
	if p, ok := public.(*ecdsa.PublicKey); ok {
		point, err := p.Bytes()
		if err != nil {
			return nil
		}
		return point[1:] // without the mark of the uncompressed form
	}
	return public.(ed25519.PublicKey)
}

// revokedTag is the tag of the key once it is revoked (RFC 5011 section 2.1).
func (k *key) revokedTag() uint16 {
	r := k.record
	r.Flags |= dns.REVOKE
	return r.KeyTag()
}

// dnskey returns the DNSKEY record at origin.
func (k *key) dnskey(origin string, ttl uint32) *dns.DNSKEY {
	r := k.record
	r.Hdr = dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: ttl}
	return &r
}

// sign returns the Signature field over message. A key in memory always gives
// the same octets for the same message: P-256 signs as of RFC 6979, Ed25519
// cannot do otherwise.
func (k *key) sign(message []byte) ([]byte, error) {
	if k.record.Algorithm == dns.ED25519 {
		return k.signer.Sign(nil, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	der, err := k.signer.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return fixedWidth(der)
}

// fixedWidth turns an ECDSA signature in ASN.1 into r‖s of 32 octets each
// (RFC 6605 section 4).
func fixedWidth(der []byte) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &sig); err != nil {
		return nil, fmt.Errorf("the signer gave no ECDSA signature in ASN.1: %w", err)
	}
	if sig.R.Sign() <= 0 || sig.S.Sign() <= 0 || max(sig.R.BitLen(), sig.S.BitLen()) > 256 {
		return nil, errors.New("the signer gave an ECDSA signature that is none of P-256")
	}
	out := make([]byte, 64)
	sig.R.FillBytes(out[:32])
	sig.S.FillBytes(out[32:])
	return out, nil
}
