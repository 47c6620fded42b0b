package main

import (
	"fmt"
	"slices"
	"strings"
)

// contestant is a server to measure: a name for flags, a row of the table, and
// the stanzas of its server block.
type contestant struct {
	key     string
	title   string
	stanzas func(*data) string
}

var contestants = []contestant{
	{"floor", "CoreDNS, floor: a map look-up and a prepared reply", func(d *data) string {
		return "floor " + d.signedZone
	}},
	{"dnssec", "CoreDNS, file + dnssec, signatures cached", func(d *data) string {
		// Its cache evicts at random once a shard is full: leave it room.
		return fmt.Sprintf("file %s\ndnssec {\nkey file %s\ncache_capacity %d\n}",
			d.zone, strings.Join(d.keys, " "), 8*d.names+10_000)
	}},
	{"persist", "CoreDNS, **persist**", func(d *data) string {
		return fmt.Sprintf("persist {\npolicies %s\nkeys dir %s\nns ns1.example.net\n}", d.policies, d.persistKeys)
	}},
}

func keys(cs []contestant) []string {
	names := make([]string, len(cs))
	for i, c := range cs {
		names[i] = c.key
	}
	return names
}

// choose returns the contestants of a list of keys, separated by commas.
func choose(list string) ([]contestant, error) {
	var chosen []contestant
	for key := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(contestants, func(c contestant) bool { return c.key == key })
		if i < 0 {
			return nil, fmt.Errorf("there is no server %q: choose of %s", key, strings.Join(keys(contestants), ","))
		}
		chosen = append(chosen, contestants[i])
	}
	return chosen, nil
}

// corefile is the Corefile of a contestant that listens on port.
func corefile(c contestant, d *data, port int) string {
	return fmt.Sprintf("%s:%d {\nbind 127.0.0.1\n%s\n}\n", origin, port, c.stanzas(d))
}
