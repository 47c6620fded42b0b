package policy

import (
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// Narrowing returns those of the stops in force that withdraw no record and only
// take the wildcard of grants above them, sorted: of a domain at and below which
// nothing is granted, by a subtree neither. It may be meant, and it may be a slip in
// a name that is granted.
func (b *Book) Narrowing() []Scope {
	return slices.DeleteFunc(slices.Clone(b.Stops()), func(s Scope) bool {
		domain, ok := s.Domain()
		return !ok || b.grantsBelow(domain) || len(b.Reach(domain)) > 0 || len(b.Narrowed(s)) == 0
	})
}

// Narrowed returns the names above a stopped domain, the nearest first, with a grant
// that would have a wildcard if nothing were stopped; none for a stop of something
// else.
func (b *Book) Narrowed(s Scope) []record.FQDN {
	domain, ok := s.Domain()
	if !ok {
		return nil
	}
	var names []record.FQDN
	for up, ok := suffix(domain).parent(); ok; up, ok = up.parent() {
		if name := record.FQDN(up); slices.ContainsFunc(b.Lookup(name), b.wouldBeWildcard) {
			names = append(names, name)
		}
	}
	return names
}

// NarrowedBy returns the stops that take the wildcard of g, a grant of the book or
// one that a subtree extends, sorted; none where it is withheld, has its wildcard, or
// asks for none.
func (b *Book) NarrowedBy(g *Grant) []Scope {
	name := g.FQDN
	if reach := b.Reach(name); len(reach) > 0 {
		name = reach[0].FQDN
	}
	d, ok := b.accounts[g.place()].account.find(name)
	if !ok || g.Withheld != "" || !d.wanted.wildcard || g.publishes.wildcard {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(b.Stops()), func(s Scope) bool {
		domain, ok := s.Domain()
		return !ok || domain == name || !suffix(name).covers(domain)
	})
}

// wouldBeWildcard reports whether g would have a wildcard if nothing were stopped.
func (b *Book) wouldBeWildcard(g *Grant) bool {
	w := b.unstopped(g)
	return w != nil && w.wildcard
}
