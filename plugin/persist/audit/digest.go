package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strconv"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// digest is a sum, modulo 2^256, of the SHA-256 of each grant: it takes a grant
// in, or out, at the cost of that grant, and does not depend on their order. It
// is for comparing servers that are honest, and proves nothing about one that is
// not.
type digest [4]uint64

func (d *digest) add(g *policy.Grant) {
	h, carry := hashOf(g), uint64(0)
	for i := range d {
		d[i], carry = bits.Add64(d[i], h[i], carry)
	}
}

func (d *digest) remove(g *policy.Grant) {
	h, borrow := hashOf(g), uint64(0)
	for i := range d {
		d[i], borrow = bits.Sub64(d[i], h[i], borrow)
	}
}

// String is the first 32 of 64 hexadecimal digits.
func (d *digest) String() string {
	var sum [16]byte
	binary.BigEndian.PutUint64(sum[:], d[3])
	binary.BigEndian.PutUint64(sum[8:], d[2])
	return hex.EncodeToString(sum[:])
}

// hashOf is of all that a grant says, with a NUL between: none of it has one.
func hashOf(g *policy.Grant) (sum digest) {
	u := g.Until
	text := make([]byte, 0, 512)
	for _, word := range []string{string(g.FQDN), g.Team, g.Issuer, g.Account} {
		text = append(append(text, word...), 0)
	}
	for _, n := range []int64{int64(u.Mode), int64(u.Floor), int64(u.Step), u.At.Unix(), g.NotBefore.Unix()} {
		text = append(strconv.AppendInt(text, n, 10), 0)
	}
	if g.Subtree {
		text = append(text, "subtree\x00"...)
	}
	for _, p := range g.Sample().Promises() {
		rendered, _ := p.Render() // refused by the policy already
		text = append(append(text, rendered...), 0)
		if !p.Ends.IsZero() {
			text = append(strconv.AppendInt(text, p.Ends.Unix(), 10), 0)
		}
	}
	out := sha256.Sum256(text)
	for i := range sum {
		sum[i] = binary.BigEndian.Uint64(out[8*i:])
	}
	return sum
}
