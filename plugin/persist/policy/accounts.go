package policy

import (
	"maps"
	"slices"
	"time"
)

// AccountFacts is what an account document says of its account.
type AccountFacts struct {
	Path         string
	Team, Issuer string   // slugs
	URI          string   // of the account
	Thumbprints  []string // of its keys as the document has them, the current one first
	Valid        bool     // a version of the document counts; else this is what could be read
	Grants       []*Grant // sorted by name; shared, and not to be written to

	// What the overlap of the account says; zero where there is none.
	Until             time.Time // when it ends
	Former            string    // the URI of the account that is replaced; empty: none
	FormerThumbprints []string
}

// Accounts returns the facts of every account document, sorted by path.
func (b *Book) Accounts() []AccountFacts {
	var list []AccountFacts
	for _, p := range slices.SortedFunc(maps.Keys(b.editions.accounts), comparePlaces) {
		e := b.editions.accounts[p]
		a := e.best()
		if a == nil {
			continue
		}
		f := AccountFacts{
			Path: p.path(), Team: p.team, Issuer: p.issuer, URI: a.uri, Thumbprints: a.keys.left(a.thumbprints), Valid: e.counts != nil,
			Until: a.overlap.until, Former: a.overlap.uri, FormerThumbprints: slices.Clone(a.overlap.thumbprints),
		}
		if c := b.accounts[p]; c != nil {
			f.Grants = c.grants
		}
		list = append(list, f)
	}
	return list
}

// Names reports whether the document names the account at uri, as its own or as
// that which it replaces.
func (f *AccountFacts) Names(uri string) bool { return f.URI == uri || f.Former == uri }

// StopsOf returns those of the stops in force that name the account at uri, or a
// document of it that is at path, which may be empty.
func (b *Book) StopsOf(uri string, paths ...string) []Scope {
	named := map[Scope]bool{{"uri", uri}: true}
	for _, path := range paths {
		if p, ok := parsePlace(path); ok {
			for _, s := range scopesOf(p, uri) {
				named[s] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(b.Stops()), func(s Scope) bool { return !named[s] })
}
