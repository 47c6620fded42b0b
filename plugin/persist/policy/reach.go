package policy

import (
	"iter"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// Depth is how many labels below its own name the subtree of a grant reaches. Who
// needs more grants a name further down.
const Depth = 5

// mostReverse is the same for IP prefixes: a reverse name has 32 labels at most
// in front of ip6.arpa, and a grant one of them.
const mostReverse = 31

// Reach returns the grants whose subtrees name lies in: those of the nearest name
// above that has any, as far as they are of subtrees. A name with grants of its
// own is in none, and neither is one below it. It returns nil for a name that no
// CA can be asked to validate. The slice is shared and must not be written to.
//
// Where no grant of the book is of a subtree it costs nothing, else a look-up for
// each label that the grant may be above name.
func (b *Book) Reach(name record.FQDN) []*Grant {
	if b.wide == 0 || !name.CanFollow() {
		return nil
	}
	most := Depth
	if name.IsReverse() {
		most = mostReverse
	}
	for up := suffix(name); most >= 0; most-- {
		if grants := b.Lookup(record.FQDN(up)); grants != nil {
			if up == suffix(name) {
				return nil
			}
			return ofSubtrees(grants)
		}
		var ok bool
		if up, ok = up.parent(); !ok || record.FQDN(up).IsReverse() != name.IsReverse() {
			return nil
		}
	}
	return nil
}

// Subtrees yields the grants of subtrees, in no particular order. Where there are
// none it costs nothing.
func (b *Book) Subtrees() iter.Seq[*Grant] {
	return func(yield func(*Grant) bool) {
		for _, c := range b.sorted {
			if c.wide == 0 {
				continue
			}
			for _, g := range c.grants {
				if g.Subtree && !yield(g) {
					return
				}
			}
		}
	}
}

// ofSubtrees returns those of grants that are of subtrees: nearly always all, or
// none.
func ofSubtrees(grants []*Grant) []*Grant {
	n := 0
	for _, g := range grants {
		if g.Subtree {
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case len(grants):
		return grants
	}
	some := make([]*Grant, 0, n)
	for _, g := range grants {
		if g.Subtree {
			some = append(some, g)
		}
	}
	return some
}

// Sample returns g, or where it is of an IP prefix, which has no records itself, the
// grant that its first address has by it.
func (g *Grant) Sample() *Grant {
	if !g.Subtree || !g.FQDN.IsReverse() {
		return g
	}
	return &Grant{g.FQDN.FirstAddress(), g.Terms}
}

// Extend returns what the grants that Reach returned for name are there: grants
// of name alone, on the terms they have. A stop of a domain that name lies in
// withholds them there, wherever they stand.
func (b *Book) Extend(grants []*Grant, name record.FQDN) []*Grant {
	halt := b.Halt(name)
	extended := make([]*Grant, len(grants))
	for i, g := range grants {
		terms := g.Terms
		if halt != "" && g.Withheld == "" {
			stopped := *terms
			stopped.withhold(halt)
			terms = &stopped
		}
		extended[i] = &Grant{name, terms}
	}
	return extended
}

// Halt returns the stop of a domain that name lies in, as a grant withheld by it
// says; empty where there is none.
func (b *Book) Halt(name record.FQDN) string {
	if b.stops == nil { // a Book that nobody has compiled
		return ""
	}
	return b.stops.domain(name)
}

// At returns the grants of name: its own, or else what those of the subtrees that
// it lies in are there. It is for people: see Lookup, Reach and Extend.
func (b *Book) At(name record.FQDN) []*Grant {
	if own := b.Lookup(name); own != nil {
		return own
	}
	if name.IsReverse() && !name.IsAddress() {
		return nil
	}
	return b.Extend(b.Reach(name), name)
}
