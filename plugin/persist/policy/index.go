package policy

import (
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// index returns the trie of the grants in accounts, made of that of the
// accounts before; both are sorted by place. It is the same one where no grant
// has changed. A name that has no grants, but stands above one that has, is in
// it too: it exists in the DNS as an empty non-terminal.
func index(before trie, old, accounts []*compiled) trie {
	e := before.edit()
	for len(old) > 0 || len(accounts) > 0 {
		switch c := compareFirst(old, accounts, func(a, b *compiled) int { return comparePlaces(a.place, b.place) }); {
		case c < 0:
			e.regrant(old[0].grants, nil)
			old = old[1:]
		case c > 0:
			e.regrant(nil, accounts[0].grants)
			accounts = accounts[1:]
		default:
			e.regrant(old[0].grants, accounts[0].grants)
			old, accounts = old[1:], accounts[1:]
		}
	}
	return e.trie
}

// regrant takes the grants that an account had for those that it has; both are
// sorted by name.
func (e *edit) regrant(old, grants []*Grant) {
	if len(old) == len(grants) && (len(old) == 0 || &old[0] == &grants[0]) {
		return
	}
	for len(old) > 0 || len(grants) > 0 {
		switch c := compareFirst(old, grants, func(a, b *Grant) int { return compareNames(a.FQDN, b.FQDN) }); {
		case c < 0:
			e.replace(old[0], nil)
			old = old[1:]
		case c > 0:
			e.replace(nil, grants[0])
			grants = grants[1:]
		default:
			e.replace(old[0], grants[0])
			old, grants = old[1:], grants[1:]
		}
	}
}

// compareFirst compares the first of a with the first of b; what is left over
// of either comes first.
func compareFirst[T comparable](a, b []T, compare func(T, T) int) int {
	switch {
	case len(b) == 0:
		return -1
	case len(a) == 0:
		return 1
	case a[0] == b[0]:
		return 0
	}
	return compare(a[0], b[0])
}

// replace has a grant of an account stand where one of the same account stood;
// either may be nil.
func (e *edit) replace(old, g *Grant) {
	switch {
	case old == g:
	case old == nil:
		e.change(g.FQDN, func(list []*Grant) []*Grant { return inserted(list, g) })
	case g == nil:
		e.change(old.FQDN, func(list []*Grant) []*Grant { return without(list, old) })
	default:
		e.change(g.FQDN, func(list []*Grant) []*Grant { return inserted(without(list, old), g) })
	}
}

// inserted returns list, which is left as it is, with g at its place.
func inserted(list []*Grant, g *Grant) []*Grant {
	i, _ := slices.BinarySearchFunc(list, g, func(a, b *Grant) int { return comparePlaces(a.place(), b.place()) })
	return slices.Concat(list[:i:i], []*Grant{g}, list[i:])
}

// without returns list, which is left as it is, without g; nil where nothing is
// left, as of a name that never had a grant.
func without(list []*Grant, g *Grant) []*Grant {
	if len(list) == 1 && list[0] == g {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(list), func(h *Grant) bool { return h == g })
}

// change sets the grants at name, and has the names above it exist as long as
// there is one.
func (e *edit) change(name record.FQDN, grants func([]*Grant) []*Grant) {
	had := e.at(name)
	x := had
	x.grants = grants(had.grants)
	e.set(had, x)
}

// at returns the entry at name, without anything where there is none. What it has
// of grants counts until the next change.
func (e *edit) at(name record.FQDN) entry {
	if s := e.get(name); s != nil {
		return s.entry()
	}
	return entry{name: name}
}

// set has x stand where had stood, or where nothing stands as nothing does at had.
func (e *edit) set(had, x entry) {
	if x.exists() {
		e.put(x)
	} else {
		e.drop(x.name)
	}
	up, ok := suffix(x.name).parent()
	if x.exists() == had.exists() && x.isPlain() == had.isPlain() || !ok || up == "" {
		return
	}
	above := e.at(record.FQDN(up))
	raised := above
	raised.below += gained(had.exists(), x.exists())
	raised.plain += gained(had.isPlain(), x.isPlain())
	e.set(above, raised)
}

// gained is how many more there are of what was counted, or not, and is now.
func gained(was, is bool) int32 {
	switch {
	case is && !was:
		return 1
	case was && !is:
		return -1
	}
	return 0
}

func (x entry) exists() bool { return len(x.grants) > 0 || x.below > 0 }

// isPlain reports whether x would be there if there were no long names.
func (x entry) isPlain() bool { return len(x.grants) > 0 && !x.name.IsLong() || x.plain > 0 }
