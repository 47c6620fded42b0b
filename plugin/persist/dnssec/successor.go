package dnssec

import "slices"

// successor returns the name that follows name immediately in canonical order
// (RFC 4034 section 6.1) among all names that could stand in the zone of apex,
// in lower case. The last of them is followed by the apex.
//
// That is \000.name where it fits into 255 octets, which is all that RFC 4471
// section 3.1.2 asks for in practice. A longer name is followed by a sibling:
// its first label gets a zero octet appended if that fits, or else is
// incremented; where the label cannot be, what follows is the successor of all
// that is below the parent.
func successor(name, apex string) string {
	l, top := split(name), split(apex)
	if l.room() >= 2 {
		return l.under([]byte{0}).String()
	}
	for len(l) > len(top) {
		if next := nextLabel(l[0], l.room()); next != nil {
			return l[1:].under(next).String()
		}
		l = l[1:]
	}
	return top.String()
}

// nextLabel returns the label that follows label and everything below it, in a
// name that may grow by room octets; nil where there is none.
func nextLabel(label []byte, room int) []byte {
	if len(label) < maxLabel && room >= 1 {
		return append(slices.Clone(label), 0)
	}
	for i := len(label) - 1; i >= 0; i-- {
		if label[i] != 0xff {
			next := slices.Clone(label[:i+1])
			next[i] = increment(next[i])
			return next
		}
	}
	return nil
}

// increment returns the octet that follows c. Upper case letters sort as lower
// case ones and are passed over.
func increment(c byte) byte {
	if c+1 == 'A' {
		return 'Z' + 1
	}
	return c + 1
}

// decrement returns the octet before c, which is not zero.
func decrement(c byte) byte {
	if c-1 == 'Z' {
		return 'A' - 1
	}
	return c - 1
}
