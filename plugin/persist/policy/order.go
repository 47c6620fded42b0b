package policy

import (
	"cmp"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// compareNames orders names as RFC 4034 section 6.1 does: by label, from the
// right. Names are in lower case already.
func compareNames(a, b record.FQDN) int {
	x, y := string(a), string(b)
	for x != "" && y != "" {
		var l, m string
		x, l = cutLast(x)
		y, m = cutLast(y)
		if c := strings.Compare(l, m); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

func compareSuffixes(a, b suffix) int { return compareNames(record.FQDN(a), record.FQDN(b)) }

// cutLast cuts the rightmost label off.
func cutLast(s string) (rest, label string) {
	if i := strings.LastIndexByte(s, '.'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return "", s
}
