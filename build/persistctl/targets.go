package main

import (
	"fmt"

	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
	"github.com/spf13/pflag"
)

func (s *stanza) registerTargets(flags *pflag.FlagSet) {
	flags.BoolVar(&s.targets, "targets", false, "--zone has the targets of CNAME records, as targets in the Corefile says")
}

// checkZone refuses what is no zone, and targets or cuts of none.
func (s *stanza) checkZone() error {
	switch {
	case s.targets && s.cuts:
		return usagef("--targets stand in one zone, and --cuts are a zone for each name: write one of them")
	case s.cuts && s.zone == "":
		return usagef("--cuts are those of a zone: write --zone ZONE, which may be .")
	case s.targets && s.zone == "":
		return usagef("in which zone do the targets stand? write --zone ZONE, as in the Corefile")
	case s.zone == "":
		return nil
	}
	_, err := s.named()
	return err
}

// named returns the zone of --zone, as far as names go.
func (s *stanza) named() (*zone.Zone, error) {
	c := s.config(s.zone)
	c.Overlay, c.Cuts = true, s.cuts
	z, err := zone.New(c)
	if err != nil {
		return nil, usageError{err}
	}
	return z, nil
}

// inside returns whether the records of a name stand in --zone, which those of
// every name do where none is given.
func (s *stanza) inside() (func(record.FQDN) bool, error) {
	if err := s.checkZone(); err != nil {
		return nil, err
	}
	if s.zone == "" {
		return func(record.FQDN) bool { return true }, nil
	}
	z, err := s.named()
	return func(name record.FQDN) bool {
		_, inside := z.Owner(name)
		return inside
	}, err
}

// serves refuses a name whose records stand outside of --zone.
func (s *stanza) serves(name record.FQDN) error {
	inside, err := s.inside()
	if err == nil && !inside(name) {
		err = usagef("%s lies outside of --zone %s: write the zone that serves it, or --targets if CNAME records lead there", name.Owner(), s.zone)
	}
	return err
}

// unleadable says why no CNAME can lead to the target of a name in the zone of targets
// at origin, empty if one can.
func unleadable(name record.FQDN, origin string) string {
	owner := name.Owner()
	if !dns.IsSubDomain(origin, owner) {
		return ""
	}
	return fmt.Sprintf("a CNAME at %s would have to stand in %s, which is the zone of targets itself: serve the name in another way", owner, origin)
}

// unledTo is unleadable in the zone of the stanza, empty where that has no targets.
func (s *stanza) unledTo(name record.FQDN) string {
	if !s.targets {
		return ""
	}
	z, err := s.named()
	if err != nil { // check has refused it
		return ""
	}
	return unleadable(name, z.Origin)
}

// target is the name in a zone of targets at which the records of name stand,
// empty in any other zone.
func (s *stanza) target(name record.FQDN) string {
	if !s.targets {
		return ""
	}
	z, err := s.named()
	if err != nil { // check has refused it
		return ""
	}
	owner, _ := z.Owner(name)
	return owner
}
