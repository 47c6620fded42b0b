package record

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"
)

// MostPlain is how long an FQDN may be, in octets as written, to stand in front
// of the name of another zone. A longer one has an alias there.
const MostPlain = 152

// An alias has the first aliasOctets octets of a hash, which takes aliasDigits
// decimal digits.
const (
	aliasOctets = 20
	aliasDigits = 49
)

// IsLong reports whether f has an alias.
func (f FQDN) IsLong() bool { return len(f) > MostPlain }

// Alias returns the label that stands for f where f is too long to stand itself:
// the first 160 bits of its SHA-256 as a decimal number of 49 digits. That
// depends on nothing else, is a label for every program that expects one, and is
// no FQDN itself, as none ends in a number (see [ParseFQDN]).
func (f FQDN) Alias() string {
	sum := sha256.Sum256([]byte(f))
	return fmt.Sprintf("%0*d", aliasDigits, new(big.Int).SetBytes(sum[:aliasOctets]))
}

// IsAlias reports whether label has the form of an alias. It does not allocate.
func IsAlias(label string) bool {
	return len(label) == aliasDigits && strings.Trim(label, "0123456789") == ""
}
