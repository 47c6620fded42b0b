package policy

import (
	"maps"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// difference is what two books differ in that decides on the grants of more
// than one account: who owns which names, and what is stopped.
type difference struct {
	stops    *stops   // those that only one of the books has
	suffixes []suffix // at or below which, or above which, a grant may be another
	set      map[suffix]bool
	above    map[suffix]bool // the names above suffixes
}

func newDifference(prev, next *Book) *difference {
	d := &difference{stops: next.stops.differences(prev.stops), set: map[suffix]bool{}, above: map[suffix]bool{}}
	for _, scope := range d.stops.scopes {
		if scope.kind == "domain" {
			d.set[suffix(scope.what)] = true
		}
	}
	next.owners.differences(prev.owners, d.set)
	for s := range d.set {
		d.suffixes = append(d.suffixes, s)
		for up, ok := s.parent(); ok && !d.above[up]; up, ok = up.parent() {
			d.above[up] = true
		}
	}
	return d
}

// touches reports whether a grant of the account may be another by d.
func (d *difference) touches(b basis) bool {
	few := len(d.suffixes) <= 2+len(b.account.domains)/32 // so that it is quicker to look for each
	switch {
	case d.stops.account(b.place, b.account.uri) != "", d.stops.stopped[Scope{"uri", b.account.overlap.uri}]:
		return true
	case few:
		return slices.ContainsFunc(d.suffixes, b.account.isNear)
	}
	return slices.ContainsFunc(b.account.domains, func(one domain) bool {
		name := suffix(one.name)
		return d.above[name] || covers(d.set, name)
	})
}

// isNear reports whether a domain of the account is s, or lies below or above it.
func (a *account) isNear(s suffix) bool {
	if i, _ := a.search(record.FQDN(s)); i < len(a.domains) && s.covers(a.domains[i].name) {
		return true
	}
	for up, ok := s.parent(); ok; up, ok = up.parent() {
		if _, found := a.search(record.FQDN(up)); found {
			return true
		}
	}
	return false
}

// differences returns the stops that are among s or other, which may be nil,
// but not among both.
func (s *stops) differences(other *stops) *stops {
	if other == nil {
		return s
	}
	differ := map[Scope]bool{}
	unequal(s.stopped, other.stopped, differ)
	return newStops(slices.Collect(maps.Keys(differ)))
}

// differences adds the suffixes to set that other teams claim in o than in
// other, or that the same team does not hold in both, or may not reach in both.
func (o *ownership) differences(other *ownership, set map[suffix]bool) {
	if o == other || other == nil {
		return
	}
	for s, claimants := range o.claims {
		if !slices.Equal(claimants, other.claims[s]) {
			set[s] = true
		}
	}
	for s := range other.claims {
		if o.claims[s] == nil {
			set[s] = true
		}
	}
	for slug, t := range o.teams {
		if before := other.teams[slug]; before != nil && before != t {
			unequal(t.holds, before.holds, set)
			unequal(t.reach, before.reach, set)
		}
	}
}

// unequal adds to set what is in a or b, but not in both.
func unequal[T comparable](a, b, set map[T]bool) {
	for s := range a {
		if !b[s] {
			set[s] = true
		}
	}
	for s := range b {
		if !a[s] {
			set[s] = true
		}
	}
}
