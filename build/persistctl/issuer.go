package main

import "github.com/spf13/cobra"

func newIssuer(out *output) *cobra.Command {
	return group("issuer", "Find out about a CA what its issuer document has to say",
		newIssuerProbe(out),
	)
}
