package main

import (
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"

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

// serves refuses a name whose records stand outside of --zone.
func (s *stanza) serves(name record.FQDN) error {
	if err := s.checkZone(); err != nil || s.zone == "" {
		return err
	}
	z, err := s.named()
	if err != nil {
		return err
	}
	if owner, inside := z.Owner(name); !inside {
		return usagef("%s lies outside of --zone %s: write the zone that serves it", owner, z.Origin)
	}
	return nil
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
