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

// entry is what stands at a name.
type entry struct {
	name   record.FQDN
	grants []*Grant // sorted by path; none where only names below it have some
	below  int32    // how many entries stand one label below it
	plain  int32    // how many of them are there for a name that is not long
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

// slot holds an entry. Most have one grant and nothing else, and need no more
// memory than a pointer to that. It is not changed once others know its trie.
type slot struct {
	hash uint64 // of the name
	only [1]*Grant
	more *entry // of all others: then only is nil
}

func newSlot(hash uint64, x entry) slot {
	switch {
	case len(x.grants) != 1:
	case x.grants[0].FQDN == x.name && x.below == 0:
		return slot{hash: hash, only: [1]*Grant(x.grants)}
	default:
		x.grants = slices.Clone(x.grants) // it may be that of the slot that this one is for
	}
	more := x // on the heap, where x would be for each slot
	return slot{hash: hash, more: &more}
}

func (s *slot) name() record.FQDN {
	if s.more != nil {
		return s.more.name
	}
	return s.only[0].FQDN
}

// entry returns what s holds. The grants are shared and must not be written to.
func (s *slot) entry() entry {
	if s.more != nil {
		return *s.more
	}
	return entry{name: s.only[0].FQDN, grants: s.only[:]}
}

// owner tells the nodes of one edit from all others.
type owner struct{ _ byte }

var seed = maphash.MakeSeed()

func hashOf(name record.FQDN) uint64 { return maphash.String(seed, string(name)) }

// get returns what stands at name, nil if nothing does.
func (t trie) get(name record.FQDN) *slot { return t.root.get(hashOf(name), 0, name) }

// get returns what stands at a name whose hash is looked at from the bit at on.
func (n *node) get(hash uint64, at int, name record.FQDN) *slot {
	for n != nil && n.children != nil {
		n = n.child(hash, at)
		at += branchBits
	}
	if i := n.find(hash, name); i >= 0 {
		return &n.slots[i]
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
	for i := range n.slots {
		if s := &n.slots[i]; s.hash == hash && s.name() == name {
			return i
		}
	}
	return -1
}

// all yields every entry below n, in no particular order.
func (n *node) all() iter.Seq[*slot] {
	return func(yield func(*slot) bool) { n.each(yield) }
}

func (n *node) each(yield func(*slot) bool) (more bool) {
	if n == nil {
		return true
	}
	for i := range n.slots {
		if !yield(&n.slots[i]) {
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
func (n *node) since(old *node, at int, yield func(entry) bool) (more bool) {
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
		if has := n.get(s.hash, at, s.name()); (has == nil || *has != *s) && !yield(s.entry()) {
			return false
		}
	}
	return true
}
