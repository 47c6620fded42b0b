package policy

import (
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// Idle returns those of the stops in force that stop nothing, sorted: of all
// stops they alone would change nothing in the book. A stop of a domain changes
// what is granted at or below it, and above it what reaches it, by a wildcard or a
// subtree. What is rejected is not granted. Whoever wrote a stop believes that it
// stops something, and a slip in a name is easily made in a hurry; it may also be
// meant for what is granted later. A stop of everything is no slip.
func (b *Book) Idle() []Scope {
	busy := map[Scope]bool{{kind: "all"}: true}
	for p, c := range b.accounts {
		if c.accepted == 0 {
			continue
		}
		for _, scope := range scopesOf(p, c.account.uri) {
			busy[scope] = true
		}
		if c.namesFormer() {
			busy[Scope{"uri", c.account.overlap.uri}] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(b.Stops()), func(s Scope) bool {
		return busy[s] || s.kind == "domain" && b.concerns(record.FQDN(s.what))
	})
}

// concerns reports whether a stop of the domain would change a grant.
func (b *Book) concerns(domain record.FQDN) bool {
	if b.grantsBelow(domain) {
		return true
	}
	for up, ok := suffix(domain).parent(); ok; up, ok = up.parent() {
		if slices.ContainsFunc(b.Lookup(record.FQDN(up)), b.isWide) {
			return true
		}
	}
	return false
}

// grantsBelow reports whether anything is granted at or below the domain.
func (b *Book) grantsBelow(domain record.FQDN) bool {
	for _, grants := range b.Below(domain) {
		if slices.ContainsFunc(grants, func(g *Grant) bool { return !g.isRejected() }) {
			return true
		}
	}
	return false
}

// isWide reports whether g would reach below its name if nothing were stopped.
func (b *Book) isWide(g *Grant) bool {
	w := b.unstopped(g)
	return w != nil && (w.wildcard || w.subtree)
}

// unstopped returns what g asks for, nil where it would not have that even if nothing
// were stopped.
func (b *Book) unstopped(g *Grant) *wanted {
	c := b.accounts[g.place()]
	d, ok := c.account.find(g.FQDN)
	if !ok || g.isRejected() || c.halts(newStops(nil))(g.FQDN, d.wanted) != "" {
		return nil
	}
	return d.wanted
}

// namesFormer reports whether a grant would name the account that is replaced if
// nothing were stopped.
func (c *compiled) namesFormer() bool {
	uri, halt := c.account.overlap.uri, c.halts(newStops(nil))
	return uri != "" && uri != c.account.uri && c.disowns(uri) == "" && slices.ContainsFunc(c.grants, func(g *Grant) bool {
		d, ok := c.account.find(g.FQDN)
		return ok && !g.isRejected() && halt(g.FQDN, d.wanted) == ""
	})
}

// isRejected reports whether the grant is withheld because its documents do not
// allow it.
func (t *Terms) isRejected() bool { return strings.HasPrefix(t.Withheld, rejectedFor) }
