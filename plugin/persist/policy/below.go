package policy

import (
	"iter"
	"slices"
	"sort"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// Below yields every name at or below name that has grants, with all of them, in
// no particular order. The slices are shared and must not be written to. It
// looks at no other names.
func (b *Book) Below(name record.FQDN) iter.Seq2[record.FQDN, []*Grant] {
	return func(yield func(record.FQDN, []*Grant) bool) {
		for _, run := range b.runs(name) {
			for _, g := range run {
				// Each name is due where the first of its grants is.
				if all := b.Lookup(g.FQDN); all[0] == g && !yield(g.FQDN, all) {
					return
				}
			}
		}
	}
}

// SameGrantsBelow is SameGrants for the grants at or below name.
func (b *Book) SameGrantsBelow(other *Book, name record.FQDN) bool {
	return b.SameGrants(other) || b.Freeze().Equal(other.Freeze()) &&
		slices.EqualFunc(b.runs(name), other.runs(name), func(x, y []*Grant) bool { return slices.Equal(x, y) })
}

// runs returns the grants at or below name of each account that has any.
func (b *Book) runs(name record.FQDN) [][]*Grant {
	var all [][]*Grant
	for _, slug := range b.owners.below(name) {
		for _, c := range b.sorted[b.from(slug):] {
			if c.place.team != slug {
				break
			}
			if run := c.below(name); len(run) > 0 {
				all = append(all, run)
			}
		}
	}
	return all
}

// from is where the accounts of a team begin.
func (b *Book) from(team string) int {
	return sort.Search(len(b.sorted), func(i int) bool { return b.sorted[i].place.team >= team })
}

// below returns the grants at or below name: they stand together.
func (c *compiled) below(name record.FQDN) []*Grant {
	from := sort.Search(len(c.grants), func(i int) bool { return compareNames(c.grants[i].FQDN, name) >= 0 })
	n := sort.Search(len(c.grants)-from, func(i int) bool { return !suffix(name).covers(c.grants[from+i].FQDN) })
	return c.grants[from : from+n]
}
