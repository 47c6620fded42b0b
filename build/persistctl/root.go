package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // something was found, refused, or could not be done
	exitUsage  = 2 // the command line is wrong
)

// errFound ends a command that has printed already what is not in order.
var errFound = errors.New("something is not in order")

// usageError is a mistake in the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// execute runs the command line args, without the program's name, and returns
// the exit status.
func execute(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	parsed := false // until then every error is one of usage
	root.PersistentPreRun = func(*cobra.Command, []string) { parsed = true }
	cmd, err := root.ExecuteC()
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFound):
		return exitFailed
	}
	fmt.Fprintf(stderr, "%s: %v\n", cmd.CommandPath(), err)
	if parsed && !errors.As(err, &usageError{}) {
		return exitFailed
	}
	fmt.Fprintf(stderr, "See %s --help\n", cmd.CommandPath())
	return exitUsage
}

func newRoot() *cobra.Command {
	out := &output{}
	root := group("persistctl", "Check policy, show what is served, judge as a CA, and look after keys",
		newCheck(out),
		newHash(out),
		newKeys(out),
		newLint(out),
		newShow(out),
		newVaultPolicy(),
		newVersion(out),
	)
	root.Long = `persistctl is the operator's tool of persist, the CoreDNS plugin for dns-persist-01.

Documents come from a directory, as policies names it in the Corefile, or from
Vault. Vault is reached by the VAULT_* environment variables, such as VAULT_ADDR,
VAULT_TOKEN, VAULT_NAMESPACE and VAULT_CACERT, as by every client of it.

The exit status is 0 if all is well, 1 if something was found, refused or could
not be done, and 2 if the command line is wrong.`
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().VarP(&out.format, "output", "o", "text for people, json for programs")
	return root
}

// group returns a command that only has others below it.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	names := make([]string, 0, len(commands))
	for _, c := range commands {
		names = append(names, c.Name())
	}
	g := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q: write one of %s", args[0], strings.Join(names, ", "))
			}
			return usagef("what to do? write one of %s", strings.Join(names, ", "))
		},
	}
	g.AddCommand(commands...)
	return g
}
