package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// setting is one way to sign a zone.
type setting struct {
	denial    string // as the Corefile says it
	algorithm uint8
	cut       string // the granted domain whose cut it is, below the zone in the Corefile; empty: no cut
	targets   bool   // whether CNAME records elsewhere lead to the zone
}

// settings are all ways that persist knows.
var settings = []setting{
	{denial: "compact", algorithm: dns.ECDSAP256SHA256},
	{denial: "compact", algorithm: dns.ED25519},
	{denial: "nsec", algorithm: dns.ECDSAP256SHA256},
	{denial: "nsec", algorithm: dns.ED25519},
	{denial: "compact", algorithm: dns.ECDSAP256SHA256, cut: "a.b."},
	{denial: "compact", algorithm: dns.ECDSAP256SHA256, cut: disabled},
	{denial: "nsec", algorithm: dns.ECDSAP256SHA256, cut: "a.b."},
	{denial: "nsec", algorithm: dns.ECDSAP256SHA256, cut: disabled},
	{denial: "compact", algorithm: dns.ECDSAP256SHA256, targets: true},
	{denial: "nsec", algorithm: dns.ED25519, targets: true},
}

// disabled is the domain of a cut whose grant is disabled.
const disabled = "off."

func (s setting) String() string {
	switch {
	case s.cut != "":
		return fmt.Sprintf("%s, algorithm %d, cut of %s", s.denial, s.algorithm, s.cut)
	case s.targets:
		return fmt.Sprintf("targets, %s, algorithm %d", s.denial, s.algorithm)
	}
	return fmt.Sprintf("%s, algorithm %d", s.denial, s.algorithm)
}

// zone is the zone that is signed this way.
func (s setting) zone() string {
	if s.cut != "" {
		return label + s.cut + s.outer()
	}
	return s.outer()
}

// outer is the zone that the Corefile names.
func (s setting) outer() string {
	switch {
	case s.cut != "":
		return fmt.Sprintf("cuts%d-%s.%s", s.algorithm, s.denial, parent)
	case s.targets:
		return fmt.Sprintf("targets%d.%s", s.algorithm, parent)
	}
	return fmt.Sprintf("%s%d.%s", s.denial, s.algorithm, parent)
}

// whole are the settings in which names can be added to the zone.
func whole() []setting {
	return slices.DeleteFunc(slices.Clone(settings), func(s setting) bool { return s.cut != "" })
}

// top is the domain below which names are granted for the setting: the zone, or
// one of which that has the targets.
func (s setting) top() string {
	if s.targets {
		return "granted-" + s.zone()
	}
	return s.zone()
}

// owner is where the record of a domain below top stands.
func (s setting) owner(domain string) string {
	if s.targets {
		return domain + "." + s.top() + s.zone()
	}
	return label + domain + "." + s.zone()
}

// zones are the zones of all settings, and the bogus one.
func zones() []string {
	list := append(make([]string, 0, 1+len(settings)), bogus)
	for _, s := range settings {
		list = append(list, s.zone())
	}
	return list
}

// tops are the domains below which names are granted.
func tops() []string {
	list := append(make([]string, 0, 1+len(settings)), bogus)
	for _, s := range settings {
		list = append(list, s.top())
	}
	return list
}

func (s setting) compact() bool { return s.denial == "compact" }

// hasSubtree reports whether the zone has a grant of a subtree: one whose names are
// listed by a chain cannot.
func hasSubtree(zone string) bool { return strings.HasPrefix(zone, "compact") }
