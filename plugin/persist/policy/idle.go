package policy

import (
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// Idle returns those of the stops in force that nothing in the book has to do
// with, sorted: there is no such issuer, team, account or account URI, or no
// grant at, below or above the domain. Whoever wrote one believes that it stops
// something, and a slip in a name is easily made in a hurry.
func (b *Book) Idle() []Scope {
	reached := map[Scope]bool{{kind: "all"}: true}
	for p, c := range b.accounts {
		for _, scope := range scopesOf(p, c.account.uri) {
			reached[scope] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(b.Stops()), func(s Scope) bool {
		return reached[s] || s.kind == "domain" && b.touches(record.FQDN(s.what))
	})
}

// touches reports whether a stop of the domain may concern a grant.
func (b *Book) touches(domain record.FQDN) bool {
	if b.Contains(domain) {
		return true
	}
	for up, ok := suffix(domain).parent(); ok; up, ok = up.parent() {
		if slices.ContainsFunc(b.Lookup(record.FQDN(up)), func(g *Grant) bool { return g.Withheld == "" }) {
			return true
		}
	}
	return false
}
