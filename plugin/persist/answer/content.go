package answer

import (
	"slices"
	"time"
	"weak"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// content is what the grants of a name amount to, with everything that this
// depends on.
type content struct {
	stale       bool
	grants      []*policy.Grant
	from, until time.Time // in which it holds
	halt        string    // of a synthesised name: see [policy.Book.Halt]
	freeze      time.Time

	// book is set where it holds only as long as the book does. It does not keep it
	// in memory: a name that nobody asks for again would, with each book of an outage.
	book weak.Pointer[policy.Book]
}

// held reports whether c holds only as long as its book does.
func (c *content) held() bool { return c.book != weak.Pointer[policy.Book]{} }

// newContent keeps none of the memory that grants are part of, which is the book's.
func newContent(book *policy.Book, grants []*policy.Grant, r zone.Records, at time.Time) content {
	c := content{stale: r.Stale, grants: slices.Clone(grants), from: at, until: r.Ends, freeze: book.Freeze()}
	if r.Held {
		c.book = weak.Make(book)
	}
	return c
}

// holds reports whether grants amount to this in book at the instant at.
func (c *content) holds(book *policy.Book, grants []*policy.Grant, at time.Time) bool {
	return !at.Before(c.from) && at.Before(c.until) &&
		(!c.held() || c.book.Value() == book) &&
		c.freeze.Equal(book.Freeze()) &&
		slices.Equal(c.grants, grants)
}

// holdsAt is holds for the grants of a place, which may be of a subtree: a stop
// below them does not make them others.
func (c *content) holdsAt(place zone.Place, book *policy.Book, at time.Time) bool {
	return c.holds(book, place.Grants, at) && (!place.Synthesised || c.halt == book.Halt(place.FQDN))
}

// explain says in r, which denies that there are records at a granted name, why
// there are none: that it is the policy's will, and no more than that.
func (c *content) explain(q Query, r Response) Response {
	denied := r.Outcome == NoData || r.Outcome == NXDomain
	if !denied || q.Type != dns.TypeTXT || len(c.grants) == 0 {
		return r
	}
	r.EDE = notInForce
	if c.halt != "" || !slices.ContainsFunc(c.grants, func(g *policy.Grant) bool { return g.Withheld == "" }) {
		r.EDE = withheld
	}
	return r
}
