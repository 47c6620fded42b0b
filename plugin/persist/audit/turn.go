package audit

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// change is a grant of an account at a name that another book has another way.
// Either may be nil; one that is withheld is as good as none.
type change struct {
	zone     *served
	old, new *policy.Grant
	was      cohort   // of old, as it was told of
	texts    []string // of old in it
}

func (c *change) either() *policy.Grant { return cmp.Or(c.new, c.old) }

// turn has zones, which had one book, served by v from book, and says what that
// changes. Names that have not changed are looked at only where time has.
func (l *Ledger) turn(v *View, zones []*served, book *policy.Book, at time.Time) {
	before := zones[0].book
	among := make(map[*served]bool, len(zones))
	for _, s := range zones {
		among[s] = true
	}
	changes := l.changes(v, before, book, among)
	l.changed = map[*policy.Grant]bool{}
	for _, c := range changes {
		if isServable(c.old) {
			cohort := c.zone.drop(c.old)
			c.was, c.texts = *cohort, cohort.texts(c.old)
			l.changed[c.old] = true
		}
	}
	waiting := map[*served][]*cohort{}
	for c := range v.held {
		waiting[c.zone] = append(waiting[c.zone], c)
	}
	for _, s := range zones {
		l.rejudge(s, v, book, waiting[s], at)
	}
	l.summarise(at)
	l.changed = nil
	for _, c := range changes {
		l.tell(c, before, at)
	}
}

// rejudge has s served by v from book. Where the store has done no more than to
// vouch anew, only those cohorts are looked at that waited for it.
func (l *Ledger) rejudge(s *served, v *View, book *policy.Book, cohorts []*cohort, at time.Time) {
	was := *s
	if s.view != v || !s.book.Freeze().Equal(book.Freeze()) {
		cohorts = slices.Collect(maps.Values(s.cohorts))
	}
	if s.view != v {
		for _, c := range cohorts {
			s.view.unplan(c)
		}
	}
	s.Zone, s.view, s.book = v.zones[s.Origin], v, book
	slices.SortFunc(cohorts, func(a, b *cohort) int { return cmp.Compare(a.account(), b.account()) })
	for _, c := range cohorts {
		l.judge(c, was.book, at)
	}
}

func isServable(g *policy.Grant) bool { return g != nil && g.Withheld == "" }

// changes are those of the grants in zones, sorted by name and account.
func (l *Ledger) changes(v *View, before, book *policy.Book, zones map[*served]bool) []*change {
	type key struct {
		name record.FQDN
		path string
	}
	all := map[key]*change{}
	at := func(g *policy.Grant) *change {
		z := v.find(g.FQDN)
		if z == nil || !zones[l.zones[z.Origin]] {
			return &change{} // nobody's
		}
		k := key{g.FQDN, g.Path()}
		if all[k] == nil {
			all[k] = &change{zone: l.zones[z.Origin]}
		}
		return all[k]
	}
	for g := range book.Gone(before) {
		at(g).old = g
	}
	for g := range before.Gone(book) {
		at(g).new = g
	}
	return slices.SortedFunc(maps.Values(all), func(a, b *change) int {
		g, h := a.either(), b.either()
		return cmp.Or(cmp.Compare(g.FQDN, h.FQDN), cmp.Compare(g.Path(), h.Path()))
	})
}

// tell says what has become of one grant.
func (l *Ledger) tell(c *change, before *policy.Book, at time.Time) {
	s := c.zone
	now := &cohort{zone: s, terms: *c.either().Terms}
	if isServable(c.new) {
		now = s.enter(c.new, at)
	}
	line := now.line(Altered, c.either().FQDN)
	line.At, line.Old, line.New, line.Stale = at, c.texts, now.texts(c.either()), now.stale
	switch {
	case slices.Equal(line.Old, line.New) && (line.Old == nil || c.was.class() == now.class() && c.was.stale == now.stale && c.was.subtree() == now.subtree()):
		return
	case line.Old == nil:
		line.Event = Added
	case line.New == nil:
		line.Event, line.Reason, line.Stale = Removed, c.reason(at), false
		line.Floor, line.Step = c.was.class().floor, c.was.class().step
	}
	if path := c.either().Path(); isOther(before, s.book, path) {
		line.Was, line.By = documentOf(before, path), l.by(s.view, s.book, path)
	}
	l.say(line)
}

// reason says why nothing is served any more.
func (c *change) reason(at time.Time) string {
	switch g := c.new; {
	case g == nil && c.zone.book.Version(c.old.Path()) == "":
		return "the document is gone"
	case g == nil && c.zone.book.Withdrawn(c.old.Path()):
		return "the document was deleted"
	case g == nil:
		return "no document grants it"
	case g.Withheld != "":
		return g.Withheld
	case at.Before(g.NotBefore):
		return "not before " + g.NotBefore.UTC().Format(time.RFC3339)
	}
	return "its time is over"
}
