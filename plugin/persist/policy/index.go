package policy

import (
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// index finds grants by name. A name that has none, but stands above one that
// has, is there with nil: it exists in the DNS as an empty non-terminal.
type index struct {
	accounts []*compiled
	names    map[record.FQDN][]*Grant
}

// newIndex indexes the grants of accounts, which are sorted by place. It is
// prev where nothing has changed.
func newIndex(prev *index, accounts []*compiled) *index {
	if prev != nil && slices.Equal(prev.accounts, accounts) {
		return prev
	}
	x := &index{accounts: accounts, names: map[record.FQDN][]*Grant{}}
	for _, c := range accounts {
		for _, g := range c.grants {
			x.names[g.FQDN] = append(x.names[g.FQDN], g)
			x.raise(g.FQDN)
		}
	}
	return x
}

// raise makes every name above name exist.
func (x *index) raise(name record.FQDN) {
	for up, ok := suffix(name).parent(); ok && up != ""; up, ok = up.parent() {
		if _, exists := x.names[record.FQDN(up)]; exists {
			return
		}
		x.names[record.FQDN(up)] = nil
	}
}
