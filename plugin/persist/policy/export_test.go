package policy

import (
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/store"
)

// Faults are what the reader finds wrong in a document by itself, whatever the
// other documents say.
func Faults(d *store.Document) []Rejection {
	var found faults
	switch kind, _, _ := strings.Cut(d.Path, "/"); kind {
	case "config":
		found = configs.advance(nil, d).faults
	case "issuers":
		found = issuers.advance(nil, d).faults
	case "teams":
		found = teams.advance(nil, d).faults
	case "accounts":
		found = accounts.advance(nil, d).faults
	case "control":
		found = controls.advance(nil, d).faults
	}
	return found.reject(nil, d)
}

// Anew returns the book that b would be if nothing of it had been taken over
// from a book before, but what its documents count for.
func (b *Book) Anew() *Book {
	anew := &Book{editions: b.editions, brakes: b.brakes, accounts: map[place]*compiled{}}
	anew.stops = newStops(b.brakes.Stops)
	anew.owners = newOwnership(nil, b.bestTeams())
	anew.compileAccounts(&Book{})
	anew.names = index(trie{}, nil, anew.sorted)
	anew.aliases = aliases(trie{}, trie{}, anew.names)
	anew.rejected = anew.gather()
	return anew
}
