package main

import (
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/spf13/pflag"
)

// Defaults of the Corefile.
const (
	defaultTTL      = 300 // seconds
	defaultGrace    = time.Hour
	defaultMaxStale = 72 * time.Hour
	defaultRefresh  = time.Minute
	defaultDenial   = "compact"
)

// stanza is what the Corefile says of a zone, as far as answers depend on it.
type stanza struct {
	zone            string
	cuts            bool
	ns              []string
	ttl             uint32
	grace, maxStale time.Duration
	refresh         time.Duration
	denial          string // "compact" or "nsec"
	targets         bool
}

func defaultStanza() *stanza {
	return &stanza{ttl: defaultTTL, grace: defaultGrace, maxStale: defaultMaxStale, refresh: defaultRefresh, denial: defaultDenial}
}

func (s *stanza) register(flags *pflag.FlagSet) {
	s.registerRecords(flags)
	flags.Lookup("zone").Usage += "; without keys, show the grants in it alone"
	flags.StringSliceVar(&s.ns, "ns", nil, "`NAMES` of the zone's servers, as in the Corefile, with commas between")
}

// registerRecords is register for what TXT records depend on.
func (s *stanza) registerRecords(flags *pflag.FlagSet) {
	flags.StringVar(&s.zone, "zone", "", "`ZONE` that the server serves, as in the Corefile")
	flags.BoolVar(&s.cuts, "cuts", false, "the stanza has cuts, as in the Corefile: each name in --zone, which may be ., is a zone of its own")
	s.registerTargets(flags)
	flags.Uint32Var(&s.ttl, "ttl", defaultTTL, "TTL of the records in `SECONDS`, as in the Corefile")
	durationFlag(flags, &s.grace, "grace", defaultGrace, "`DURATION` of grace, as in the Corefile")
	durationFlag(flags, &s.maxStale, "max-stale", defaultMaxStale, "`DURATION` of max_stale, as in the Corefile")
	durationFlag(flags, &s.refresh, "refresh", defaultRefresh, "`DURATION` of refresh, as in the Corefile")
	flags.StringVar(&s.denial, "denial", defaultDenial, "`KIND` of denial, compact or nsec, as in the Corefile: with nsec persistUntil moves at an instant that depends on --zone")
}

// check refuses what the Corefile refuses too.
func (s *stanza) check() error {
	for _, d := range []struct {
		flag        string
		value       time.Duration
		least, most time.Duration
	}{
		{"grace", s.grace, time.Minute, 7 * 24 * time.Hour},
		{"max-stale", s.maxStale, time.Minute, 30 * 24 * time.Hour},
		{"refresh", s.refresh, time.Second, 24 * time.Hour},
	} {
		if d.value < d.least || d.value > d.most {
			return usagef("--%s %s is out of range: write %s to %s", d.flag, d.value, d.least, d.most)
		}
	}
	if s.refresh >= min(s.maxStale, s.grace) {
		return usagef("--refresh %s is not below --max-stale %s and --grace %s: what is served would expire, or stand still, between two scans", s.refresh, s.maxStale, s.grace)
	}
	for _, n := range s.ns {
		if strings.ContainsAny(n, " \t") {
			return usagef("--ns %q: separate names by commas, without spaces", n)
		}
	}
	switch {
	case s.denial != defaultDenial && s.denial != "nsec":
		return usagef("--denial %q: write compact or nsec", s.denial)
	case s.denial == "nsec" && s.zone == "":
		return usagef("--denial nsec needs the zone, on which the instants of rotation depend: write --zone ZONE")
	}
	if err := s.checkZone(); err != nil {
		return err
	}
	if s.ttl < 1 || s.ttl > zone.MaxTTL {
		return usagef("--ttl %d is out of range: write 1 to %d seconds", s.ttl, zone.MaxTTL)
	}
	return nil
}

// listsNames reports whether the zone has no names of subtrees: a chain lists all
// names, and no cut has any.
func (s *stanza) listsNames() bool { return s.denial != defaultDenial || s.cuts }

// grantsAt returns those that are served at a name.
func (s *stanza) grantsAt(book *policy.Book, name record.FQDN) []*policy.Grant {
	if s.listsNames() {
		return book.Lookup(name)
	}
	return book.At(name)
}

// served returns the zone that the stanza serves, with cuts the one of name.
func (s *stanza) served(name record.FQDN) (*zone.Zone, error) {
	switch {
	case s.zone == "":
		return nil, usagef("in which zone? write --zone ZONE, as in the Corefile")
	case len(s.ns) == 0:
		return nil, usagef("which servers has the zone? write --ns NAMES, as in the Corefile")
	}
	c := s.config(s.zone)
	c.NS, c.Cuts = s.ns, s.cuts
	z, err := zone.New(c)
	if err != nil {
		return nil, usageError{err}
	}
	if !s.cuts {
		return z, nil
	}
	owner, ok := z.Owner(name)
	if name == "" || !ok {
		return nil, usagef("at which cut of %s? write NAME, a domain at or below it", z.Origin)
	}
	return z.Cut(owner, name), nil
}

// around returns a zone that holds the grant. Its records are the same in every
// zone that is not chained, so the smallest will do: its owner is the apex.
func (s *stanza) around(g *policy.Grant) *zone.Zone {
	c := s.config(g.FQDN.Owner())
	if c.Chained || c.Targets {
		c.Origin, c.Cuts = s.zone, s.cuts
	}
	c.Overlay = true
	z, _ := zone.New(c) // fails only for what check refuses
	return z
}

func (s *stanza) config(origin string) zone.Config {
	return zone.Config{Origin: originOf(origin), Chained: s.denial == "nsec", Targets: s.targets, TTL: s.ttl, Grace: s.grace, MaxStale: s.maxStale}
}

// originOf is a zone as the Corefile writes it, where an IP prefix that ends at an
// octet, or at a digit, is that of its reverse names.
func originOf(name string) string {
	names, err := record.ParsePrefix(name)
	if err != nil || len(names) != 1 {
		return name
	}
	return string(names[0]) + "."
}
