package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion(out *output) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version, and that of Go it was built with",
		Example: "  persistctl version",
		Args:    arity(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return out.print(cmd.OutOrStdout(), versions{version, runtime.Version()})
		},
	}
}

// versions are those of the program and of the compiler.
type versions struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

func (v versions) text(w io.Writer) { fmt.Fprintf(w, "persistctl %s (%s)\n", v.Version, v.Go) }
