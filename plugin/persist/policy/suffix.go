package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// suffix is a name and everything below it. It is written like an FQDN; the
// empty suffix, "." in documents, is everything.
type suffix string

func parseSuffix(s string) (suffix, error) {
	if s == "." {
		return "", nil
	}
	name, wildcard, err := record.ParseFQDN(s)
	if err == nil && wildcard {
		err = fmt.Errorf("%q: a suffix covers everything below it anyway, write %q", s, name)
	}
	return suffix(name), err
}

func (s suffix) String() string {
	if s == "" {
		return "."
	}
	return string(s)
}

// parent returns what is one label above s, and false for the empty suffix,
// which has nothing above.
func (s suffix) parent() (suffix, bool) {
	if _, up, ok := strings.Cut(string(s), "."); ok {
		return suffix(up), true
	}
	return "", s != ""
}

// suffixes reads a list, or a map with empty objects, of suffixes without
// repetition.
func (o *object) suffixes(name string) []suffix {
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	seen := map[suffix]bool{}
	var list []suffix
	for _, m := range o.entries(name, v) {
		s, err := parseSuffix(m.name)
		if err == nil && (!m.value.isObject() || len(m.value.members) > 0) {
			err = errors.New("takes no settings: write {}")
		}
		if err != nil {
			o.faults = append(o.faults, fault{fieldOf(fieldOf(o.path, name), m.name), err.Error()})
			continue
		}
		if !seen[s] {
			seen[s] = true
			list = append(list, s)
		}
	}
	return list
}

// covers reports whether s is one of list, or below one.
func covers(list []suffix, s suffix) bool {
	for up, ok := s, true; ok; up, ok = up.parent() {
		if slices.Contains(list, up) {
			return true
		}
	}
	return false
}

// coveredByBoth returns the suffixes of what a and b have in common.
func coveredByBoth(a, b []suffix) []suffix {
	var both []suffix
	for _, s := range union(a, b) {
		if covers(a, s) && covers(b, s) {
			both = append(both, s)
		}
	}
	return both
}
