package dnssec

import (
	"slices"

	"github.com/miekg/dns"
)

// wildcardDenial proves that l, a wildcard or a name below one, does not exist
// and that no other wildcard matches it (RFC 4035 section 3.1.3.2), where the
// closest name that exists is the one of the last encloser labels of l.
//
// Where the next closer name is the wildcard that must not exist, one record
// covers it, with all below it. Else one covers the next closer name, and one
// the wildcard beside it.
func wildcardDenial(l labels, encloser int, ttl uint32) []*dns.NSEC {
	closer := nextCloser(l, encloser)
	if closer.isWildcard() {
		return []*dns.NSEC{cover(closer, ttl)}
	}
	return []*dns.NSEC{cover(closer, ttl), cover(closer[1:].under(asterisk), ttl)}
}

// nextCloser returns the ancestor of l, or l itself, that is one label longer
// than the encloser (RFC 4592 section 3.3.1). A label that nothing precedes or
// nothing follows cannot be covered from below its parent; its name is taken
// to exist then, which no other answer depends on.
func nextCloser(l labels, encloser int) labels {
	skip := max(len(l)-encloser-1, 0)
	for skip > 0 && !coverable(l[skip]) {
		skip--
	}
	return l[skip:]
}

func coverable(label []byte) bool {
	return !slices.Equal(label, []byte{0}) && nextLabel(label, 1) != nil
}

// cover returns an NSEC record from just before l to just behind everything
// below l (RFC 4470 section 2). Neither end nor anything between them is a
// name that is served, nor is an end a wildcard: labels that are served are of
// letters, digits, hyphens and underscores. RFC 4470 leaves only NSEC and
// RRSIG in the bitmap. Here NXNAME is added, because the owner does not exist
// and is said not to when it is asked for (RFC 9824 section 3.1).
func cover(l labels, ttl uint32) *dns.NSEC {
	next := l[1:].under(nextLabel(l[0], l.room()))
	return nsec(before(l).String(), next.String(), ttl, dns.TypeNXNAME)
}

// before returns a name that precedes l, whose first label is not a zero
// octet. Between the two are none but names with an octet 255 behind the first
// label's own octets.
func before(l labels) labels {
	label, parent := l[0], l[1:]
	end := len(label) - 1
	if label[end] == 0 {
		return parent.under(label[:end]).under([]byte{0xff})
	}
	previous := append(slices.Clone(label[:end]), decrement(label[end]))
	switch {
	case len(label) < maxLabel && l.room() >= 1:
		return parent.under(append(previous, 0xff))
	case l.room() >= 2:
		return parent.under(previous).under([]byte{0xff})
	}
	return parent.under(previous)
}
