package zone

import (
	"fmt"
	"iter"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

// CutOf returns the origin of the only cut of z in which name may lie, and the
// FQDN that it validates; whether there is one is for the book to say. name is
// absolute, in lower case and at or below the zone's origin. Where it holds the
// label more than once the cut is the topmost: no FQDN that is granted contains
// it. It does not allocate.
func (z *Zone) CutOf(name string) (origin string, fqdn record.FQDN, ok bool) {
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		if f, is := z.Validated(name[off:]); is {
			origin, fqdn, ok = name[off:], f, true
		}
	}
	return origin, fqdn, ok
}

// Cut returns the zone at an origin that CutOf returned with fqdn.
func (z *Zone) Cut(origin string, fqdn record.FQDN) *Zone {
	cut := *z
	cut.Origin, cut.fqdn, cut.Cuts = origin, fqdn, false
	return &cut
}

// checkCuts refuses cuts below a name at which there can be one: it has no cuts
// of its own.
func (z *Zone) checkCuts() error {
	if origin, _, ok := z.CutOf(z.Origin); ok && z.Cuts {
		return fmt.Errorf("zone %s has no cuts, as it is or lies in the one of %s: write the zone without cuts, or one above it with cuts", z.Origin, origin)
	}
	return nil
}

// CutsBelow yields the origins of the cuts of z that there are at or below name, in
// no particular order. It looks at no others.
func (z *Zone) CutsBelow(b *policy.Book, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		switch {
		case dns.IsSubDomain(name, z.Origin):
			name = z.Origin
		case !dns.IsSubDomain(z.Origin, name):
			return
		}
		if cut, fqdn, ok := z.CutOf(name); ok { // below a cut there is none
			if cut == name && len(b.Lookup(fqdn)) > 0 {
				yield(cut)
			}
			return
		}
		for fqdn := range b.Below(relative(name)) {
			if owner := fqdn.Owner(); dns.IsSubDomain(name, owner) && !yield(owner) {
				return
			}
		}
	}
}
