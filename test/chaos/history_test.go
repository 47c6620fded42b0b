package chaos

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"
)

// A moment is the time since the run began.
type moment = time.Duration

// said is what an answer says, or a document would have it say.
type said int

const (
	record  said = iota // there is one
	nodata              // the name is there, a record is not
	nxname              // the name is not there
	silence             // SERVFAIL, for nobody has vouched for the name of late (EDE 24)
	failure             // SERVFAIL for any other reason, or anything else
)

func (s said) String() string {
	return [...]string{"a record", "no data", "no such name", "silence", "a failure"}[s]
}

// claim is what a document says of a name. The zero value is a record that
// rotates.
type claim struct {
	said
	until int64 // persistUntil; 0: it rotates
	gone  bool  // by a document that is not valid: there is no record, whatever else
}

func (c claim) String() string {
	switch {
	case c.gone:
		return "no record"
	case c.said == record && c.until != 0:
		return fmt.Sprintf("a record until %d", c.until)
	}
	return c.said.String()
}

// adding is how much a record adds to a name that is not there, the most there is.
const adding = 2

// adds is how much the claim adds to a name that is not there.
func (c claim) adds() int {
	switch {
	case c.said == record && !c.gone:
		return adding
	case c.said == nodata:
		return adding - 1
	}
	return 0
}

// statement is a document as it stood from one edit to the next.
type statement struct {
	began, done moment // when it was being written
	version     int
	deleted     bool
	broken      bool             // not valid: what was said before it holds, but for the claims here
	claims      map[string]claim // by name
	stops       map[string]bool  // of a control document: the names that it stops
}

// read is an answer of Vault's that has reached the server.
type read struct {
	asked, from, to moment // when it was asked for, and when the answer was on its way
	version         int    // 0: of a listing
	deleted         bool
}

// document is all that became of one document, or of one listing.
type document struct {
	statements []statement
	reads      []read

	// What follows is made of it by index.
	known   steps // which statement the server may know, at most
	acted   steps // which statement it must obey, at least
	ruled   steps // of an account, which statement must count for what it adds too, at least
	allowed words // what it may take to be vouched for, at most
	vouched words // what it must, at least
}

// after is the index of the first read that was asked for at a moment or later, -1
// if there is none.
func (d *document) after(at moment) int {
	return slices.IndexFunc(d.reads, func(r read) bool { return r.asked >= at })
}

func (d *document) isListing() bool { return len(d.statements) == 0 }

// step says that from a moment on, an index is reached.
type step struct {
	at    moment
	index int
}

type steps []step

// rising sorts steps and has none fall behind those before it.
func (s steps) rising() steps {
	slices.SortStableFunc(s, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	for i := 1; i < len(s); i++ {
		s[i].index = max(s[i].index, s[i-1].index)
	}
	return s
}

// reached is the index at a moment; 0 before any.
func (s steps) reached(at moment) int {
	i := sort.Search(len(s), func(i int) bool { return s[i].at > at })
	if i == 0 {
		return 0
	}
	return s[i-1].index
}

// word is that something is vouched for up to a moment, and counts from another
// one on.
type word struct{ at, vouched moment }

type words []word

// rising sorts words and has none fall behind those before it.
func (m words) rising() words {
	slices.SortStableFunc(m, func(a, b word) int { return cmp.Compare(a.at, b.at) })
	for i := 1; i < len(m); i++ {
		m[i].vouched = max(m[i].vouched, m[i-1].vouched)
	}
	return m
}

// reached is the moment that is vouched for at another one.
func (m words) reached(at moment) moment {
	i := sort.Search(len(m), func(i int) bool { return m[i].at > at })
	if i == 0 {
		return -time.Hour // never, as far as a run goes
	}
	return m[i-1].vouched
}

// statementOf is the index of what was read, -1 if nobody has written it.
func (d *document) statementOf(r read) int {
	for i, s := range slices.Backward(d.statements) {
		if s.version == r.version && s.deleted == r.deleted {
			return i
		}
	}
	return -1
}

// written is the last statement that was written by the moment at.
func (d *document) written(at moment) int {
	return max(0, sort.Search(len(d.statements), func(i int) bool { return d.statements[i].done > at })-1)
}
