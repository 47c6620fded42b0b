package policy

import (
	"strings"

	"github.com/agext/levenshtein"
)

// How far a name may be from one that was meant by it.
const (
	mostSlips   = 2  // letters that are wrong
	longestSlip = 32 // octets of a name that is looked at
)

// meant is the one of names that was meant by another, as far as that can be told: it
// has few wrong letters, or the one has all of the other, whatever the case, as
// persistUntil has until. Empty if there is none.
func meant(name string, names []string) string {
	if len(name) > longestSlip {
		return ""
	}
	best, fewest := "", mostSlips+1
	for _, n := range names {
		slips := levenshtein.Distance(plain(n), plain(name), nil)
		if holds(name, n) || holds(n, name) {
			slips = min(slips, mostSlips)
		}
		if slips < fewest && slips < len(n) {
			best, fewest = n, slips
		}
	}
	return best
}

// holds reports whether all of part, if that is long enough to tell of anything, stands in name.
func holds(name, part string) bool {
	return len(part) > mostSlips && strings.Contains(plain(name), plain(part))
}

// plain is a name in one spelling: account_uri is accounturi.
func plain(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }
