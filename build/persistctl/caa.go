package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// caa is what a caa command was asked for.
type caa struct {
	docs            documents
	stanza          *stanza
	at              instant
	ttl             uint32
	check           bool
	finder          servers.Finder
	issuer, account string
}

func newCAA(out *output) *cobra.Command {
	c := caa{stanza: defaultStanza()}
	cmd := &cobra.Command{
		Use:   "caa [NAME...] [DIR | --vault[=ADDRESS]]",
		Short: "Print the CAA records that match the grants, or check those in DNS",
		Long: `Print the CAA records (RFC 8659, RFC 8657) that let in what is granted at each NAME,
or at every one, and nothing else: issue and issuewild with the account's own URL,
never a hashed one, and with the validation method dns-persist-01, for each of the
CA's names. Where no grant at a name has wildcard scope, issuewild forbids it. What
is printed is a zone file. The URI of an account at a CA without ACME, of the form
opaque, is left out, because the CA may know none in CAA.

CAA records keep out every other CA, account and method that uses the name, or a name
below that has none of its own: add those that stay in use before you publish them.

With --check, read the CAA records of the names in DNS, climbing up as a CA does, and
tell whether each grant can be used: a record for its CA that names neither another
account, nor a hash, nor other methods only, and no critical property that CAs do not
know. In the place of documents, --issuer and --account say what is to be used, and
*.NAME that it is for the names below NAME.

The last argument is DIR where there is such a directory. With --check the exit
status is 1 if CAA forbids the use of any grant, and else 4 if there is no answer, or
none that validates.`,
		Example: `  persistctl caa docs/example/policies
  persistctl caa example.com api.example.com docs/example/policies -o json
  persistctl caa --vault --ttl 300`,
	}
	c.register(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		found, err := c.run(cmd, args)
		if err != nil {
			return err
		}
		return out.conclude(cmd.OutOrStdout(), found)
	}
	return cmd
}

// onlyCheck are the flags that make no sense without --check.
var onlyCheck = []string{"resolver", "issuer", "account"}

func (c *caa) register(flags *pflag.FlagSet) {
	c.docs.register(flags)
	c.at.register(flags, "leave out grants that are over at this instant")
	flags.Uint32Var(&c.ttl, "ttl", 3600, "TTL of the records in `SECONDS`")
	flags.BoolVar(&c.check, "check", false, "check the records in DNS")
	flags.Var((*resolverAddress)(&c.finder.Resolver), "resolver", "`IP[:PORT]` of the validating resolver, with --check (default the system's)")
	flags.StringVar(&c.issuer, "issuer", "", "`ISSUER-DOMAIN-NAME` of the CA, with --check and without documents")
	flags.StringVar(&c.account, "account", "", "`URI` of the account, with --check and without documents")
}

func (c *caa) run(cmd *cobra.Command, args []string) (decision, error) {
	names, dir := c.arguments(args)
	if !c.check {
		for _, name := range onlyCheck {
			if cmd.Flags().Changed(name) {
				return nil, usagef("--%s is about what DNS says: write --check too", name)
			}
		}
	}
	uses, err := c.uses(cmd.Context(), names, dir)
	switch {
	case err != nil:
		return nil, err
	case c.check:
		return checkCAA(cmd.Context(), c.finder, uses)
	}
	return newCAARecords(uses, c.ttl), nil
}

// arguments tells NAMES and DIR apart.
func (c *caa) arguments(args []string) (names []string, dir string) {
	if n := len(args) - 1; n >= 0 && c.docs.take(args[n]) {
		return args[:n], args[n]
	}
	return args, ""
}

// uses are those that the command line names, or else those of grants.
func (c *caa) uses(ctx context.Context, names []string, dir string) ([]caaUse, error) {
	if c.issuer != "" || c.account != "" {
		return c.named(names, dir)
	}
	lib, err := c.docs.loadFit(ctx, dir, c.at.orNow())
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return c.usesOf(lib.Book, slices.Collect(lib.Grants())), nil
	}
	var uses []caaUse
	for _, name := range names {
		fqdn, _, err := record.ParseFQDN(name)
		if err != nil {
			return nil, usageError{err}
		}
		at := c.usesOf(lib.Book, lib.At(fqdn))
		if len(at) == 0 {
			return nil, errors.New(noUse(lib.Book, fqdn))
		}
		uses = append(uses, at...)
	}
	return uses, nil
}

// noUse says why no grant at a name can be used.
func noUse(book *policy.Book, name record.FQDN) string {
	if len(book.At(name)) > 0 {
		return fmt.Sprintf("no grant at %s is in force: persistctl show %s says why", name.Readable(), name.Readable())
	}
	return noGrant(book, name)
}

// named are the uses that the command line names.
func (c *caa) named(names []string, dir string) ([]caaUse, error) {
	switch {
	case dir != "" || c.docs.vault != "":
		return nil, usagef("--issuer and --account stand in the place of documents: leave out one or the other")
	case len(names) == 0:
		return nil, usagef("at which name? write NAME")
	}
	issuer, err := record.CheckIssuerName(c.issuer)
	if err != nil {
		return nil, usagef("--issuer: %w", err)
	}
	if err := record.CheckAccountURI(c.account); err != nil {
		return nil, usagef("--account: %w", err)
	}
	var uses []caaUse
	for _, name := range names {
		fqdn, wildcard, err := record.ParseFQDN(name)
		if err != nil {
			return nil, usageError{err}
		}
		uses = append(uses, caaUse{
			Name: fqdn, Wildcard: wildcard, Issuers: []string{issuer}, Account: c.account,
			opaque: !strings.HasPrefix(c.account, "https://"),
		})
	}
	return uses, nil
}
