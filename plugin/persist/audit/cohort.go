package audit

import (
	"container/heap"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// cohort is the names of a zone that an account is granted on the same terms:
// whatever time does to one of them it does to all.
type cohort struct {
	zone  *served
	terms policy.Terms
	names int

	// What was said of it: served is set where its records were told of, those of
	// the instant as with this until, and stale where they were said not to be
	// served in spite of it.
	served, stale bool
	until, as     time.Time

	due   time.Time // when to look again
	index int       // in the heap; -1: not in it
}

func (c *cohort) grant() *policy.Grant { return &policy.Grant{Terms: &c.terms} }

func (c *cohort) account() string {
	return c.terms.Team + "/" + c.terms.Issuer + "/" + c.terms.Account
}

// class is what the records of one account that rotate, or become stale, together
// have in common.
type class struct{ floor, step string }

func (c *cohort) class() class {
	if u := c.terms.Until; u.Mode == policy.Rolling {
		return class{u.Floor.String(), u.Step.String()}
	}
	return class{}
}

// subtree reports whether the records stand at the names below too.
func (c *cohort) subtree() bool { return c.terms.Subtree && !c.zone.ListsNames() }

// line is about an account's records at a name.
func (c *cohort) line(event Event, name record.FQDN) Line {
	k := c.class()
	return Line{
		Event: event, Zone: c.zone.Origin, Name: name, Source: c.zone.view.Source,
		Team: c.terms.Team, Issuer: c.terms.Issuer, Account: c.terms.Account, Floor: k.floor, Step: k.step,
		Subtree: c.subtree(), Document: documentOf(c.zone.book, c.grant().Path()), Digest: c.zone.digest.String(),
	}
}

// texts are the records of g, which is of the cohort, as they were told of.
func (c *cohort) texts(g *policy.Grant) []string {
	if !c.served {
		return nil
	}
	if c.subtree() {
		g = g.Sample()
	}
	records := g.Records(c.as)
	list := make([]string, 0, len(records))
	for _, r := range records {
		r.Until = c.until
		if text, err := r.Render(); err == nil { // else refused by the policy already
			list = append(list, text)
		}
	}
	return list
}

// take sets what is the case at once, for a cohort that nothing was said of yet.
func (c *cohort) take(t zone.Term, at time.Time) {
	c.stale, c.served, c.until, c.as = t.Stale, t.Served, t.Until, at
}

// hasOthers reports whether an overlap has ended, or is back where the clock was
// set back, so that the records are others than those of before.
func (c *cohort) hasOthers(before *cohort) bool {
	return !c.terms.Changed(c.as).Equal(before.terms.Changed(before.as))
}

// edges are cohorts by when to look at them again.
type edges []*cohort

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (e edges) Len() int           { return len(e) }
func (e edges) Less(i, j int) bool { return e[i].due.Before(e[j].due) }
func (e edges) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].index, e[j].index = i, j
}

// Push implements heap.Interface.
func (e *edges) Push(x any) {
	c := x.(*cohort)
	c.index = len(*e)
	*e = append(*e, c)
}

// Pop implements heap.Interface.
func (e *edges) Pop() any {
	last := len(*e) - 1
	c := (*e)[last]
	(*e)[last], *e = nil, (*e)[:last]
	c.index = -1
	return c
}

// plan looks at c when t ends, which is after at, or never where it is said by
// the next book alone.
func (v *View) plan(c *cohort, t zone.Term, at time.Time) {
	v.unplan(c)
	if t.Held {
		v.held[c] = struct{}{}
	}
	if t.Ends.After(at) {
		c.due = t.Ends
		heap.Push(&v.edges, c)
	}
}

func (v *View) unplan(c *cohort) {
	delete(v.held, c)
	if c.index >= 0 {
		heap.Remove(&v.edges, c.index)
	}
}
