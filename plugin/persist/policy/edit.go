package policy

import (
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// edit is a trie in the making. What it has made itself it goes on changing in
// place.
type edit struct {
	trie
	owner *owner
}

// edit begins to make another trie out of t.
func (t trie) edit() *edit { return &edit{t, new(owner)} }

// put has x stand at its name.
func (e *edit) put(x entry) { e.root = e.putBelow(e.root, hashOf(x.name), 0, x) }

func (e *edit) putBelow(n *node, hash uint64, at int, x entry) *node {
	n = e.own(n)
	switch i := n.find(hash, x.name); {
	case n.children != nil:
		child := &n.children[branch(hash, at)]
		*child = e.putBelow(*child, hash, at+branchBits, x)
	case i >= 0:
		n.slots[i] = newSlot(hash, x)
	default:
		n.add(newSlot(hash, x))
		if len(n.slots) > mostInLeaf && at+branchBits < 64 {
			e.split(n, at)
		}
	}
	return n
}

// own returns n, or a copy of it where others know n.
func (e *edit) own(n *node) *node {
	switch {
	case n == nil:
		return &node{owner: e.owner}
	case n.owner == e.owner:
		return n
	case n.children == nil:
		return &node{owner: e.owner, slots: slices.Clone(n.slots)}
	}
	children := *n.children
	return &node{owner: e.owner, children: &children}
}

// add makes little more room than there must be: there are many leaves.
func (n *node) add(s slot) {
	if len(n.slots) == cap(n.slots) {
		n.slots = append(make([]slot, 0, len(n.slots)+2+len(n.slots)/4), n.slots...)
	}
	n.slots = append(n.slots, s)
}

// split makes a branch of a leaf.
func (e *edit) split(n *node, at int) {
	n.children = new([1 << branchBits]*node)
	for _, s := range n.slots {
		child := &n.children[branch(s.hash, at)]
		*child = e.own(*child)
		(*child).add(s)
	}
	n.slots = nil
}

// drop has nothing stand at name.
func (e *edit) drop(name record.FQDN) { e.root = e.dropBelow(e.root, hashOf(name), 0, name) }

// dropBelow returns nil for a node in which nothing is left.
func (e *edit) dropBelow(n *node, hash uint64, at int, name record.FQDN) *node {
	if n == nil {
		return nil
	}
	n = e.own(n)
	if n.children != nil {
		child := &n.children[branch(hash, at)]
		*child = e.dropBelow(*child, hash, at+branchBits, name)
	} else if i := n.find(hash, name); i >= 0 {
		n.slots = slices.Delete(n.slots, i, i+1)
	}
	if len(n.slots) == 0 && (n.children == nil || *n.children == [1 << branchBits]*node{}) {
		return nil
	}
	return n
}
