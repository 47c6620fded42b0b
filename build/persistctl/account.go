package main

import "github.com/spf13/cobra"

func newAccount(out *output) *cobra.Command {
	return group("account", "Look after ACME accounts",
		newAccountProve(out),
	)
}
