package main

import (
	"fmt"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// standing is how it stands with one grant at an instant.
type standing struct {
	records []zone.Published // empty where the grant is not served
	over    bool             // its time has passed
	reason  string           // why it is not served
}

// standingOf looks at g alone: where another grant has a record of the same
// text, both are served. Of a prefix it looks at the first address.
func (s *stanza) standingOf(book *policy.Book, g *policy.Grant, at time.Time) standing {
	if s.targets && g.FQDN.IsLong() && book.Lookup(g.FQDN) == nil {
		return standing{reason: fmt.Sprintf("of a subtree, and a name of more than %d octets has a target by a grant of its own alone", record.MostPlain)}
	}
	if !s.listsNames() {
		g = g.Sample()
	}
	r := s.around(g).Records(book, []*policy.Grant{g}, book.Clock(at))
	switch {
	case len(r.Published) > 0:
		return standing{records: r.Published}
	case g.Withheld != "":
		return standing{reason: g.Withheld}
	case r.Stale:
		return standing{reason: "stale: the store has not vouched for it recently enough"}
	case at.Before(g.NotBefore):
		return standing{reason: "not begun: not_before is " + stamp(g.NotBefore)}
	}
	if len(g.Promises()) == 0 {
		return standing{reason: "of a prefix, whose addresses cuts and a zone with denial nsec cannot list"}
	}
	return standing{over: true, reason: s.past(book, g)}
}

// past says what has ended a grant.
func (s *stanza) past(book *policy.Book, g *policy.Grant) string {
	until, why := g.Until.At, "until"
	if freeze := book.Freeze(); !freeze.IsZero() {
		if last := s.around(g).Rotate(freeze, g.Until.Floor, g.Until.Step); until.IsZero() || last.Before(until) {
			until, why = last, fmt.Sprintf("rotation is frozen since %s, persistUntil", stamp(freeze))
		}
	}
	return fmt.Sprintf("over: %s is %s, and a record leaves the TTL and %s before", why, stamp(until), zone.Skew)
}

// until is the persistUntil of the records, zero where there is none.
func (s standing) until() time.Time {
	if len(s.records) == 0 {
		return time.Time{}
	}
	return s.records[0].Record.Until // the same in all of them
}
