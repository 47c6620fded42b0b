package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"math/big"

	"github.com/miekg/dns"
)

// Roles of keys, as they enter the derivation.
const (
	roleZSK = "zsk"
	roleKSK = "ksk"
)

// Key tags are spread over four classes, by their remainder modulo 4. ZSKs
// take the first three in turn, so that keys which are published together
// never share a tag; KSKs have the last one.
const (
	tagClasses = 4
	zskClasses = 3
	kskClass   = 3
)

// deriver derives the keys of one seed. The result depends on nothing else.
type deriver struct {
	seed      seed
	name      string // of the key set
	algorithm uint8
}

// equal reports whether d and e derive the same keys.
func (d deriver) equal(e deriver) bool {
	return d.name == e.name && d.algorithm == e.algorithm && d.seed.equal(e.seed)
}

// zsk returns the zone signing key of an epoch.
func (d deriver) zsk(epoch int64) *key {
	return d.derive(roleZSK, zskFlags, epoch, uint16(epoch%zskClasses)) // #nosec G115 -- epochs are not negative
}

// ksk returns the key signing key.
func (d deriver) ksk() *key { return d.derive(roleKSK, kskFlags, 0, kskClass) }

// derive takes the first key whose tags are of the wanted class, as one in four
// is.
func (d deriver) derive(role string, flags uint16, epoch int64, class uint16) *key {
	for counter := uint32(0); ; counter++ {
		k := newKey(flags, d.algorithm, d.signer(role, epoch, counter))
		if k.inClass(class) {
			return k
		}
	}
}

func (d deriver) signer(role string, epoch int64, counter uint32) crypto.Signer {
	info := d.info(role, epoch, counter)
	if d.algorithm == dns.ED25519 {
		return ed25519.NewKeyFromSeed(d.octets(info, ed25519.SeedSize))
	}
	return p256(d.octets(info, 64))
}

// octets returns n octets of HKDF-SHA-256 (RFC 5869).
func (d deriver) octets(info string, n int) []byte {
	okm, _ := hkdf.Key(sha256.New, d.seed.octets(), nil, info, n) // fails only for n above 8160
	return okm
}

// info is the context that sets one derived key apart from all others. The
// texts are preceded by their length, so that no two contexts read the same.
func (d deriver) info(role string, epoch int64, counter uint32) string {
	b := appendText(nil, "coredns persist dnssec key")
	b = appendText(b, d.name)
	b = append(b, d.algorithm)
	b = appendText(b, role)
	b = binary.BigEndian.AppendUint64(b, uint64(epoch)) // #nosec G115 -- not negative
	b = binary.BigEndian.AppendUint32(b, counter)
	return string(b)
}

// appendText appends s, of at most 255 octets, behind its length.
func appendText(b []byte, s string) []byte {
	return append(append(b, byte(len(s))), s...) // #nosec G115 -- documents bound the name
}

// p256 makes a key of 64 random octets: their remainder modulo n-1, plus 1
// (FIPS 186-5 appendix A.2.1).
func p256(random []byte) *ecdsa.PrivateKey {
	one := big.NewInt(1)
	order := elliptic.P256().Params().N
	d := new(big.Int).SetBytes(random)
	d.Mod(d, new(big.Int).Sub(order, one))
	d.Add(d, one)
	k, _ := ecdsa.ParseRawPrivateKey(elliptic.P256(), d.FillBytes(make([]byte, 32))) // fails only out of [1, n-1]
	return k
}
