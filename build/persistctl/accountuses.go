package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/spf13/cobra"
)

func newAccountUses(out *output) *cobra.Command {
	var docs documents
	var at instant
	var addresses addresses
	cmd := &cobra.Command{
		Use:   "uses URI [DIR | --vault[=ADDRESS]]",
		Short: "Say what breaks if an account goes: names, documents, approvals and stops",
		Long: `Find everything that names the account at URI: the documents that have it as their
account or in an overlap, every name that they grant, the teams whose admin has
approved it, and the stops that name it or a document of it. Of each name it says who
else has a record there, so which names no account could validate any more. Write the
URI as the CA gave it.

The exit status is 1 if nothing names the account.`,
		Example: `  persistctl account uses https://acme-v02.api.letsencrypt.org/acme/acct/123 docs/example/policies
  persistctl account uses https://acme-v02.api.letsencrypt.org/acme/acct/123 --vault -o json`,
		Args: arity(1, 2),
	}
	docs.register(cmd.Flags())
	at.register(cmd.Flags(), "as of this instant")
	addresses.register(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		used, err := usesOf(cmd.Context(), docs, args[0], argument(args, 1), at.orNow())
		if err != nil {
			return err
		}
		used.addresses = addresses
		return out.print(cmd.OutOrStdout(), used)
	}
	return cmd
}

// uses is everything that names an account.
type uses struct {
	URI       string       `json:"account_uri"`
	At        time.Time    `json:"at"`
	Documents []usedBy     `json:"documents"`
	Names     []usedAt     `json:"names"`
	Alone     int          `json:"names_without_another"` // at which nobody else has a record
	Approvals []approvedIn `json:"approvals"`
	Stops     []string     `json:"stops"`

	addresses addresses
}

// usedBy is a document that has the account.
type usedBy struct {
	Document string    `json:"document"`
	As       string    `json:"as"`                // account or overlap
	Until    time.Time `json:"until,omitzero"`    // when the overlap ends
	Names    int       `json:"names"`             // that it grants
	Invalid  bool      `json:"invalid,omitempty"` // no version of it is valid
}

// usedAt is a name at which the account has a grant.
type usedAt struct {
	Name      record.FQDN `json:"name"`
	Prefix    string      `json:"prefix,omitempty"` // by which a document grants it among others
	Documents []string    `json:"documents"`
	State     string      `json:"state"`  // served, or why not
	Others    []other     `json:"others"` // who has a record there besides
}

// other is another account with a record at a name.
type other struct {
	Issuer   string    `json:"issuer"`
	URI      string    `json:"account_uri"`
	Document string    `json:"document"`
	Until    time.Time `json:"until,omitzero"` // when the overlap ends by which it has the record
}

// String is the account, and when it has no record any more.
func (o other) String() string {
	if o.Until.IsZero() {
		return o.URI
	}
	return fmt.Sprintf("%s (before %s only)", o.URI, stamp(o.Until))
}

// approvedIn is a team whose admin has approved the account.
type approvedIn struct {
	Document    string   `json:"document"`
	Thumbprints []string `json:"thumbprints"`
}

func usesOf(ctx context.Context, docs documents, uri, dir string, at time.Time) (*uses, error) {
	if err := record.CheckAccountURI(uri); err != nil {
		return nil, usageError{err}
	}
	lib, err := docs.loadFit(ctx, dir, at)
	if err != nil {
		return nil, err
	}
	u := findUses(lib.Book, uri, at)
	if len(u.Documents)+len(u.Approvals)+len(u.Stops) == 0 {
		return nil, fmt.Errorf("nothing names the account %s: write its URI byte for byte as the CA gave it", uri)
	}
	return u, nil
}

// findUses finds what names the account at uri in a book, as of an instant.
func findUses(book *policy.Book, uri string, at time.Time) *uses {
	u := &uses{URI: uri, At: at, Documents: []usedBy{}, Names: []usedAt{}, Approvals: []approvedIn{}, Stops: []string{}}
	has, names := map[string]policy.AccountFacts{}, map[record.FQDN]bool{}
	for _, a := range book.Accounts() {
		if !a.Names(uri) {
			continue
		}
		has[a.Path] = a
		used := usedBy{Document: versioned(book, a.Path), As: "account", Names: len(a.Grants), Invalid: !a.Valid}
		if a.URI != uri {
			used.As, used.Until = "overlap", a.Until
		}
		u.Documents = append(u.Documents, used)
		for _, g := range a.Grants {
			names[g.FQDN] = true
		}
	}
	for _, name := range sortedNames(names) {
		used := usesAt(book, name, uri, has, at)
		if len(used.Others) == 0 {
			u.Alone++
		}
		u.Names = append(u.Names, used)
	}
	for _, t := range book.Teams() {
		if thumbprints, ok := t.Approved[uri]; ok {
			u.Approvals = append(u.Approvals, approvedIn{versioned(book, "teams/"+t.Slug), orNone(thumbprints)})
		}
	}
	for _, s := range book.StopsOf(uri, slices.Collect(maps.Keys(has))...) {
		u.Stops = append(u.Stops, s.String())
	}
	return u
}

// usesAt says how it stands at one name with an account that the documents in has
// name.
func usesAt(book *policy.Book, name record.FQDN, uri string, has map[string]policy.AccountFacts, at time.Time) usedAt {
	used := usedAt{Name: name, Prefix: prefixAt(book, name), Documents: []string{}, Others: []other{}}
	issuers := namesOfIssuers(book)
	s := defaultStanza()
	for _, g := range book.Lookup(name) {
		now := s.standingOf(book, g, at)
		if a, ok := has[g.Path()]; ok {
			used.Documents = append(used.Documents, versioned(book, g.Path()))
			switch {
			case len(now.records) > 0 && slices.Contains(g.AccountURIs(at), uri):
				used.State = "served"
			case used.State == "":
				used.State = cmp.Or(now.reason, overlapState(a, at))
			}
		}
		for _, another := range g.AccountURIs(at) {
			if another != uri && len(now.records) > 0 {
				used.Others = append(used.Others, other{issuers[g.Issuer], another, versioned(book, g.Path()), g.NamedUntil(another)})
			}
		}
	}
	return used
}

// overlapState says why a grant that is served does not name the account of its
// overlap.
func overlapState(a policy.AccountFacts, at time.Time) string {
	if a.Until.After(at) {
		return "the overlap does not count: see persistctl lint"
	}
	return "over: the overlap ended at " + stamp(a.Until)
}

// versioned is a path with the version that counts.
func versioned(book *policy.Book, path string) string { return path + "@" + book.Version(path) }

// sortedNames are the names of a set in the order of people.
func sortedNames(set map[record.FQDN]bool) []record.FQDN {
	list := make([]record.FQDN, 0, len(set))
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func (u *uses) text(w io.Writer) {
	printRows(w, []string{"DOCUMENT", "AS", "UNTIL", "NAMES"}, u.Documents, usedBy.row)
	lines := make([]line, 0, len(u.Names))
	for _, n := range u.Names {
		lines = append(lines, n.line())
	}
	printRows(w, []string{"NAME", "STATE", "OTHERS"}, u.addresses.fold(lines), func(row []string) []string { return row })
	for _, a := range u.Approvals {
		fmt.Fprintf(w, "%s approves it with %s.\n", a.Document, counted(len(a.Thumbprints), "thumbprint"))
	}
	for _, s := range u.Stops {
		fmt.Fprintf(w, "The control document stops %s.\n", s)
	}
	fmt.Fprintf(w, "Without %s, %s would have no record of any account, and %s that of another%s.\n", u.URI, counted(u.Alone, "name"), counted(len(u.Names)-u.Alone, "name"), u.passing())
}

// passing counts the names at which the others have records by overlaps alone, by when
// the last of these ends.
func (u *uses) passing() string {
	count := map[string]int{}
	for _, n := range u.Names {
		if ends := n.ends(); !ends.IsZero() {
			count[stamp(ends)]++
		}
	}
	if len(count) == 0 {
		return ""
	}
	parts := make([]string, 0, len(count))
	for i, ends := range slices.Sorted(maps.Keys(count)) {
		of := ""
		if i == 0 {
			of = " of them"
		}
		parts = append(parts, fmt.Sprintf("%d%s before %s", count[ends], of, ends))
	}
	return ", " + strings.Join(parts, " and ") + " only"
}

// ends is when nobody else has a record at the name any more; zero: never, or nobody
// has.
func (n usedAt) ends() time.Time {
	var last time.Time
	for _, o := range n.Others {
		if o.Until.IsZero() {
			return o.Until
		}
		last = later(last, o.Until)
	}
	return last
}

// printRows prints a table of list, and a blank line, where there is anything in
// it.
func printRows[T any](w io.Writer, head []string, list []T, row func(T) []string) {
	if len(list) == 0 {
		return
	}
	rows := make([][]string, 0, 1+len(list))
	rows = append(rows, head)
	for _, one := range list {
		rows = append(rows, row(one))
	}
	table(w, rows...)
	fmt.Fprintln(w)
}

func (d usedBy) row() []string {
	as := d.As
	if d.Invalid {
		as += ", in no valid version"
	}
	return []string{d.Document, as, stamp(d.Until), strconv.Itoa(d.Names)}
}

func (n usedAt) line() line {
	others := make([]string, 0, len(n.Others))
	for _, o := range n.Others {
		others = append(others, o.String())
	}
	return line{name: n.Name, prefix: n.Prefix, cells: []string{n.State, strings.Join(others, ", ")}}
}
