package validator

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/big"

	"github.com/miekg/dns"
)

// Algorithms that are verified (RFC 8624 section 3.1 has a validator know more;
// no other is served here).
const (
	p256    = 13 // ECDSAP256SHA256, RFC 6605
	edwards = 15 // Ed25519, RFC 8080
)

// Validator validates answers and counts what it did. It is for one goroutine.
type Validator struct {
	// Validated counts the RRsets found valid, Verified the signatures that it
	// took cryptography to verify.
	Validated, Verified int

	outcomes map[[sha256.Size]byte]bool
}

// New returns a validator that has seen nothing.
func New() *Validator { return &Validator{outcomes: map[[sha256.Size]byte]bool{}} }

// fits reports whether sig is a signature over message by key. The same three
// are verified once.
func (v *Validator) fits(key *dns.DNSKEY, message []byte, sig string) bool {
	h := sha256.New()
	for _, part := range [][]byte{{key.Algorithm}, []byte(key.PublicKey), []byte(sig), message} {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part)))
		h.Write(part)
	}
	id := [sha256.Size]byte(h.Sum(nil))
	known, ok := v.outcomes[id]
	if !ok {
		v.Verified++
		known = verify(key, message, sig) == nil
		v.outcomes[id] = known
	}
	return known
}

// verify does so without a memory.
func verify(key *dns.DNSKEY, message []byte, signature string) error {
	public, err := base64.StdEncoding.DecodeString(key.PublicKey)
	if err != nil {
		return err
	}
	sig, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	switch {
	case len(sig) != 64:
		return errors.New("a signature has 64 octets")
	case key.Algorithm == edwards && len(public) == ed25519.PublicKeySize:
		if !ed25519.Verify(public, message, sig) {
			return errUnfit
		}
		return nil
	case key.Algorithm == p256 && len(public) == 64:
		return verifyP256(public, message, sig)
	}
	return errors.New("algorithm or length of the key is unknown")
}

var errUnfit = errors.New("the signature does not fit")

func verifyP256(public, message, sig []byte) error {
	q, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, public...))
	if err != nil {
		return err
	}
	digest := sha256.Sum256(message)
	if !ecdsa.Verify(q, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return errUnfit
	}
	return nil
}

// keyTag is the tag of a key (RFC 4034 appendix B).
func keyTag(key *dns.DNSKEY) (uint16, error) {
	octets, err := rdata(key)
	if err != nil {
		return 0, err
	}
	var sum uint32
	for i, c := range octets {
		if i%2 == 0 {
			sum += uint32(c) << 8
		} else {
			sum += uint32(c)
		}
	}
	sum += sum >> 16
	return uint16(sum), nil // #nosec G115 -- the low 16 bits are meant
}
