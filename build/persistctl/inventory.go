package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// inventory is what stands at an instant.
type inventory struct {
	At     time.Time  `json:"at"`
	Stops  []string   `json:"stops"`
	Freeze time.Time  `json:"freeze,omitzero"`
	Grants []entry    `json:"grants"`
	Bound  *lastTrace `json:"revocation,omitempty"` // of all of them; nil where none is served
	Size   *largest   `json:"largest_answer,omitempty"`

	rejected int // documents of which something is, with or without a grant

	addresses addresses
}

// entry is one grant.
type entry struct {
	Name     record.FQDN `json:"name"`
	Address  string      `json:"address,omitempty"` // IP address or prefix that a reverse name stands for
	Prefix   string      `json:"prefix,omitempty"`  // by which the document grants it among others
	Target   string      `json:"target,omitempty"`  // where its records stand in a zone of targets
	Issuer   string      `json:"issuer"`            // issuer-domain-name; the slug where its document is not valid
	Account  string      `json:"account_uri"`
	Scope    string      `json:"scope,omitempty"`
	Narrowed []string    `json:"narrowed_by,omitempty"` // stops below that take its wildcard
	By       record.FQDN `json:"subtree_of,omitempty"`  // the name whose subtree it comes from
	Until    time.Time   `json:"persist_until,omitzero"`
	Served   bool        `json:"served"`
	Reason   string      `json:"reason,omitempty"` // why it is not served
	Document string      `json:"document"`
	Records  []string    `json:"records"`
	Ending   []passing   `json:"ending,omitempty"` // those of them that an overlap ends
	Octets   *octets     `json:"octets,omitempty"` // of the answer at the name, for all of its grants; nil where it has no record

	leaving []string // the accounts that have no record after an overlap
}

// largest is the largest answer.
type largest struct {
	Name record.FQDN `json:"name"`
	octets
}

func (s *showing) inventory(ctx context.Context, name record.FQDN, dir string) (result, error) {
	at := s.at.orNow()
	lib, err := s.docs.loadFit(ctx, dir, at)
	if err != nil {
		return nil, err
	}
	grants, err := s.grants(lib.Book, name)
	switch {
	case err != nil:
		return nil, err
	case len(grants) == 0 && name != "":
		return nil, s.none(lib.Book, name)
	}
	shown := &inventory{addresses: s.addresses, At: at, Freeze: lib.Freeze(), Stops: scopes(lib.Stops()), Grants: []entry{}, rejected: rejectedDocuments(lib.Book)}
	issuers := namesOfIssuers(lib.Book)
	for _, g := range grants {
		e := newEntry(lib.Book, g, s.stanza.standingOf(lib.Book, g, at), issuers)
		e.Target = s.stanza.target(g.FQDN)
		if e.Served {
			e.Ending, e.leaving = ending(g, at), leaving(g, at)
		}
		if size := s.stanza.octets(lib.Book, lib.At(g.FQDN), at); size.Most > 0 {
			e.Octets = &size
			shown.measure(e.Name, size)
		}
		shown.Grants = append(shown.Grants, e)
	}
	shown.Bound = s.stanza.lastTrace(lib.Book, grants, at).near(&s.docs)
	return shown, nil
}

// none says why there is nothing to show at name.
func (s *showing) none(book *policy.Book, name record.FQDN) error {
	if err := s.stanza.serves(name); err != nil {
		return err
	}
	if by := subtreeOf(book, name); by != "" {
		return errors.New(s.stanza.covered(book, name, by))
	}
	return errors.New(noGrant(book, name))
}

// rejectedDocuments is how many documents have something that servers do not use.
func rejectedDocuments(book *policy.Book) int {
	paths := map[string]bool{}
	for _, r := range book.Rejections() {
		paths[r.Path] = true
	}
	return len(paths)
}

// measure keeps the largest answer.
func (i *inventory) measure(name record.FQDN, size octets) {
	if i.Size == nil || size.Most > i.Size.Most {
		i.Size = &largest{name, size}
	}
}

// namesOfIssuers returns the published issuer-domain-names by slug.
func namesOfIssuers(book *policy.Book) map[string]string {
	names := map[string]string{}
	for _, i := range book.Issuers() {
		names[i.Slug] = i.Names[0]
	}
	return names
}

func newEntry(book *policy.Book, g *policy.Grant, now standing, issuers map[string]string) entry {
	e := entry{
		Name:     g.FQDN,
		Prefix:   grantedBy(book, g),
		By:       subtreeOf(book, g.FQDN),
		Issuer:   issuers[g.Issuer],
		Account:  book.AccountURI(g),
		Narrowed: scopes(book.NarrowedBy(g)),
		Until:    now.until(),
		Served:   len(now.records) > 0,
		Reason:   now.reason,
		Document: g.Path() + "@" + book.Version(g.Path()),
		Records:  []string{},
	}
	if g.FQDN.IsReverse() {
		e.Address = g.FQDN.Readable()
	}
	if e.Scope = scope(g); e.By == "" && g.Subtree && e.Scope != "" {
		e.Scope += ", subtree"
	}
	if e.Issuer == "" {
		e.Issuer = g.Issuer
	}
	for _, r := range now.records {
		e.Records = append(e.Records, r.Text)
	}
	return e
}

// scope says how far the records of a grant reach. It is not known of a grant
// that is withheld, which has none.
func scope(g *policy.Grant) string {
	records := g.Sample().Promises()
	switch {
	case len(records) == 0:
		return ""
	case records[0].Wildcard:
		return "wildcard"
	}
	return "name"
}

func (i *inventory) text(w io.Writer) {
	head := []string{"NAME", "ISSUER", "ACCOUNT", "SCOPE", "PERSISTUNTIL", "DOCUMENT", "STATE"}
	if len(i.Grants) > 0 && i.Grants[0].Target != "" {
		head = slices.Insert(head, 1, "TARGET")
	}
	lines := make([]line, 0, len(i.Grants))
	for _, e := range i.Grants {
		lines = append(lines, e.line(i.addresses))
	}
	table(w, slices.Concat([][]string{head}, i.addresses.fold(lines))...)
	if len(i.Grants) == 0 {
		fmt.Fprintln(w, i.nothing())
	}
	for _, stop := range i.Stops {
		fmt.Fprintf(w, "\nThe control document stops %s.\n", stop)
	}
	if !i.Freeze.IsZero() {
		fmt.Fprintf(w, "\nThe control document freezes rotation from %s on.\n", stamp(i.Freeze))
	}
	if i.Size != nil {
		fmt.Fprintf(w, "\nThe largest signed answer is that of %s: %s.\n", i.Size.Name.Readable(), i.Size.octets)
	}
	if i.Bound != nil {
		fmt.Fprintln(w)
		i.Bound.text(w)
	}
}

// nothing says that there is no grant, and where to look for those that were meant.
func (i *inventory) nothing() string {
	if i.rejected == 0 {
		return "\nThere is no grant to show."
	}
	return fmt.Sprintf("\nThere is no grant to show, and something is rejected in %s: persistctl lint says what.", counted(i.rejected, "document"))
}

// line is the entry as people read it.
func (e entry) line(a addresses) line {
	until, state := stamp(e.Until), "served"
	if len(e.Ending) > 0 {
		state = fmt.Sprintf("served, %s of it before %s only", counted(len(e.Ending), "record"), endsText(e.Ending))
		if len(e.leaving) > 0 {
			state += fmt.Sprintf(", from when %s has none", strings.Join(e.leaving, ", "))
		}
	}
	if e.By != "" {
		state += ", by the subtree of " + e.By.Readable()
	}
	if len(e.Narrowed) > 0 {
		state += ", without wildcard: stopped by " + strings.Join(e.Narrowed, ", ")
	}
	if !e.Served {
		state = e.Reason
	} else if e.Until.IsZero() {
		until = "none"
	}
	l := line{name: e.Name, prefix: e.Prefix, cells: []string{e.Issuer, e.Account, e.Scope, until, e.Document, state}}
	switch {
	case e.Target == "":
	case e.Prefix != "" && !bool(a):
		l.cells = slices.Insert(l.cells, 0, "one for each")
	default:
		l.cells = slices.Insert(l.cells, 0, e.Target)
	}
	return l
}
