package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/spf13/cobra"
)

const lintHelp = `Compile the documents in DIR (the working directory by default), or in Vault, as
a server does that starts, and print what it would not use, one a line:

  unreadable: PATH: why the document cannot be read
  rejected: PATH@VERSION: FIELD: what is wrong, and what to write instead

A warning, in the form of a rejection, is about what is valid and deserves a
second look: grants and overlaps that are over, stops that stop nothing or only take
a wildcard, IP addresses that no rule set accepts a record for, teams that may do
much, answers that are too large for UDP at some instant from now on, and files and
folders in DIR that look like documents and are not read.

The instant until of a grant must lie after its document was written, and no
further than max_until after it. In Vault that is when the version was made; in a
directory it is the file's modification time, which a fresh copy or checkout
sets anew: the same document may then be rejected in one place only.

The exit status is 1 if anything is rejected or cannot be read. Warnings do not
change it. With --team, all documents are compiled, and those of one team alone
are counted and decide on it, as a team's own pipeline needs it.`

func newLint(out *output) *cobra.Command {
	var docs documents
	var at instant
	var team string
	cmd := &cobra.Command{
		Use:   "lint [DIR | --vault[=ADDRESS]]",
		Short: "Say what a server would reject in the documents, and what deserves a second look",
		Long:  lintHelp,
		Example: `  persistctl lint docs/example/policies
  persistctl lint --vault
  persistctl lint --vault --team web
  persistctl lint --vault=https://vault.example.net:8200 --mount persist -o json`,
		Args: arity(0, 1),
	}
	docs.register(cmd.Flags())
	cmd.Flags().StringVar(&team, "team", "", "say only what is about the documents of `TEAM`: teams/TEAM and those below accounts/TEAM")
	at.register(cmd.Flags(), "warn of what is over at this instant")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		now := at.orNow()
		lib, unloaded := docs.load(cmd.Context(), argument(args, 0), now)
		if lib == nil {
			return ofPart(argument(args, 0), unloaded)
		}
		report := lint(lib, now)
		err := report.besides(&docs, argument(args, 0))
		if err == nil && team != "" {
			err = report.only(team, lib)
		}
		if err == nil {
			err = out.print(cmd.OutOrStdout(), report)
		}
		if err == nil && !report.clean() {
			err = errFound
		}
		return cmp.Or(unloaded, err)
	}
	return cmd
}

// ofPart says to whoever has a part of the documents, which needs no config, what looks at
// that: alone it is not known what servers would make of it.
func ofPart(dir string, err error) error {
	if dir == "" || !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%w. Where %s is a part of the documents, such as those of a team, write no config: persistctl plan %s looks at it together with those in Vault", err, dir, dir)
}

// argument returns an optional argument, empty where it is left out.
func argument(args []string, i int) string {
	if i < len(args) {
		return args[i]
	}
	return ""
}

// lintReport is all that there is to say of the documents.
type lintReport struct {
	Unreadable []string `json:"unreadable"`
	Rejections []remark `json:"rejections"`
	Warnings   []remark `json:"warnings"`
	Documents  int      `json:"documents"`
	Grants     int      `json:"grants"`
}

// remark is a rejection, or a warning in its form.
type remark struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Field   string `json:"field,omitempty"`
	Name    string `json:"name,omitempty"` // of the domain it is about, which Field may have cut
	Reason  string `json:"reason"`
}

func newRemark(r policy.Rejection) remark {
	return remark{r.Path, r.Version, r.Field, string(r.Name), r.Reason}
}

// besides warns of what is in a directory beside the documents and looks like one.
func (r *lintReport) besides(docs *documents, dir string) error {
	source, err := docs.source(dir)
	if d, ok := source.(*store.Directory); ok {
		for _, i := range d.Ignored() {
			r.Warnings = append(r.Warnings, remark{Path: i.Path, Reason: i.Reason})
		}
	}
	return err
}

// String returns the remark as the server logs a rejection. What is no document has no
// version.
func (r remark) String() string {
	if r.Version == "" && r.Field == "" {
		return r.Path + ": " + r.Reason
	}
	return policy.Rejection{Path: r.Path, Version: r.Version, Field: r.Field, Reason: r.Reason}.Error()
}

func (r *lintReport) clean() bool { return len(r.Unreadable) == 0 && len(r.Rejections) == 0 }

func (r *lintReport) text(w io.Writer) {
	for _, line := range r.Unreadable {
		fmt.Fprintln(w, "unreadable:", line)
	}
	rejections := sayRejected(w, r.Rejections)
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	fmt.Fprintf(w, "%s, %s, %s, %s\n", counted(r.Documents, "document"), counted(r.Grants, "grant"), counted(rejections, "rejection"), counted(len(r.Warnings), "warning"))
}

// sayRejected prints rejections, and returns how many lines they are: what is wrong with all
// addresses of a prefix is said once.
func sayRejected(w io.Writer, rejections []remark) (said int) {
	last := ""
	for _, r := range rejections {
		if line := r.String(); line != last {
			fmt.Fprintln(w, "rejected:", line)
			last, said = line, said+1
		}
	}
	return said
}
