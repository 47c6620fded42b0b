package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// anyNumber is no bound on how many arguments a command takes.
const anyNumber = 1 << 30

// arity takes least to most arguments, and else says how the command is written.
func arity(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		written := cmd.Parent().CommandPath() + " " + cmd.Use
		switch {
		case len(args) < least:
			return usagef("an argument is missing: write %s", written)
		case len(args) > most && strings.Contains(args[most], "://"):
			return usagef("%q is an argument too many: write %s, and the address of a Vault like --vault=%s", args[most], written, args[most])
		case len(args) > most:
			return usagef("%q is an argument too many: write %s", args[most], written)
		}
		return nil
	}
}
