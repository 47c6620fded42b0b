package main

import (
	"fmt"
	"io"

	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/spf13/cobra"
)

func newLint(out *output) *cobra.Command {
	var docs documents
	var at instant
	cmd := &cobra.Command{
		Use:   "lint [DIR | --vault[=ADDRESS]]",
		Short: "Say what a server would reject in the documents, and what deserves a second look",
		Long: `Compile the documents in DIR (the working directory by default), or in Vault, as
a server does that starts, and print all that it would not use, one a line:

  PATH@VERSION: FIELD: what is wrong, and what to write instead

Warnings are about what is valid and deserves a second look. The exit status is
1 if anything is rejected or cannot be read.`,
		Example: `  persistctl lint docs/example/policies
  persistctl lint --vault
  persistctl lint --vault=https://vault.example.net:8200 --mount persist -o json`,
		Args: cobra.MaximumNArgs(1),
	}
	docs.register(cmd.Flags())
	at.register(cmd.Flags(), "what is over by this instant")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		now := at.orNow()
		lib, err := docs.load(cmd.Context(), argument(args, 0), now)
		if err != nil {
			return err
		}
		report, err := lint(lib, now)
		if err == nil {
			err = out.print(cmd.OutOrStdout(), report)
		}
		if err == nil && !report.clean() {
			err = errFound
		}
		return err
	}
	return cmd
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
	Reason  string `json:"reason"`
}

func (r remark) String() string { return policy.Rejection(r).Error() }

func (r *lintReport) clean() bool { return len(r.Unreadable) == 0 && len(r.Rejections) == 0 }

func (r *lintReport) text(w io.Writer) {
	for _, line := range r.Unreadable {
		fmt.Fprintln(w, "unreadable:", line)
	}
	for _, rejected := range r.Rejections {
		fmt.Fprintln(w, "rejected:", rejected)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	fmt.Fprintf(w, "%d documents, %d grants, %d rejections, %d warnings\n", r.Documents, r.Grants, len(r.Rejections), len(r.Warnings))
}
