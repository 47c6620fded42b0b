package persist

import (
	"iter"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// subtrees returns the names, sorted, of those grants that are of a subtree in the
// zones of p. A cut holds the name itself alone.
func (p *Persist) subtrees(grants iter.Seq[*policy.Grant]) []string {
	var names []string
	for g := range grants {
		if g.Subtree && p.holder(g.FQDN) != nil {
			names = append(names, string(g.FQDN))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// warnUnreached warns once of each subtree that is not served: where a chain lists
// the names of a zone, or each has a zone of its own.
func (p *Persist) warnUnreached(book *policy.Book) {
	if book == nil || !p.config.cuts && p.config.denial != "nsec" {
		return
	}
	does, instead := "denial nsec does", "write denial compact"
	if p.config.cuts {
		does, instead = "cuts do", "serve a zone without cuts"
	}
	names := p.subtrees(book.Subtrees())
	fresh := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, told := slices.BinarySearch(p.unreached, name)
		return told
	})
	if p.unreached = names; len(fresh) == 0 {
		return
	}
	list, more := fresh[:min(len(fresh), mostTold)], ""
	if len(list) < len(fresh) {
		more = ", among others,"
	}
	log.Warningf("the subtree of %s%s is granted, and %s not serve it, only the name itself: list the names below it, or %s", strings.Join(list, ", "), more, does, instead)
}
