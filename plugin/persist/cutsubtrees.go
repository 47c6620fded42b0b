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

// warnSubtrees warns of subtrees that are not served: what does not, and what serves
// them instead.
func warnSubtrees(names []string, does, instead string) {
	if len(names) == 0 {
		return
	}
	list, more := names[:min(len(names), mostTold)], ""
	if len(list) < len(names) {
		more = ", among others,"
	}
	log.Warningf("the subtree of %s%s is granted, and %s not serve it, only the name itself: list the names below it, or %s", strings.Join(list, ", "), more, does, instead)
}
