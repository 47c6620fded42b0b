package zone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

// mostTargets is how long the name of a zone of targets may be, in octets as
// written without the trailing dot: every name that has no alias fits in front of
// it (RFC 1035 section 3.1).
const mostTargets = 255 - 1 - 2 - record.MostPlain

// Target returns where the records of fqdn stand in the zone of targets at origin,
// which is absolute: at <fqdn>.<origin>, or at the alias of a long name,
// <alias>.<origin>. It is the same for every fqdn, at or below the origin too: so
// no two names have the same target, and no record stands anywhere else.
func Target(fqdn record.FQDN, origin string) string {
	if fqdn.IsLong() {
		return fqdn.Alias() + "." + origin
	}
	return string(fqdn) + "." + origin
}

// checkTargets refuses names of zones that leave too little room, and the label
// that is no part of a target.
func checkTargets(origin string) error {
	if over := len(origin) - 1 - mostTargets; over > 0 {
		return fmt.Errorf("zone %s is too long for targets, whose names stand in front of it: write one of %d octets at most", origin, mostTargets)
	}
	for _, label := range []string{record.Label, record.IPLabel} {
		if slices.Contains(dns.SplitDomainName(origin), label) {
			return fmt.Errorf("targets stand in a zone to which CNAME records at %s.<name> point, and %s is not one to point to: name a zone like persist.example.net, or remove targets to serve this one", label, origin)
		}
	}
	return nil
}

// front is what stands in front of the origin in name, empty for the apex.
func (z *Zone) front(name string) string { return name[:max(0, len(name)-len(z.Origin)-1)] }

// spelled returns the FQDN that a target spells, which none does that is an alias,
// nor the apex.
func (z *Zone) spelled(name string) (record.FQDN, bool) {
	if front := z.front(name); front != "" && !record.IsAlias(front) {
		return record.FQDN(front), true
	}
	return "", false
}

// beforeAlias reports whether there may be an alias behind name and before the target
// after that. An alias is digits, so it is before all targets but those in domains
// that begin with a digit themselves.
func (z *Zone) beforeAlias(name string) bool {
	front := z.front(name)
	return front[strings.LastIndexByte(front, '.')+1:] < ":"
}

// target returns the place of name, which lies below the apex.
func (z *Zone) target(b *policy.Book, name string) Place {
	fqdn, ok := z.spelled(name)
	if !ok {
		if fqdn, ok = b.Aliased(z.front(name)); !ok {
			return Place{Kind: Absent}
		}
	} else if fqdn.IsLong() {
		return Place{Kind: Absent} // it stands at its alias, as does all that is below
	}
	if grants := b.Lookup(fqdn); grants != nil {
		return Place{Kind: Owner, FQDN: fqdn, Grants: grants}
	}
	switch place := z.synthesised(b, fqdn); {
	case place.Kind != Absent:
		return place
	case b.ContainsPlain(fqdn):
		return Place{Kind: Empty}
	}
	return z.implied(b, fqdn)
}
