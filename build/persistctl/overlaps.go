package main

import (
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// longOverlap is one that nobody will remember.
const longOverlap = 90 * 24 * time.Hour

// overlaps warns of overlaps that are over, that add nothing, or that last for
// long.
func (l *linter) overlaps() {
	for _, a := range l.book.Accounts() {
		l.ownOverlaps(a)
		switch {
		case a.Until.IsZero() || !a.Valid:
		case !a.Until.After(l.at):
			l.warn(a.Path, "overlap", "is over since %s: remove it", stamp(a.Until))
		case !addsSomething(a.Grants):
			l.warn(a.Path, "overlap", "adds no record to any name: thumbprints need the hash form, and forms and account_uri must be others than those that stand already")
		case a.Until.After(l.at.Add(longOverlap)):
			l.warn(a.Path, "overlap", "lasts until %s, and what is to go with it counts as long: write an earlier until", stamp(a.Until))
		}
	}
}

// ownOverlaps warns of those of single domains.
func (l *linter) ownOverlaps(a policy.AccountFacts) {
	for _, g := range a.Grants {
		if _, ends := g.Overlaps(); !ends.IsZero() && !ends.Equal(a.Until) && !ends.After(l.at) {
			l.warnOf(g, "has an overlap that is over since %s: remove it", stamp(ends))
		}
	}
}

// addsSomething reports whether one of grants has records by an overlap, or may
// have: of one that is withheld nobody knows.
func addsSomething(grants []*policy.Grant) bool {
	for _, g := range grants {
		former, forms := g.Overlaps()
		if g.Withheld != "" || !former.IsZero() || !forms.IsZero() {
			return true
		}
	}
	return false
}

// ending are the records of a grant that an overlap ends after an instant, and
// when.
func ending(g *policy.Grant, at time.Time) []passing {
	list := []passing{}
	for _, p := range g.Promises() {
		if p.Ends.After(at) {
			list = append(list, passing{p.AccountURI, p.Ends})
		}
	}
	return list
}

// leaving are the accounts that a grant names at an instant, by an overlap that ends.
func leaving(g *policy.Grant, at time.Time) []string {
	return slices.DeleteFunc(g.AccountURIs(at), func(uri string) bool { return g.NamedUntil(uri).IsZero() })
}

// endsText is when records end, by people.
func endsText(list []passing) string {
	var ends []string
	for _, p := range list {
		if text := stamp(p.Ends); !slices.Contains(ends, text) {
			ends = append(ends, text)
		}
	}
	slices.Sort(ends)
	return strings.Join(ends, " or ")
}

// passing is a record that an overlap ends.
type passing struct {
	AccountURI string    `json:"accounturi"` // as the record has it
	Ends       time.Time `json:"ends"`
}
