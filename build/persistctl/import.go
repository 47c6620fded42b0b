package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// importing is what an import command was asked for, and what it has found.
type importing struct {
	dir, team, name, origin, note string
	rolling, write                bool

	stanza   *stanza
	now      time.Time
	issuers  []policy.IssuerFacts
	approved map[string][]string // accounts of the team, with thumbprints
	accounts []*importedAccount
}

func newImport(out *output) *cobra.Command {
	i := importing{stanza: defaultStanza()}
	cmd := &cobra.Command{
		Use:   "import FILE... --team TEAM --dir DIR",
		Short: "Make account documents of TXT records that stand in zone files",
		Long: `Read the _validation-persist TXT records of zone files (RFC 1035 section 5), or of all
files in a directory, and make account documents of TEAM that publish the same. The
issuers and teams documents in DIR must be there: they tell which CA an
issuer-domain-name and an account URI are of, and what the team may claim.

Without --write nothing is written. With it the documents are added to DIR; none
that is there is changed, and a name that an account has already is left out.
Nothing is written to Vault: where the documents are there, DIR is one that
persistctl export has made, and persistctl apply DIR writes what is added to it.

persistUntil is kept: it becomes a fixed until, and its absence "none". With
--rolling both are left to the issuer's document, by default a persistUntil that
moves on. What is made is compiled, and what would not be published as it stands
now is left out and told, one a line:

  left out: FILE: OWNER: why, and what to do

The exit status is 1 if anything is left out.`,
		Example: `  persistctl import docs/example/db.static.example.com --team web --dir docs/example/policies --rolling
  persistctl import docs/example/db.static.example.com --team web --dir docs/example/policies --rolling --name static --note CHG-1234 -o json`,
		Args: arity(1, anyNumber),
	}
	i.register(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		found, err := i.run(cmd.Context(), args)
		if err != nil {
			return err
		}
		return out.conclude(cmd.OutOrStdout(), found)
	}
	return cmd
}

func (i *importing) register(flags *pflag.FlagSet) {
	flags.StringVar(&i.dir, "dir", "", "`DIR` of the documents")
	flags.StringVar(&i.team, "team", "", "`TEAM` that is to have the accounts, as in teams/TEAM")
	flags.StringVar(&i.name, "name", "imported", "`NAME` that the documents' names start with")
	flags.StringVar(&i.origin, "origin", ".", "`ORIGIN` of relative names before the first $ORIGIN of a file")
	flags.StringVar(&i.note, "note", "", "`NOTE` for the documents, for people")
	flags.BoolVar(&i.rolling, "rolling", false, "leave until to the issuer instead of keeping persistUntil")
	flags.BoolVar(&i.write, "write", false, "write the documents")
}

// imported is what an import has come to.
type imported struct {
	Documents []importedFile `json:"documents"`
	Present   int            `json:"granted_already"` // records of names that the account has
	LeftOut   []leftOut      `json:"left_out"`
	Written   bool           `json:"written"`
}

// importedFile is a document that was made.
type importedFile struct {
	Path    string `json:"path"`
	Names   int    `json:"names"`
	Records int    `json:"records"`
}

// status is errFound where anything is left out.
func (done *imported) status() error {
	if len(done.LeftOut) > 0 {
		return errFound
	}
	return nil
}

func (i *importing) run(ctx context.Context, args []string) (*imported, error) {
	switch {
	case i.team == "":
		return nil, usagef("whose are the accounts? write --team TEAM")
	case i.dir == "":
		return nil, usagef("where are the documents? write --dir DIR")
	case !slug.MatchString(i.name):
		return nil, usagef("--name %q: write a-z, 0-9 and -", i.name)
	}
	files, err := zoneFiles(args)
	if err != nil {
		return nil, err
	}
	i.now = time.Now().UTC().Truncate(time.Second)
	lib, err := (&documents{mount: defaultMount}).loadFit(ctx, i.dir, i.now)
	if err != nil {
		return nil, err
	}
	if err := i.know(lib.Book); err != nil {
		return nil, err
	}
	done := &imported{Documents: []importedFile{}, LeftOut: []leftOut{}}
	for _, file := range files {
		if err := i.read(lib.Book, file, done); err != nil {
			return nil, err
		}
	}
	made := i.make(lib, done)
	done.list(made)
	if i.write {
		err = i.store(ctx, made)
		done.Written = err == nil
	}
	return done, err
}

// know takes from the book what records are held against.
func (i *importing) know(book *policy.Book) error {
	i.issuers = book.Issuers()
	for _, t := range book.Teams() {
		if t.Slug == i.team {
			i.approved = t.Approved
			return nil
		}
	}
	return fmt.Errorf("there is no valid document teams/%s in %s: write it first", i.team, i.dir)
}

// read reads a file, and sorts its records by account.
func (i *importing) read(book *policy.Book, file string, done *imported) error {
	found, out, err := readZone(file, i.origin)
	if err != nil {
		return fmt.Errorf("no zone file: %w", err)
	}
	done.LeftOut = append(done.LeftOut, out...)
	for _, r := range found {
		if i.isGranted(book, r) {
			done.Present++
			continue
		}
		if err := i.add(r); err != nil {
			done.leaveOut(r, err.Error())
		}
	}
	return nil
}

// isGranted reports whether the team has a document already that grants the name
// of the record to its account.
func (i *importing) isGranted(book *policy.Book, r foundRecord) bool {
	_, uri, _, _, err := i.accountOf(r)
	return err == nil && slices.ContainsFunc(book.At(r.name), func(g *policy.Grant) bool {
		return g.Team == i.team && book.AccountURI(g) == uri
	})
}

func (done *imported) leaveOut(r foundRecord, reason string) {
	done.LeftOut = append(done.LeftOut, leftOut{r.place, r.text, reason})
}

// make makes documents, and takes out of them what would not be published.
func (i *importing) make(lib *library, done *imported) []*importedDocument {
	var made []*importedDocument
	for _, a := range i.accounts {
		made = append(made, a.documents(i)...)
	}
	for {
		book := policy.Compile(nil, added(lib.snapshot, made, i.now), policy.Brakes{})
		sound := true
		for _, d := range made {
			for _, name := range slices.Sorted(maps.Keys(d.from)) {
				if reason := i.unpublished(book, d, name); reason != "" {
					sound = false
					for _, r := range d.drop(name) {
						done.leaveOut(r, reason)
					}
				}
			}
		}
		made = slices.DeleteFunc(made, func(d *importedDocument) bool { return len(d.from) == 0 })
		if sound {
			return made
		}
	}
}

// unpublished says why a grant does not publish the records that it was made of,
// empty if it does.
func (i *importing) unpublished(book *policy.Book, d *importedDocument, name record.FQDN) string {
	for _, r := range book.Rejections() {
		if r.Path == d.path && (r.Name == name || r.Name == "") {
			return strings.TrimSuffix(strings.TrimPrefix(r.Field+" "+r.Reason, fmt.Sprintf("domains[%q] ", name)), " ")
		}
	}
	at := slices.IndexFunc(book.Lookup(name), func(g *policy.Grant) bool { return g.Path() == d.path })
	if at < 0 {
		return "is not granted, because the account is not: see persistctl lint"
	}
	g := book.Lookup(name)[at]
	now := i.stanza.standingOf(book, g, i.now)
	if len(now.records) == 0 {
		return now.reason
	}
	for _, r := range d.from[name].from {
		if !slices.ContainsFunc(now.records, i.same(r)) {
			return fmt.Sprintf("would be published otherwise, as %q", now.records[0].Text)
		}
	}
	return ""
}

func (i *importing) store(ctx context.Context, made []*importedDocument) error {
	w, err := store.OpenDirectory(i.dir)
	if err != nil {
		return err
	}
	for _, d := range made {
		err := w.Write(ctx, d.path, d.body(), "")
		if errors.Is(err, store.ErrConflict) {
			err = fmt.Errorf("%s is there already: write --name NAME for other names", d.path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (done *imported) list(made []*importedDocument) {
	for _, d := range made {
		f := importedFile{Path: d.path, Names: len(d.from)}
		for _, g := range d.from {
			f.Records += len(g.from)
		}
		done.Documents = append(done.Documents, f)
	}
}

func (done *imported) text(w io.Writer) {
	for _, o := range done.LeftOut {
		fmt.Fprintf(w, "left out: %s: %s\n", o.Place, o.Reason)
	}
	for _, d := range done.Documents {
		fmt.Fprintf(w, "%s: %s, %s\n", d.Path, counted(d.Names, "name"), counted(d.Records, "record"))
	}
	if done.Present > 0 {
		fmt.Fprintf(w, "already granted to the same account: %s\n", counted(done.Present, "record"))
	}
	if len(done.Documents) == 0 {
		fmt.Fprintln(w, "There is nothing to import.")
	} else if !done.Written {
		fmt.Fprintln(w, "Nothing is written: add --write.")
	}
}
