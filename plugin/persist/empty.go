package persist

import (
	"fmt"
	"maps"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// A zone in which no grant lies may be misspelt, or the store be another than the one
// meant: nothing is wrong with it that a query would show.

// warnEmpty warns once of each zone in which no grant of book lies, of as many as
// anybody will read. It looks at all zones only if book has other grants than the one
// served so far.
func (p *Persist) warnEmpty(book *policy.Book) {
	if book == nil {
		return
	}
	if p.served == nil || !book.SameGrants(p.served) {
		p.findEmpty(book)
	}
	var untold []string
	for _, origin := range slices.Sorted(maps.Keys(p.empty)) {
		v := p.empty[origin]
		if why := v.why(p.authorities[origin].Zone(), book); why != v.told {
			untold = append(untold, why)
			v.told = why
		}
	}
	for _, why := range untold[:min(len(untold), mostTold)] {
		log.Warning(why)
	}
	if more := len(untold) - mostTold; more > 0 {
		log.Warningf("and likewise %d zones more have no grant", more)
	}
}

// findEmpty has p.empty name the zones that have no grant in book, and no others.
func (p *Persist) findEmpty(book *policy.Book) {
	for origin, a := range p.authorities {
		if a.Zone().Holds(book) {
			delete(p.empty, origin)
		} else if p.empty[origin] == nil {
			p.empty[origin] = &vacancy{lost: p.served != nil && a.Zone().Holds(p.served)}
		}
	}
}

// vacancy is that a zone has no grant.
type vacancy struct {
	lost bool   // it had one before
	told string // why it has none, as the log has said last
}

// why says why no grant of book lies in z.
func (v *vacancy) why(z *zone.Zone, book *policy.Book) string {
	switch {
	case v.lost:
		return fmt.Sprintf("no document grants a name in zone %s any more, so it has no records any more: what took the last grant away is said above", z.Origin)
	case z.AllListed(book).IsZero():
		return fmt.Sprintf("no document that was read so far grants a name in zone %s, and some that may could not be read, as said above: until they can be, what they may grant is answered SERVFAIL", z.Origin)
	case z.Targets:
		return fmt.Sprintf("no document grants any name, so zone %s has no records: is the store the right one?", z.Origin)
	}
	return fmt.Sprintf("no document grants a name in zone %s, so it has no records: is the zone spelt right?", z.Origin)
}
