package main

import (
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/spf13/pflag"
)

// Defaults of the Corefile.
const (
	defaultTTL      = 300 // seconds
	defaultGrace    = time.Hour
	defaultMaxStale = 72 * time.Hour
	defaultRefresh  = time.Minute
)

// stanza is what the Corefile says of a zone, as far as answers depend on it.
type stanza struct {
	zone            string
	ns              []string
	ttl             uint32
	grace, maxStale time.Duration
	refresh         time.Duration
}

func defaultStanza() *stanza {
	return &stanza{ttl: defaultTTL, grace: defaultGrace, maxStale: defaultMaxStale, refresh: defaultRefresh}
}

func (s *stanza) register(flags *pflag.FlagSet) {
	flags.StringVar(&s.zone, "zone", "", "`ZONE` that the server serves, as in the Corefile; without keys, show the grants in it alone")
	flags.StringSliceVar(&s.ns, "ns", nil, "`NAMES` of the zone's servers, as in the Corefile, with commas between")
	flags.Uint32Var(&s.ttl, "ttl", defaultTTL, "TTL of the records in `SECONDS`, as in the Corefile")
	flags.DurationVar(&s.grace, "grace", defaultGrace, "`DURATION` of grace, as in the Corefile")
	flags.DurationVar(&s.maxStale, "max-stale", defaultMaxStale, "`DURATION` of max_stale, as in the Corefile")
	flags.DurationVar(&s.refresh, "refresh", defaultRefresh, "`DURATION` of refresh, as in the Corefile")
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
	if s.ttl < 1 || s.ttl > zone.MaxTTL {
		return usagef("--ttl %d is out of range: write 1 to %d seconds", s.ttl, zone.MaxTTL)
	}
	return nil
}

// served returns the zone that the stanza serves.
func (s *stanza) served() (*zone.Zone, error) {
	switch {
	case s.zone == "":
		return nil, usagef("in which zone? write --zone ZONE, as in the Corefile")
	case len(s.ns) == 0:
		return nil, usagef("which servers has the zone? write --ns NAMES, as in the Corefile")
	}
	z, err := zone.New(zone.Config{Origin: s.zone, NS: s.ns, TTL: s.ttl, Grace: s.grace, MaxStale: s.maxStale})
	if err != nil {
		return nil, usageError{err}
	}
	return z, nil
}

// around returns the smallest zone that holds the grant: its owner is the apex.
// The records of a grant are the same in every zone.
func (s *stanza) around(g *policy.Grant) *zone.Zone {
	z, _ := zone.New(zone.Config{Origin: g.FQDN.Owner(), Overlay: true, TTL: s.ttl, Grace: s.grace, MaxStale: s.maxStale}) // fails only for what check refuses
	return z
}
