package policy

import (
	"cmp"
	"fmt"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// basis is everything that decides what becomes of an account document, beside
// what a [difference] is of.
type basis struct {
	place   place
	account *account
	issuer  *issuer // nil where there is none that is valid
	team    *team   // likewise
	room    int     // how many grants the team may still have
}

// alike reports whether b and other lead to the same grants where no difference
// touches them.
func (b basis) alike(other basis) bool {
	return b.place == other.place && b.account == other.account && b.issuer == other.issuer && b.room == other.room &&
		b.team.alike(other.team, b.account.uris())
}

// compiled is what became of an account document.
type compiled struct {
	basis
	grants   []*Grant // sorted by FQDN
	rejected faults
	accepted int // grants that were not rejected
	eligible int // grants that are not withheld
	wide     int // grants of subtrees
}

// renewed returns c for a basis that leads to the same grants.
func (c *compiled) renewed(b basis) *compiled {
	if c.basis == b {
		return c
	}
	same := *c
	same.basis = b
	return &same
}

// compilation is an account document that is being compiled.
type compilation struct {
	*compiled
	owners *ownership
	stops  *stops
	halt   func(name record.FQDN, w *wanted) string // see [basis.halts]
	prev   []*Grant                                 // those of the book before, from the name on that is next; sorted
	kinds  map[Terms]*Terms                         // one of each, to be shared
	before named                                    // see [compilation.former]
}

// compile makes the grants of an account document. Those that are as they were
// in prev, which may be nil, are taken from there.
func (b basis) compile(prev *compiled, owners *ownership, stops *stops) *compiled {
	c := &compilation{compiled: &compiled{basis: b}, owners: owners, stops: stops, kinds: map[Terms]*Terms{}}
	if prev != nil {
		c.prev = prev.grants
		c.adopt(prev.grants)
	}
	refused := b.refusal()
	whole := refused.sentence()
	if whole != "" {
		c.rejected.add(refused)
	} else {
		c.halt = b.halts(stops)
		c.before = c.former()
	}
	c.grants = make([]*Grant, 0, len(b.account.domains))
	for _, d := range b.account.domains {
		if s, ok := c.owned(d.name, whole); ok {
			t := c.terms(d, s, whole)
			c.grants = append(c.grants, c.share(d.name, &t))
		}
	}
	return c.compiled
}

// adopt has the terms of grants be shared by those that come to say the same.
func (c *compilation) adopt(grants []*Grant) {
	var last *Terms
	for _, g := range grants {
		if g.Terms != last {
			last = g.Terms
			c.kinds[*last] = last
		}
	}
}

// owned returns the suffix by which a name is the team's. Where it is not, nothing
// of it may be seen.
func (c *compilation) owned(name record.FQDN, whole string) (suffix, bool) {
	s, reason := c.owners.owns(c.place.team, name)
	if reason != "" && whole == "" {
		c.reject(name, reason)
	}
	return s, reason == ""
}

// rejectedFor is how the word on a grant begins that is withheld because its
// documents do not allow it.
const rejectedFor = "rejected: "

// terms are those of the grant of one domain. One that is rejected keeps its
// place in the zone.
func (c *compilation) terms(d domain, s suffix, whole string) Terms {
	t := Terms{Team: c.place.team, Issuer: c.place.issuer, Account: c.place.name, NotBefore: d.wanted.notBefore}
	var reason string
	switch {
	case whole != "":
		t.Withheld = rejectedFor + whole
		return t
	case d.wanted.fault != "": // reported where it was read
		t.Withheld = rejectedFor + d.wanted.fault
		return t
	case !c.team.holdsSuffix(s):
		reason = fmt.Sprintf("lies under %s, which the newest version of teams/%s no longer lists", s, c.place.team)
	case c.accepted >= c.room:
		reason = fmt.Sprintf("is one grant more than the max_grants %d of teams/%s: raise it or remove grants", c.team.maxGrants, c.place.team)
	default:
		reason = c.fill(&t, d.name, d.wanted)
	}
	if reason != "" {
		c.reject(d.name, reason)
		t.withhold(rejectedFor + reason)
		return t
	}
	c.accepted++
	if halt := cmp.Or(c.halt(d.name, d.wanted), t.publishes.halt()); halt != "" {
		t.withhold(halt)
	}
	return t
}

// share returns the grant of name on these terms: that of the book before where
// it says the same.
func (c *compilation) share(name record.FQDN, t *Terms) *Grant {
	if t.Withheld == "" {
		c.eligible++
	}
	if t.Subtree {
		c.wide++
	}
	for len(c.prev) > 0 && c.prev[0].FQDN != name && compareNames(c.prev[0].FQDN, name) < 0 {
		c.prev = c.prev[1:]
	}
	if len(c.prev) > 0 && c.prev[0].FQDN == name && *c.prev[0].Terms == *t {
		return c.prev[0]
	}
	shared := c.kinds[*t]
	if shared == nil {
		kind := *t
		shared = &kind
		c.kinds[kind] = shared
	}
	return &Grant{name, shared}
}

func (c *compilation) reject(name record.FQDN, reason string) {
	c.rejected.add(fault{c.account.field(name), reason, name})
}

// fill sets what the grant asks for, or says why it may not.
func (c *compilation) fill(t *Terms, name record.FQDN, w *wanted) (reason string) {
	if reason = c.widens(name, w); reason != "" {
		return reason
	}
	var written time.Time
	t.Until, written = w.term(c.issuer.until, c.account.created)
	if t.Until.Mode == None && !c.issuer.allowNone {
		return fmt.Sprintf(`asks for until "none", which issuers/%s does not allow: leave it out, or set allow_none there`, c.place.issuer)
	}
	if reason = t.Until.excess(written, c.issuer.maxUntil); reason != "" {
		return "until " + reason
	}
	t.publishes, reason = c.publication(name, w)
	t.Subtree = w.subtree && reason == "" && !name.IsAddress()
	return reason
}

// widens says why a grant may not reach below its name, empty if it may or
// does not ask to.
func (c *compilation) widens(name record.FQDN, w *wanted) string {
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

// halts returns what says why an accepted grant is not served for now.
func (b basis) halts(stops *stops) func(name record.FQDN, w *wanted) string {
	stopped := stops.account(b.place, b.account.uri)
	disabled := cmp.Or(
		disabled(!b.issuer.enabled, "issuers/"+b.place.issuer),
		disabled(!b.team.enabled, "teams/"+b.place.team),
		b.account.halt,
	)
	return func(name record.FQDN, w *wanted) string {
		if halt := cmp.Or(stopped, stops.domain(name), disabled); halt != "" || !w.disabled {
			return halt
		}
		return "disabled: " + b.place.path() + " " + b.account.field(name)
	}
}

func disabled(is bool, where string) string {
	if is {
		return "disabled: " + where
	}
	return ""
}
