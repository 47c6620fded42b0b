package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// plan is what apply would do, and what comes of it.
type plan struct {
	Dir        string   `json:"dir"`
	Changes    []change `json:"changes"`
	Names      []effect `json:"names"`
	Rejections []remark `json:"rejections"` // what is rejected that was not before
	Kept       []string `json:"kept"`       // documents that DIR does not have
	StopsKept  []string `json:"stops_kept"` // stops that DIR does not have
	// LeftDisabled are kept too, as an apply that was interrupted has left them.
	LeftDisabled []string `json:"left_disabled,omitempty"`
	// Ungranted are the names that no document grants any more.
	Ungranted ungranted `json:"ungranted,omitempty"`
	Refusals  []string  `json:"refusals"`         // why apply does not go ahead
	Order     []step    `json:"order,omitempty"`  // of the writes
	Written   bool      `json:"written,omitzero"` // by apply

	before    int // names with records
	addresses addresses
}

// effect is what changes at one name.
type effect struct {
	Name   record.FQDN `json:"name"`
	Before []string    `json:"before"`
	After  []string    `json:"after"`
	Prefix string      `json:"prefix,omitempty"` // by which a document grants it among others

	alike string // what it would be at the first name of the prefix
}

// compare finds the names whose records differ. One that only one of the books
// grants may lie in a subtree of the other.
func (p *plan) compare(before, after *policy.Book) {
	was, is := published(before), published(after)
	p.before, p.Ungranted = len(was), newUngranted(before, after)
	for _, name := range lone(before, after) {
		inherit(was, before, name)
		inherit(is, after, name)
	}
	names := maps.Clone(was)
	maps.Copy(names, is)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !slices.Equal(was[name], is[name]) {
			p.Names = append(p.Names, newEffect(name, was[name], is[name], before, after))
		}
	}
}

// newEffect is that of two books, which have the records was and is at a name. The
// hash form differs from address to address, and so a prefix is held against what the
// first of them would have.
func newEffect(name record.FQDN, was, is []string, before, after *policy.Book) effect {
	e := effect{Name: name, Before: orNone(was), After: orNone(is), Prefix: cmp.Or(prefixAt(after, name), prefixAt(before, name))}
	if e.Prefix != "" {
		first := reverseNames(e.Prefix)[0]
		e.alike = fmt.Sprintf("%q %q", promisedAs(before, name, first), promisedAs(after, name, first))
	}
	return e
}

// promisedAs are the promises that a name has in a book, as if it were another one.
func promisedAs(book *policy.Book, name, other record.FQDN) []string {
	grants := book.Lookup(name)
	list := make([]string, 0, len(grants))
	for _, g := range grants {
		list = append(list, promises(&policy.Grant{FQDN: other, Terms: g.Terms})...)
	}
	return list
}

// inherit adds what name has in the subtrees of book.
func inherit(published map[record.FQDN][]string, book *policy.Book, name record.FQDN) {
	if list := inherited(book, name); len(list) > 0 {
		published[name] = list
	}
}

func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// lost is how many names lose all of their records.
func (p *plan) lost() int {
	n := 0
	for _, e := range p.Names {
		if len(e.After) == 0 {
			n++
		}
	}
	return n
}

// published says of every name that has records which, sorted, and how long
// each is good for. Two books that agree in it publish the same at any instant.
func published(book *policy.Book) map[record.FQDN][]string {
	names := map[record.FQDN][]string{}
	for g := range book.All() {
		names[g.FQDN] = append(names[g.FQDN], promises(g)...)
	}
	for name, list := range names {
		slices.Sort(list)
		if names[name] = slices.Compact(list); len(list) == 0 {
			delete(names, name)
		}
	}
	return names
}

// promises are the records of a grant, as people read them.
func promises(g *policy.Grant) []string {
	if g.Withheld != "" {
		return nil
	}
	var list []string
	for _, p := range g.Sample().Promises() {
		text, err := p.Render()
		if err != nil {
			continue // was refused by the policy already
		}
		if text += "; " + term(g); !p.Ends.IsZero() {
			text += ", by an overlap before " + stamp(p.Ends) + " only"
		}
		list = append(list, text)
	}
	return list
}

// term says how long a grant is good for.
func term(g *policy.Grant) string {
	var b strings.Builder
	switch g.Until.Mode {
	case policy.Fixed:
		fmt.Fprintf(&b, "until %s", stamp(g.Until.At))
	case policy.None:
		b.WriteString("without end")
	default:
		fmt.Fprintf(&b, "rolling %s to %s ahead", g.Until.Floor, g.Until.Floor+g.Until.Step)
	}
	if !g.NotBefore.IsZero() {
		fmt.Fprintf(&b, ", from %s on", stamp(g.NotBefore))
	}
	switch {
	case g.Subtree && g.FQDN.IsReverse():
		b.WriteString(", at every address in it")
	case g.Subtree:
		b.WriteString(", names below too")
	}
	return b.String()
}

func (p *plan) text(w io.Writer) {
	for _, c := range p.Changes {
		fmt.Fprintln(w, c)
	}
	for _, path := range p.Kept {
		fmt.Fprintf(w, "keep %s, which %s does not have: --delete deletes it\n", path, p.Dir)
	}
	for _, path := range p.LeftDisabled {
		fmt.Fprintf(w, "keep %s, which an apply that was interrupted has left disabled, and %s does not have: apply all of the documents again, with config, or remove enabled and %s from it\n", path, p.Dir, noteOfHold)
	}
	for _, stop := range p.StopsKept {
		fmt.Fprintf(w, "keep the stop of %s, which %s does not have: persistctl resume lifts it\n", stop, p.Dir)
	}
	gained, lost := 0, p.lost()
	for _, e := range p.Names {
		if len(e.Before) == 0 {
			gained++
		}
	}
	p.addresses.effects(w, p.Names)
	sayRejected(w, p.Rejections)
	p.Ungranted.text(w, p.addresses)
	fmt.Fprintf(w, "%s to write; names that get records: %d, that lose all of theirs: %d, that have others: %d.\n", counted(len(p.Changes), "document"), gained, lost, len(p.Names)-gained-lost)
	for _, why := range p.Refusals {
		fmt.Fprintln(w, "refused:", why)
	}
	for _, s := range p.Order {
		if s.Action == hold {
			fmt.Fprintf(w, "%s is disabled while the others are written: in every other order something would be published for a moment that is in neither\n", s.Document)
		}
	}
}

// effects prints what goes and what comes.
func (a addresses) effects(w io.Writer, list []effect) {
	lines := make([]line, 0, len(list))
	for _, e := range list {
		lines = append(lines, line{e.Name, e.Prefix, e.alike, e.signed()})
	}
	for _, row := range a.fold(lines) {
		for _, text := range row[1:] {
			fmt.Fprintf(w, "%c %s %q\n", text[0], row[0], text[1:])
		}
	}
}

// signed are the records that go, with a minus in front, and those that come, with a
// plus.
func (e effect) signed() []string {
	var list []string
	for _, text := range e.Before {
		if !slices.Contains(e.After, text) {
			list = append(list, "-"+text)
		}
	}
	for _, text := range e.After {
		if !slices.Contains(e.Before, text) {
			list = append(list, "+"+text)
		}
	}
	return list
}
