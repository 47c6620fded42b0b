package main

import (
	"slices"

	"github.com/agext/levenshtein"
)

// slips is how many letters of a name may be wrong for it to be known again.
const slips = 2

// alike returns the one among names that was meant by name, empty if there is none.
func alike(names []string, name string) string {
	if len(names) == 0 {
		return ""
	}
	far := func(n string) int { return levenshtein.Distance(n, name, nil) }
	best := slices.MinFunc(names, func(a, b string) int { return far(a) - far(b) })
	if far(best) > min(slips, len(name)-1) { // another word as well
		return ""
	}
	return best
}
