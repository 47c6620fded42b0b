package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// suffix is a name and everything below it. It is written like an FQDN; the
// empty suffix, "." in documents, is everything.
type suffix string

// parseSuffixes returns the suffixes that s stands for: one, or those of an IP
// prefix.
func parseSuffixes(s string) ([]suffix, error) {
	if s == "." {
		return []suffix{""}, nil
	}
	names, wildcard, err := parseNames(s)
	if err == nil && wildcard {
		err = fmt.Errorf("%q: a suffix covers everything below it anyway, write %q", s, names[0])
	}
	list := make([]suffix, len(names))
	for i, name := range names {
		list[i] = suffix(name)
	}
	return list, err
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

// covers reports whether name is s, or lies below it.
func (s suffix) covers(name record.FQDN) bool {
	rest, ok := strings.CutSuffix(string(name), string(s))
	return ok && (rest == "" || s == "" || strings.HasSuffix(rest, "."))
}

// suffixes reads a list, or a map with empty objects, of suffixes without
// repetition.
func (o *object) suffixes(name string) []suffix {
	var list []suffix
	for _, m := range o.allEntries(name) {
		some, err := parseSuffixes(m.name)
		if err == nil && (!m.value.isObject() || len(m.value.members) > 0) {
			err = errors.New("takes no settings: write {}")
		}
		if err != nil {
			o.faults.add(fault{field: fieldOf(fieldOf(o.path, name), m.name), reason: err.Error()})
			continue
		}
		list = append(list, some...)
	}
	return union(list, nil)
}

// covers reports whether s is one of set, or below one.
func covers(set map[suffix]bool, s suffix) bool {
	for up, ok := s, true; ok; up, ok = up.parent() {
		if set[up] {
			return true
		}
	}
	return false
}

// coveredByBoth returns the suffixes of what a and b have in common.
func coveredByBoth(a, b map[suffix]bool) map[suffix]bool {
	both := map[suffix]bool{}
	for _, set := range []map[suffix]bool{a, b} {
		for s := range set {
			if covers(a, s) && covers(b, s) {
				both[s] = true
			}
		}
	}
	return both
}
