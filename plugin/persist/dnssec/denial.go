package dnssec

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Present returns the NSEC record of a name that exists with exactly the given
// types, NSEC and RRSIG aside: none for an empty non-terminal (RFC 9824
// sections 3.1 and 3.2). It covers no other name.
func Present(name string, types []uint16, ttl uint32) *dns.NSEC {
	// Names that exist are made of letters and digits: none is the last of its zone.
	return nsec(name, successor(name, "."), ttl, types...)
}

// BelowWildcard reports whether one of the labels of name, in the form that
// miekg/dns unpacks, is the lone asterisk (RFC 4592 section 2.1.1).
func BelowWildcard(name string) bool {
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		if strings.HasPrefix(name[off:], "*.") {
			return true
		}
	}
	return false
}

// Denial returns the NSEC records which prove that name does not exist, and
// whether the proof is a compact one: NODATA in form, with the NXNAME bit to
// say what is meant (RFC 9824 section 3.1).
//
// encloser is an ancestor of name that exists: the closest one if
// BelowWildcard(name), else the zone's apex.
//
// A compact proof of *.example would be an NSEC record owned by a wildcard,
// which can be replayed at every name that the wildcard would match
// (CVE-2017-15105). Such names, which nobody needs, get a proof of NXDOMAIN by
// one or two records that cover them. So do the names below them, as NOERROR
// there would contradict it: below a name that does not exist there is nothing
// (RFC 8020).
func Denial(name, encloser string, ttl uint32) (proof []*dns.NSEC, compact bool) {
	if !BelowWildcard(name) {
		return []*dns.NSEC{nsec(name, successor(name, encloser), ttl, dns.TypeNXNAME)}, true
	}
	return wildcardDenial(split(name), len(split(encloser)), ttl), false
}

// nsec returns an NSEC record. NSEC and RRSIG stand at every name of a signed
// zone (RFC 4035 section 2.3).
func nsec(owner, next string, ttl uint32, types ...uint16) *dns.NSEC {
	bitmap := slices.Concat(types, []uint16{dns.TypeRRSIG, dns.TypeNSEC})
	slices.Sort(bitmap)
	return &dns.NSEC{
		Hdr:        dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: ttl},
		NextDomain: next,
		TypeBitMap: slices.Compact(bitmap),
	}
}
