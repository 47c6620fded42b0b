package dnssec

import (
	"bytes"

	"github.com/miekg/dns"
)

// Limits of names in wire form, in octets (RFC 1035 section 2.3.4).
const (
	maxName  = 255
	maxLabel = 63
)

// labels is a domain name in lower case without its root label: the octets of
// each label, the leftmost first.
type labels [][]byte

// split takes a name in presentation form apart. What is not a name has no
// labels; Sign refuses it later.
func split(name string) labels {
	var wire [maxName]byte
	if _, err := dns.PackDomainName(dns.CanonicalName(name), wire[:], 0, nil, false); err != nil {
		return nil
	}
	var l labels
	for off := 0; wire[off] != 0; off += 1 + int(wire[off]) {
		l = append(l, wire[off+1:off+1+int(wire[off])])
	}
	return l
}

// size is the length of l in wire form.
func (l labels) size() int {
	n := 1
	for _, label := range l {
		n += 1 + len(label)
	}
	return n
}

// room is by how many octets l may grow.
func (l labels) room() int { return maxName - l.size() }

// under returns the name label.l.
func (l labels) under(label []byte) labels { return append(labels{label}, l...) }

// isWildcard reports whether the leftmost label is the lone asterisk (RFC 4592
// section 2.1.1).
func (l labels) isWildcard() bool { return len(l) > 0 && bytes.Equal(l[0], asterisk) }

var asterisk = []byte("*")

// String is l in presentation form, absolute.
func (l labels) String() string {
	wire := make([]byte, 0, maxName)
	for _, label := range l {
		wire = append(wire, byte(len(label))) // #nosec G115 -- at most maxLabel
		wire = append(wire, label...)
	}
	name, _, _ := dns.UnpackDomainName(append(wire, 0), 0) // fails only past maxName
	return name
}
