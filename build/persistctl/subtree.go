package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// subtreeOf returns the name whose grants name has, by their subtrees, empty where
// it has its own or none.
func subtreeOf(book *policy.Book, name record.FQDN) record.FQDN {
	if book.Lookup(name) != nil || len(book.At(name)) == 0 {
		return ""
	}
	return book.Reach(name)[0].FQDN
}

// covered says by which grants a name is granted that has none of its own.
func covered(book *policy.Book, name, by record.FQDN) string {
	grants := book.Reach(name)
	paths := make([]string, len(grants))
	for i, g := range grants {
		paths[i] = g.Path()
	}
	return fmt.Sprintf("%s has no grant of its own: it lies in the subtree of %s, by %s", name.Readable(), by.Readable(), strings.Join(paths, ", "))
}

// covered is the function of that name, and says where the zone does not serve the
// subtree.
func (s *stanza) covered(book *policy.Book, name, by record.FQDN) string {
	text := covered(book, name, by)
	if s.listsNames() {
		text += fmt.Sprintf(", and neither cuts nor denial nsec serve more of that than the name itself: list %s in the document, or serve a zone with denial compact and without cuts", name.Readable())
	}
	return text
}

// nearestGrant returns the nearest name above name that has grants, empty if there is
// none.
func nearestGrant(book *policy.Book, name record.FQDN) record.FQDN {
	for _, up, ok := strings.Cut(string(name), "."); ok; _, up, ok = strings.Cut(up, ".") {
		if book.Lookup(record.FQDN(up)) != nil {
			return record.FQDN(up)
		}
	}
	return ""
}

// lone returns the names whose own grants differ in two books, the later of which
// was compiled after the other, where either has grants of subtrees: without its
// own a name may have one by those.
func lone(before, after *policy.Book) []record.FQDN {
	if !hasSubtree(before) && !hasSubtree(after) {
		return nil
	}
	names := map[record.FQDN]bool{}
	for g := range after.Gone(before) {
		names[g.FQDN] = true
	}
	for g := range before.Gone(after) {
		names[g.FQDN] = true
	}
	return slices.Sorted(maps.Keys(names))
}

func hasSubtree(book *policy.Book) bool {
	for range book.Subtrees() {
		return true
	}
	return false
}

// inherited are the promises that name has by subtrees, sorted; none where it has
// grants of its own.
func inherited(book *policy.Book, name record.FQDN) []string {
	if book.Lookup(name) != nil {
		return nil
	}
	var list []string
	for _, g := range book.At(name) {
		list = append(list, promises(g)...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// stoppedBelow returns what the stops that after has and before has not withdraw
// of names in subtrees: the grants of the domains stopped, which have none of
// their own. There may be others below each.
func stoppedBelow(before, after *policy.Book) []*policy.Grant {
	var list []*policy.Grant
	for _, s := range after.Stops() {
		name, ok := s.Domain()
		if ok && before.Lookup(name) == nil && !slices.Contains(before.Stops(), s) {
			list = append(list, before.At(name)...)
		}
	}
	return list
}
