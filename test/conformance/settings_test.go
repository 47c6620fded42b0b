package conformance

import (
	"fmt"

	"github.com/miekg/dns"
)

// setting is one way to sign a zone.
type setting struct {
	denial    string // as the Corefile says it
	algorithm uint8
}

// settings are all ways that persist knows.
var settings = []setting{
	{"compact", dns.ECDSAP256SHA256},
	{"compact", dns.ED25519},
	{"nsec", dns.ECDSAP256SHA256},
	{"nsec", dns.ED25519},
}

func (s setting) String() string { return fmt.Sprintf("%s, algorithm %d", s.denial, s.algorithm) }

// zone is the zone that is signed this way.
func (s setting) zone() string { return fmt.Sprintf("%s%d.%s", s.denial, s.algorithm, parent) }

// zones are the zones of all settings, and the bogus one.
func zones() []string {
	list := append(make([]string, 0, 1+len(settings)), bogus)
	for _, s := range settings {
		list = append(list, s.zone())
	}
	return list
}

func (s setting) compact() bool { return s.denial == "compact" }
