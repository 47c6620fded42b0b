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
}

// settings are all ways that persist knows.
var settings = []setting{
	{"compact", dns.ECDSAP256SHA256, ""},
	{"compact", dns.ED25519, ""},
	{"nsec", dns.ECDSAP256SHA256, ""},
	{"nsec", dns.ED25519, ""},
	{"compact", dns.ECDSAP256SHA256, "a.b."},
	{"compact", dns.ECDSAP256SHA256, disabled},
	{"nsec", dns.ECDSAP256SHA256, "a.b."},
	{"nsec", dns.ECDSAP256SHA256, disabled},
}

// disabled is the domain of a cut whose grant is disabled.
const disabled = "off."

func (s setting) String() string {
	if s.cut != "" {
		return fmt.Sprintf("%s, algorithm %d, cut of %s", s.denial, s.algorithm, s.cut)
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
	if s.cut != "" {
		return fmt.Sprintf("cuts%d-%s.%s", s.algorithm, s.denial, parent)
	}
	return fmt.Sprintf("%s%d.%s", s.denial, s.algorithm, parent)
}

// whole are the settings in which names can be added to the zone.
func whole() []setting {
	return slices.DeleteFunc(slices.Clone(settings), func(s setting) bool { return s.cut != "" })
}

// zones are the zones of all settings, and the bogus one.
func zones() []string {
	list := append(make([]string, 0, 1+len(settings)), bogus)
	for _, s := range settings {
		list = append(list, s.zone())
	}
	return list
}

func (s setting) compact() bool { return s.denial == "compact" }

// hasSubtree reports whether the zone has a grant of a subtree: one whose names are
// listed by a chain cannot.
func hasSubtree(zone string) bool { return strings.HasPrefix(zone, "compact") }
