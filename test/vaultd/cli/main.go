// Vault is the command-line client of Vault, built from the same module as the
// server that tests start: what the guides tell an administrator to type is
// run with it as it stands there.
package main

import (
	"os"

	"github.com/hashicorp/vault/command"
)

func main() { os.Exit(command.Run(os.Args[1:])) }
