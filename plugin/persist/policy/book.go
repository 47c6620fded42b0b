package policy

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

const (
	// skew is how far this clock may run ahead of the store's before rotation
	// waits for the store's.
	skew = 5 * time.Minute
	// mostBehind is how far this clock may be behind the store's when a server
	// starts: by as much are signatures backdated.
	mostBehind = time.Hour
)

// Book is all grants, compiled from one snapshot of the documents. It is
// immutable, and made by [Compile].
type Book struct {
	editions
	owners   *ownership
	stops    *stops
	brakes   Brakes
	accounts map[place]*compiled
	sorted   []*compiled // the same by place
	names    trie
	aliases  trie // the long names by alias
	listings listings
	rejected []Rejection
	wide     int  // how many grants are of subtrees
	fit      bool // it, or one before it, may be served

	date, dateAt time.Time // the store's clock and ours, when it was last read
}

// Fit returns why the book must not be served, nil if it may. A server starts
// only from documents that it can hold others to: a config that it understands,
// a control of which it has read what stops, and for every team either a valid
// version or one that lists its domains without a fault. A team whose domains
// are not known may own names that the team above it also claims, and which are
// not that team's then. Nor does it start on a clock more than an hour behind the
// store's: what it signs may have expired for everybody else.
//
// After a book that was fit every book is: what a document says that breaks, or
// appears broken, later on is read as far as possible and rejected for the
// rest, and it must not end what is served.
func (b *Book) Fit() error {
	if b.fit {
		return nil
	}
	return b.unfit()
}

func (b *Book) unfit() error {
	switch {
	case b.config == nil || b.config.counts == nil:
		return fmt.Errorf("the document config is not valid, so nothing is loaded: %w", because(b.config))
	case b.control != nil && b.control.best() == nil:
		return fmt.Errorf("the document control cannot be read, and may hold a stop, so nothing is loaded: %w", because(b.control))
	case b.date.Round(0).Sub(b.dateAt.Round(0)) > mostBehind:
		return fmt.Errorf("the clock of this server says %s and the store's %s, so what is signed may have expired, and nothing is loaded: set the one that is wrong",
			b.dateAt.UTC().Format(time.RFC3339), b.date.UTC().Format(time.RFC3339))
	}
	for _, slug := range slices.Sorted(maps.Keys(b.teams)) {
		if e := b.teams[slug]; !e.seen.Withdrawn && e.counts == nil && (e.read == nil || e.doubtful["domains"]) {
			return fmt.Errorf("the document teams/%s does not say which domains are its own, and other teams may not have them, so nothing is loaded: %w", slug, because(e))
		}
	}
	return nil
}

// because is the first rejection of e, which may be nil.
func because[T any](e *edition[T]) error {
	if e == nil || len(e.faults.list) == 0 {
		return errors.New("there is none")
	}
	return faults{list: e.faults.list[:1]}.reject(nil, &e.seen)[0]
}

// Lookup returns every grant at name, sorted by path, nil if there is none.
// The slice is a part of the book: it must not be written to, and whoever keeps it
// for longer keeps more in memory than the grants.
func (b *Book) Lookup(name record.FQDN) []*Grant {
	if s := b.names.get(name); s != nil {
		return s.entry().grants
	}
	return nil
}

// Contains reports whether there is a grant at name or below it.
func (b *Book) Contains(name record.FQDN) bool { return b.names.get(name) != nil }

// SameGrants reports whether b and other have the same grants and the same
// freeze, so that they differ at most in when the store vouched for them.
func (b *Book) SameGrants(other *Book) bool {
	return b.names == other.names && b.Freeze().Equal(other.Freeze())
}

// Gone yields the grants of an earlier book that b does not have. What the two
// have in common it does not look at.
func (b *Book) Gone(before *Book) iter.Seq[*Grant] {
	return func(yield func(*Grant) bool) {
		b.names.root.since(before.names.root, 0, func(x entry) bool {
			has := b.Lookup(x.name)
			for _, g := range x.grants {
				if !slices.Contains(has, g) && !yield(g) {
					return false
				}
			}
			return true
		})
	}
}

// Tally counts the grants: those that may be served, and those that are
// withheld.
func (b *Book) Tally() (eligible, withheld int) {
	for _, c := range b.sorted {
		eligible += c.eligible
		withheld += len(c.grants) - c.eligible
	}
	return eligible, withheld
}

// Names yields every name that has grants with all of them, in no particular
// order. The slices are shared and must not be written to.
func (b *Book) Names() iter.Seq2[record.FQDN, []*Grant] {
	return func(yield func(record.FQDN, []*Grant) bool) {
		for s := range b.names.root.all() {
			if x := s.entry(); len(x.grants) > 0 && !yield(x.name, x.grants) {
				return
			}
		}
	}
}

// All yields every grant, withheld ones included, in no particular order.
func (b *Book) All() iter.Seq[*Grant] {
	return func(yield func(*Grant) bool) {
		for _, c := range b.sorted {
			for _, g := range c.grants {
				if !yield(g) {
					return
				}
			}
		}
	}
}

// Grants yields every grant, withheld ones included, in the canonical order of
// names (RFC 4034 section 6.1).
func (b *Book) Grants() iter.Seq[*Grant] {
	return func(yield func(*Grant) bool) {
		order := func(g, h *Grant) int {
			return cmp.Or(compareNames(g.FQDN, h.FQDN), comparePlaces(g.place(), h.place()))
		}
		for _, g := range slices.SortedFunc(b.All(), order) {
			if !yield(g) {
				return
			}
		}
	}
}

// Rejections returns everything in the documents that is not used, and why,
// sorted by path. The slice is shared and must not be written to.
func (b *Book) Rejections() []Rejection { return b.rejected }

// Freeze is the instant from which rotation stands still; zero: never.
func (b *Book) Freeze() time.Time { return b.brakes.Freeze }

// Stops returns the stops in force, those of the Corefile included, sorted.
// The slice is shared and must not be written to.
func (b *Book) Stops() []Scope {
	if b.stops == nil { // a Book that nobody has compiled
		return nil
	}
	return b.stops.scopes
}

// Clock returns the instant to go by when this clock says at: where the store
// has a clock, no more than five minutes ahead of it. All other instants that a
// Book has to do with are on that clock.
func (b *Book) Clock(at time.Time) time.Time {
	if b.date.IsZero() {
		return at
	}
	// Between two readings of a running clock Sub goes by its monotonic part:
	// setting the clock moves nothing.
	if theirs := b.date.Add(at.Sub(b.dateAt)).Add(skew); theirs.Before(at) {
		return theirs
	}
	return at
}

// Confirmed is when the store last vouched for everything that g rests on.
func (b *Book) Confirmed(g *Grant) time.Time {
	at := b.general()
	if e := b.issuers[g.Issuer]; e != nil {
		at = earlier(at, e.confirmed)
	}
	if e := b.teams[g.Team]; e != nil {
		at = earlier(at, e.confirmed)
	}
	if e := b.editions.accounts[g.place()]; e != nil {
		at = earlier(at, e.confirmed)
	}
	return b.Clock(at)
}

// Version is that of the document at path, empty if there is none.
func (b *Book) Version(path string) string { return b.versions[path] }

// Versions are those of all documents, by path. The map is shared and must not
// be written to.
func (b *Book) Versions() map[string]string { return b.versions }

// Withdrawn reports whether the store says that the newest version of the document
// at path is deleted.
func (b *Book) Withdrawn(path string) bool { return b.withdrawn[path] }

// Store is what config says of the store: its store_id and its generation.
func (b *Book) Store() Pin {
	if b.config == nil || b.config.counts == nil {
		return Pin{}
	}
	return b.config.counts.pin
}

// On yields the grants that an account has on the terms t, sorted by name. It
// looks at no other account.
func (b *Book) On(t Terms) iter.Seq[*Grant] {
	return func(yield func(*Grant) bool) {
		c := b.accounts[t.place()]
		if c == nil {
			return
		}
		for _, g := range c.grants {
			if *g.Terms == t && !yield(g) {
				return
			}
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
