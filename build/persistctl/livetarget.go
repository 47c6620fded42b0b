package main

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// strayAlias is where a CNAME record leads, at any server, that does not lead on to the
// target where the records stand; empty if there is none, or no target.
func (s *sight) strayAlias(target string) string {
	if target == "" {
		return ""
	}
	for _, alias := range s.aliases() {
		if !s.reaches(alias, target) {
			return alias
		}
	}
	return ""
}

// aliases are where CNAME records at the name that is asked for lead, as its servers say;
// where those that were named with --server are others, where the resolver has ended.
func (s *sight) aliases() (list []string) {
	asked := false
	for _, v := range s.Servers {
		asked = asked || v.Name == s.Owner
		if v.Name == s.Owner && v.Alias != "" {
			list = append(list, v.Alias)
		}
	}
	if !asked && s.Resolver.Alias != "" {
		return []string{s.Resolver.Alias}
	}
	return list
}

// reaches reports whether CNAME records lead from a name to target, at any server.
func (s *sight) reaches(from, target string) bool {
	names := []string{from} // each once, so that a circle ends
	for i := 0; i < len(names); i++ {
		if dns.CanonicalName(names[i]) == dns.CanonicalName(target) {
			return true
		}
		for _, v := range s.Servers {
			if v.Name == names[i] && v.Alias != "" && !slices.Contains(names, v.Alias) {
				names = append(names, v.Alias)
			}
		}
	}
	return false
}

// astray says that a CNAME record leads to the wrong name, and what to write there.
func (s *sight) astray(alias, target string) (reason, advice string) {
	return fmt.Sprintf("the CNAME record at %s leads to %s, not to %s", s.Owner, alias, target),
		fmt.Sprintf("correct it to %s CNAME %s in the zone of the name, as persistctl delegate prints it", s.Owner, target)
}
