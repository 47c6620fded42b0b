package main

import "github.com/spf13/cobra"

func newAccount(out *output) *cobra.Command {
	return group("account", "Prove an ACME account, say what depends on it, and replace it by another",
		newAccountProve(out),
		newAccountReplace(out),
		newAccountUses(out),
	)
}
