package validator

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// name is a domain name as its labels in lower case, from the root down: the
// order in which RFC 4034 section 6.1 compares them.
type name [][]byte

// parse takes a name in presentation form apart.
func parse(s string) (name, error) {
	wire, err := packed(s)
	if err != nil {
		return nil, err
	}
	n := make(name, 0, 8)
	for off := 0; wire[off] != 0; off += 1 + int(wire[off]) {
		n = append(n, wire[off+1:off+1+int(wire[off])])
	}
	slices.Reverse(n)
	return n, nil
}

// packed is the canonical wire form of a name: uncompressed, in lower case
// (RFC 4034 section 6.2).
func packed(s string) ([]byte, error) {
	wire := make([]byte, 255)
	end, err := dns.PackDomainName(s, wire, 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("%q is no domain name: %w", s, err)
	}
	return asciiLower(wire[:end]), nil
}

// asciiLower turns letters into lower case, in place. The octets that give the
// length of a label are below 64, and so no letters.
func asciiLower(wire []byte) []byte {
	for i, c := range wire {
		if c-'A' < 26 {
			wire[i] = c | 0x20
		}
	}
	return wire
}

func (n name) compare(m name) int { return slices.CompareFunc(n, m, bytes.Compare) }

func (n name) equal(m name) bool { return n.compare(m) == 0 }

// within reports whether n is m or below it.
func (n name) within(m name) bool { return len(n) >= len(m) && n[:len(m)].equal(m) }

// common returns the longest name that both n and m are within.
func (n name) common(m name) name {
	i := 0
	for i < min(len(n), len(m)) && bytes.Equal(n[i], m[i]) {
		i++
	}
	return n[:i]
}

// child returns the name label.n.
func (n name) child(label string) name { return append(slices.Clip(n), []byte(label)) }

// wildcard reports whether the leftmost label is a lone asterisk.
func (n name) wildcard() bool { return len(n) > 0 && string(n[len(n)-1]) == "*" }

// signedLabels is what the Labels field says of a name that was signed as it
// stands: neither the root nor a leading lone asterisk counts (RFC 4034 section
// 3.1.3).
func (n name) signedLabels() int {
	if n.wildcard() {
		return len(n) - 1
	}
	return len(n)
}

// Compare compares two names in canonical order (RFC 4034 section 6.1). What is
// no name sorts as the root.
func Compare(a, b string) int {
	x, _ := parse(a)
	y, _ := parse(b)
	return x.compare(y)
}
