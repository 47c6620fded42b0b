package policy

import (
	"hash/maphash"
	"iter"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// trie finds entries by name. It is immutable: an edit makes another one, which
// has in common with it all but what lies on the way to a change. So the books
// of two scans cost together little more than one, and what is read from either
// needs no lock. It branches by a hash of the name; entries that agree in what
// was looked at of it stand together in a leaf.
type trie struct{ root *node }

// entry is what stands at a name. It is not changed once it is in a trie.
type entry struct {
	name  record.FQDN
	one   [1]*Grant // its grant, as most names have one; nil where only names below it have some
	more  *[]*Grant // all of its grants, sorted by path, where there is more than one; else nil
	below int32     // how many entries stand one label below it
	plain int32     // how many of them are there for a name that is not long
}

// grants are sorted by path. They must not be written to.
func (x *entry) grants() []*Grant {
	switch {
	case x.more != nil:
		return *x.more
	case x.one[0] != nil:
		return x.one[:]
	}
	return nil
}

// granting returns x with other grants.
func (x entry) granting(grants []*Grant) *entry {
	x.one, x.more = [1]*Grant{}, nil
	switch len(grants) {
	case 0:
	case 1:
		x.one[0] = grants[0]
	default:
		several := grants // only these need a place of their own
		x.more = &several
	}
	return &x
}

const (
	branchBits = 4  // of a hash choose among the children of a node
	mostInLeaf = 24 // entries, before it becomes a branch
)

// node is a leaf, or a branch. A nil is a leaf without entries.
type node struct {
	owner    *owner                  // whoever may change it, as nobody else knows it yet
	children *[1 << branchBits]*node // of a branch, by the next bits of the hash
	slots    []slot                  // of a leaf, in no particular order
}

type slot struct {
	hash uint64
	*entry
}

// owner tells the nodes of one edit from all others.
type owner struct{ _ byte }

var seed = maphash.MakeSeed()

func hashOf(name record.FQDN) uint64 { return maphash.String(seed, string(name)) }

func (t trie) get(name record.FQDN) *entry { return t.root.get(hashOf(name), 0, name) }

// get returns the entry of a name whose hash is looked at from the bit at on.
func (n *node) get(hash uint64, at int, name record.FQDN) *entry {
	for n != nil && n.children != nil {
		n = n.child(hash, at)
		at += branchBits
	}
	if i := n.find(hash, name); i >= 0 {
		return n.slots[i].entry
	}
	return nil
}

func (n *node) child(hash uint64, at int) *node { return n.children[branch(hash, at)] }

func branch(hash uint64, at int) uint64 { return hash >> at % (1 << branchBits) }

// find returns where in a leaf a name stands, -1 where it does not.
func (n *node) find(hash uint64, name record.FQDN) int {
	if n == nil {
		return -1
	}
	return slices.IndexFunc(n.slots, func(s slot) bool { return s.hash == hash && s.name == name })
}

// all yields every entry below n, in no particular order.
func (n *node) all() iter.Seq[slot] {
	return func(yield func(slot) bool) { n.each(yield) }
}

func (n *node) each(yield func(slot) bool) (more bool) {
	if n == nil {
		return true
	}
	for _, s := range n.slots {
		if !yield(s) {
			return false
		}
	}
	if n.children != nil {
		for _, child := range n.children {
			if !child.each(yield) {
				return false
			}
		}
	}
	return true
}

// since yields the entries of old that n does not have, or has another in the
// place of. Both are looked at from the same bit on. It does not look into what
// they have in common.
func (n *node) since(old *node, at int, yield func(*entry) bool) (more bool) {
	switch {
	case n == old:
		return true
	case n != nil && n.children != nil && old != nil && old.children != nil:
		for i, child := range old.children {
			if !n.children[i].since(child, at+branchBits, yield) {
				return false
			}
		}
		return true
	}
	for s := range old.all() {
		if n.get(s.hash, at, s.name) != s.entry && !yield(s.entry) {
			return false
		}
	}
	return true
}
