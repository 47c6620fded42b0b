package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/spf13/cobra"
)

func newSchema() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema KIND",
		Short: "Print the JSON Schema of a kind of documents, for editors and pipelines",
		Long: fmt.Sprintf(`Print the JSON Schema (draft 2020-12) of a kind of documents, which is one of
%s.

What breaks the schema is rejected by servers too. What a schema cannot express,
above all whether a name is the team's to claim, is found by persistctl lint.`, strings.Join(policy.Kinds, ", ")),
		Example: `  persistctl schema accounts
  persistctl schema teams > teams.schema.json`,
		Args:      arity(1, 1),
		ValidArgs: policy.Kinds,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		text, ok := policy.Schema(args[0])
		if !ok {
			return usagef("%q is no kind of documents with a schema: write one of %s", args[0], strings.Join(slices.Sorted(slices.Values(policy.Kinds)), ", "))
		}
		_, err := cmd.OutOrStdout().Write(text)
		return err
	}
	return cmd
}
