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
	exitWaits  = 3 // nothing is wrong, and something has to be waited for
	exitDNS    = 4 // DNS gives no answer, or none that validates

	exitChanges = 2 // of plan alone: there is something to change
)

// usageStatus is the annotation of a command whose exit status of a wrong command
// line is another one than exitUsage.
const usageStatus = "usage-status"

// errChanges ends a command that has printed already what there is to change.
var errChanges = errors.New("something is to be changed")

// errFound ends a command that has printed already what is not in order.
var errFound = errors.New("something is not in order")

// errWaits ends a command that has printed already what it waits for.
var errWaits = errors.New("not finished yet")

// errDNS ends a command that has printed already what is wrong with DNS.
var errDNS = errors.New("DNS gives no answer that can be relied on")

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
	case errors.Is(err, errWaits):
		return exitWaits
	case errors.Is(err, errChanges):
		return exitChanges
	case errors.Is(err, errDNS):
		return exitDNS
	}
	fmt.Fprintf(stderr, "%s: %v\n", cmd.CommandPath(), err)
	if parsed && !errors.As(err, &usageError{}) {
		return exitFailed
	}
	fmt.Fprintf(stderr, "See %s --help\n", cmd.CommandPath())
	if _, other := cmd.Annotations[usageStatus]; other {
		return exitFailed
	}
	return exitUsage
}

const rootLong = `persistctl is the operator's tool of persist, the CoreDNS plugin that answers for
dns-persist-01, the ACME challenge whose TXT record stays.

Policy documents grant names to ACME accounts. They come from a directory, the
one that policies names in the Corefile, or with --vault from Vault. Vault is
reached as the VAULT_* environment variables say, such as VAULT_ADDR,
VAULT_NAMESPACE and VAULT_CACERT, and with the token that the vault command
sends: the one in VAULT_TOKEN, or else that of vault login.

stop, resume, apply and account replace write policy documents, import and export to a
directory alone, some of the commands below keys write those of keys and bundles, and the
others write nothing. keys roll-ksk and keys status --parents ask DNS servers, check
--live and caa --check a resolver too; issuer probe and account prove ask a CA. Times are
printed in UTC.

The exit status is 0 if all is well, 1 if something was found, refused or could
not be done, 2 if the command line is wrong, 3 if keys roll-ksk or check --live has
to wait, and 4 if DNS gives no answer, or none that validates. That of plan is
another one: see there.`

func newRoot() *cobra.Command {
	out := &output{}
	root := group("persistctl", "Check policy, show what is served, judge as a CA, and look after keys",
		newAccount(out),
		newApply(out),
		newAudit(out),
		newCAA(out),
		newCheck(out),
		newDelegate(out),
		newExport(out),
		newHash(out),
		newImport(out),
		newIssuer(out),
		newKeys(out),
		newLint(out),
		newPlan(out),
		newResume(out),
		newSchema(),
		newShow(out),
		newStop(out),
		newVaultPolicy(out),
		newVersion(out),
	)
	root.Long = rootLong
	root.SilenceErrors, root.SilenceUsage = true, true
	// Commands that only have others below them do nothing by themselves.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if not .HasAvailableSubCommands}}", 1))
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
