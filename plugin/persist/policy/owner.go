package policy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// ownership says which team owns which names: the one that claims the longest
// suffix, alone. It is immutable.
type ownership struct {
	teams  map[string]*team    // by slug
	claims map[suffix][]string // who claims a suffix: slugs, sorted
	within map[suffix][]suffix // claimed suffixes strictly below a name, in canonical order
}

// newOwnership returns the ownership among teams, which is prev where nothing
// has changed.
func newOwnership(prev *ownership, teams map[string]*team) *ownership {
	if prev != nil && maps.Equal(prev.teams, teams) {
		return prev
	}
	o := &ownership{teams: teams, claims: map[suffix][]string{}, within: map[suffix][]suffix{}}
	for _, slug := range slices.Sorted(maps.Keys(teams)) {
		for _, s := range teams[slug].claims {
			o.claims[s] = append(o.claims[s], slug)
		}
	}
	for _, s := range slices.SortedFunc(maps.Keys(o.claims), compareSuffixes) {
		for up, ok := s.parent(); ok; up, ok = up.parent() {
			o.within[up] = append(o.within[up], s)
		}
	}
	return o
}

// suffixOf returns the longest claimed suffix of name, false if there is none.
func (o *ownership) suffixOf(name record.FQDN) (suffix, bool) {
	for s, ok := suffix(name), true; ok; s, ok = s.parent() {
		if len(o.claims[s]) > 0 {
			return s, true
		}
	}
	return "", false
}

// suffixAbove returns the longest claimed suffix above s, false if there is none.
func (o *ownership) suffixAbove(s suffix) (suffix, bool) {
	up, ok := s.parent()
	if !ok {
		return "", false
	}
	return o.suffixOf(record.FQDN(up))
}

// behind returns the claimed suffixes that are not before name, in canonical order.
func (o *ownership) behind(name record.FQDN) []suffix {
	all := o.within[""]
	i, _ := slices.BinarySearchFunc(all, suffix(name), compareSuffixes)
	return all[i:]
}

// owns reports whether name belongs to the team slug, and if not why.
func (o *ownership) owns(slug string, name record.FQDN) (s suffix, reason string) {
	s, ok := o.suffixOf(name)
	switch {
	case !ok || !o.claimed(s, slug) && !o.reaches(slug, name):
		return s, fmt.Sprintf("lies outside the domains of team %s: add a suffix that covers it to teams/%s, or remove it here", slug, slug)
	case !o.claimed(s, slug):
		return s, fmt.Sprintf("belongs to team %s, which claims the longer suffix %s", few(o.claims[s], " and "), s)
	case len(o.claims[s]) > 1:
		return s, fmt.Sprintf("belongs to nobody, because teams %s both claim %s: remove it from one of them", few(o.claims[s], " and "), s)
	}
	return s, ""
}

// below returns the teams, sorted, that may own names at or below name.
func (o *ownership) below(name record.FQDN) []string {
	s, _ := o.suffixOf(name)
	teams := slices.Clone(o.claims[s])
	for _, s := range o.within[suffix(name)] {
		teams = append(teams, o.claims[s]...)
	}
	slices.Sort(teams)
	return slices.Compact(teams)
}

// claimed reports whether the team claims s itself.
func (o *ownership) claimed(s suffix, slug string) bool {
	_, ok := slices.BinarySearch(o.claims[s], slug)
	return ok
}

// reaches reports whether any suffix of the team covers name.
func (o *ownership) reaches(slug string, name record.FQDN) bool {
	for s, ok := suffix(name), true; ok; s, ok = s.parent() {
		if o.claimed(s, slug) {
			return true
		}
	}
	return false
}

// trespass returns the suffix of another team that a wide grant of the team at
// name would cover without leave, empty if there is none.
func (o *ownership) trespass(slug string, name record.FQDN) string {
	for _, s := range o.within[suffix(name)] {
		others := slices.ContainsFunc(o.claims[s], func(claimant string) bool { return claimant != slug })
		if others && !covers(o.teams[slug].reach, s) {
			return s.String()
		}
	}
	return ""
}

// conflicts are the suffixes that two teams claim, faults of both of them.
func (o *ownership) conflicts() map[string]faults {
	found := map[string]faults{}
	for _, s := range slices.Sorted(maps.Keys(o.claims)) {
		claimants := o.claims[s]
		if len(claimants) < 2 {
			continue
		}
		one := fault{
			field:  fieldOf("domains", s.String()),
			reason: fmt.Sprintf("is claimed by teams %s alike, so nobody owns it: remove it from one of them", few(claimants, " and ")),
		}
		for _, slug := range claimants {
			f := found[slug]
			f.add(one)
			found[slug] = f
		}
	}
	return found
}
