package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// basis is everything that decides what becomes of an account document. Two
// that are equal lead to the same grants.
type basis struct {
	place   place
	account *account
	issuer  *issuer // nil where there is none that is valid
	team    *team   // likewise
	owners  *ownership
	stops   *stops
	room    int // how many grants the team may still have
}

// compiled is what became of an account document.
type compiled struct {
	basis
	grants   []*Grant // sorted by FQDN
	rejected faults
	accepted int // grants that were not rejected
}

// compile makes the grants of an account document. Those that are as they were
// in prev, which may be nil, are taken from there.
func (b basis) compile(prev *compiled) *compiled {
	if prev != nil && prev.basis == b {
		return prev
	}
	c := &compiled{basis: b}
	whole := b.refusal()
	if whole.reason != "" {
		c.rejected.add(whole)
	}
	for _, d := range b.account.domains {
		if g := c.grant(d, whole.reason); g != nil {
			c.grants = append(c.grants, prev.reuse(g))
		}
	}
	return c
}

// grant returns the grant of one domain. A grant that is rejected keeps its
// place in the zone, unless the name is not the team's to begin with: there a
// nil says that nothing of it may be seen.
func (c *compiled) grant(d domain, whole string) *Grant {
	s, reason := c.owners.owns(c.place.team, d.name)
	if reason != "" {
		if whole == "" {
			c.reject(d.name, reason)
		}
		return nil
	}
	g := &Grant{FQDN: d.name, Team: c.place.team, Issuer: c.place.issuer, Account: c.place.name, NotBefore: d.wanted.notBefore}
	switch {
	case whole != "":
		g.Withheld = "rejected: " + whole
		return g
	case d.fault != "": // reported where it was read
		g.Withheld = "rejected: " + d.fault
		return g
	case !c.team.holdsSuffix(s):
		reason = fmt.Sprintf("lies under %s, which the newest version of teams/%s no longer lists", s, c.place.team)
	case c.accepted >= c.room:
		reason = fmt.Sprintf("is one grant more than the max_grants %d of teams/%s: raise it or remove grants", c.team.maxGrants, c.place.team)
	default:
		reason = c.fill(g, d.wanted)
	}
	if reason != "" {
		c.reject(d.name, reason)
		g.Withheld = "rejected: " + reason
		return g
	}
	c.accepted++
	c.withhold(g, d.wanted)
	return g
}

func (c *compiled) reject(name record.FQDN, reason string) {
	c.rejected.add(fault{fieldOf("domains", string(name)), reason, name})
}

// fill sets what the grant asks for, or says why it may not.
func (c *compiled) fill(g *Grant, w *wanted) (reason string) {
	if reason = c.widens(g.FQDN, w); reason != "" {
		return reason
	}
	g.Subtree = w.subtree
	var written time.Time
	g.Until, written = w.term(c.issuer.until, c.account.created)
	if g.Until.Mode == None && !c.issuer.allowNone {
		return fmt.Sprintf(`asks for until "none", which issuers/%s does not allow: leave it out, or set allow_none there`, c.place.issuer)
	}
	if reason = g.Until.excess(written, c.issuer.maxUntil); reason != "" {
		return "until " + reason
	}
	wildcard := w.wildcard && !c.stops.reaches(g.FQDN)
	g.Records, reason = c.records(g.FQDN, w.forms, wildcard)
	return reason
}

// widens says why a grant may not reach below its name, empty if it may or
// does not ask to.
func (c *compiled) widens(name record.FQDN, w *wanted) string {
	switch {
	case !w.wildcard && !w.subtree:
		return ""
	case w.wildcard && !c.issuer.wildcard:
		return fmt.Sprintf("asks for wildcard, which issuers/%s does not allow: leave it out, or allow it there", c.place.issuer)
	case w.wildcard && !c.team.wildcard:
		return fmt.Sprintf("asks for wildcard, which teams/%s does not allow: leave it out, or allow it there", c.place.team)
	case w.subtree && !c.issuer.subtree:
		return fmt.Sprintf("asks for subtree, which issuers/%s does not allow: leave it out, or allow it there", c.place.issuer)
	case w.subtree && !c.team.subtree:
		return fmt.Sprintf("asks for subtree, which teams/%s does not allow: leave it out, or allow it there", c.place.team)
	}
	if s := c.owners.trespass(c.place.team, name); s != "" {
		return fmt.Sprintf("would reach into %s, which belongs to another team: narrow the grant, or name %s in reach of teams/%s", s, s, c.place.team)
	}
	return ""
}

// withhold says why an accepted grant is not served for now.
func (c *compiled) withhold(g *Grant, w *wanted) {
	for _, halt := range []string{
		c.stops.account(c.place, c.account.uri),
		c.stops.domain(g.FQDN),
		disabled(!c.issuer.enabled, "issuers/"+c.place.issuer),
		disabled(!c.team.enabled, "teams/"+c.place.team),
		c.account.halt,
		disabled(w.disabled, c.place.path()+" "+fieldOf("domains", string(g.FQDN))),
	} {
		if halt != "" {
			g.Withheld, g.Records = halt, nil
			return
		}
	}
}

func disabled(is bool, where string) string {
	if is {
		return "disabled: " + where
	}
	return ""
}

// reuse returns the grant of an earlier book where g says the same.
func (c *compiled) reuse(g *Grant) *Grant {
	if c == nil {
		return g
	}
	i, ok := slices.BinarySearchFunc(c.grants, g.FQDN, func(h *Grant, n record.FQDN) int { return compareNames(h.FQDN, n) })
	if ok && c.grants[i].equal(g) {
		return c.grants[i]
	}
	return g
}
