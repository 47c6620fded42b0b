package main

import (
	"context"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// checking is what a check command was asked for.
type checking struct {
	docs        documents
	stanza      *stanza
	at          instant
	issuer      string
	account     string
	thumbprints []string
	wildcard    bool
	rules       string
	live        live
	all         bool
	addresses   addresses
}

const checkLong = `Judge the records that the documents put at NAME at an instant, as a CA would
when the account asks for a certificate. NAME may start with *. to ask for a
wildcard one. Two rule sets are applied: what the validator of Let's Encrypt does
(boulder), and draft-ietf-acme-dns-persist-02 to the letter (draft-02).

What the CA knows besides, its other issuer-domain-names, its hash prefix and the
thumbprints of the account's keys, is taken from the documents. The server is
taken to have the defaults of the Corefile: write what stands there besides, such as
--zone with --cuts or --denial nsec, which serve no name of a subtree. With --targets,
the CNAME that leads from the name to --zone is taken to be there; to a name inside of
--zone none can lead, and its records are not found.

With --live, judge the records that DNS has instead, as every server of the zone
serves them, in its NS RRset or in the delegation at its parent, and as a validating
resolver has them. In what the two differ is told. CNAME records are followed. Where documents are named, what is served is held against them too, apart
from the step that persistUntil is at. --at is when the CA looks at the records; DNS
is asked now. The status of each server, and of all together, is one of these:

  ok            there is a record that the CA accepts
  missing       there is no record for the CA
  wrong         its records are for another account, scope or form, or differ from
                the documents
  unparseable   the CA cannot read its records
  expired       persistUntil has passed
  unacceptable  no record at all would be accepted, as for an IP address without a hash
  not_yet       some have the record and others not, or the grant has not begun
  dns_error     there is no answer
  bogus         the answer does not validate

The resolver is trusted to validate: ask one on this machine, or on a network that is
safe. Signatures of servers are held against the DNSKEY RRset that it has validated.
bogus at one server makes all of it bogus.

With --live --all, do so for every grant of the documents, or of those in --zone, that
has a record, 16 at a time, and print those that are not ok and how many there are of
each status. The names of an IP prefix that fare alike are one line.

The exit status is 0 if any rule set accepts a record, and 1 if none does. With --live
it is 0 for ok, 3 for not_yet, 4 for dns_error and bogus, and 1 for the others; with
--all it is 1 if there are any of those, else 4, else 3. What is unacceptable does not
count there, as nothing in DNS puts it right and lint warns of it, unless all is.`

func newCheck(out *output) *cobra.Command {
	c := checking{stanza: defaultStanza()}
	cmd := &cobra.Command{
		Use:   "check NAME [DIR | --vault[=ADDRESS]] [--live] --issuer ISSUER-DOMAIN-NAME --account URI",
		Short: "Judge as a CA whether an account may validate NAME, and if not say why",
		Long:  checkLong,
		Example: `  persistctl check example.com docs/example/policies --issuer letsencrypt.org --account https://acme-v02.api.letsencrypt.org/acme/acct/123
  persistctl check '*.example.com' --vault --issuer letsencrypt.org --account https://acme-v02.api.letsencrypt.org/acme/acct/123 --rules boulder`,
		Args: arity(0, 2),
	}
	c.register(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.live.check(cmd.Flags()); err != nil {
			return err
		}
		found, err := c.decide(cmd, args)
		if err != nil {
			return err
		}
		return out.conclude(cmd.OutOrStdout(), found)
	}
	return cmd
}

func (c *checking) register(flags *pflag.FlagSet) {
	c.docs.register(flags)
	c.stanza.registerRecords(flags)
	c.at.register(flags, "when the CA looks")
	c.live.register(flags)
	flags.StringVar(&c.issuer, "issuer", "", "`ISSUER-DOMAIN-NAME` of the CA, like letsencrypt.org")
	flags.StringVar(&c.account, "account", "", "`URI` of the account that asks, as the CA gave it")
	flags.StringSliceVar(&c.thumbprints, "thumbprint", nil, "`THUMBPRINTS` of the account's keys (RFC 7638), with commas between, if not those of the documents")
	flags.BoolVar(&c.wildcard, "wildcard", false, "ask for a wildcard certificate, as *.NAME does")
	flags.BoolVar(&c.all, "all", false, "with --live, check every grant that has a record, in the place of NAME, --issuer and --account")
	c.addresses.register(flags)
	flags.Lookup("addresses").Usage += ", with --all"
	flags.StringVar(&c.rules, "rules", "", "apply one rule `SET` alone: boulder or draft-02")
}

// ofOne are the flags that say what is to be checked, and make no sense with --all.
var ofOne = []string{"issuer", "account", "thumbprint", "wildcard", "hash-prefix"}

// decide checks NAME, or everything that is granted.
func (c *checking) decide(cmd *cobra.Command, args []string) (decision, error) {
	switch {
	case !c.all && len(args) == 0:
		return nil, usagef("an argument is missing: write persistctl %s, or --live --all for every grant", cmd.Use)
	case !c.all:
		return c.run(cmd.Context(), args[0], argument(args, 1))
	case !c.live.on:
		return nil, usagef("--all asks DNS for every grant: write --live too; persistctl show has what is granted")
	case len(args) > 1:
		return nil, usagef("--all takes no NAME, and %q is an argument too many: leave out one of them", args[0])
	}
	for _, name := range ofOne {
		if cmd.Flags().Changed(name) {
			return nil, usagef("--all takes what is granted from the documents: leave out --%s", name)
		}
	}
	rules, err := parseRules(c.rules)
	if err == nil {
		err = c.stanza.check()
	}
	if err != nil {
		return nil, err
	}
	return c.sweep(cmd.Context(), argument(args, 0), rules)
}

func (c *checking) run(ctx context.Context, name, dir string) (decision, error) {
	q, err := c.question(name)
	if err == nil {
		err = c.stanza.check()
	}
	if err == nil {
		err = c.stanza.serves(q.FQDN)
	}
	if err != nil {
		return nil, err
	}
	rules, err := parseRules(c.rules)
	if err != nil {
		return nil, err
	}
	if c.live.on {
		return c.sight(ctx, dir, q, rules)
	}
	lib, err := c.docs.loadFit(ctx, dir, q.At)
	if err != nil {
		return nil, err
	}
	return c.judge(lib.Book, q, rules), nil
}

// question is what the command line says of what the CA is asked.
func (c *checking) question(name string) (record.Question, error) {
	q := record.Question{At: c.at.orNow(), AccountURIs: []string{c.account}, Thumbprints: c.thumbprints}
	var err error
	if q.FQDN, q.Wildcard, err = record.ParseFQDN(name); err != nil {
		return q, usageError{err}
	}
	q.Wildcard = q.Wildcard || c.wildcard
	issuer, err := record.CheckIssuerName(c.issuer)
	if err != nil {
		return q, usagef("--issuer: %w", err)
	}
	q.Issuers = []string{issuer}
	if err := record.CheckAccountURI(c.account); err != nil {
		return q, usagef("--account: %w", err)
	}
	for _, t := range c.thumbprints {
		if err := record.CheckThumbprint(t); err != nil {
			return q, usagef("--thumbprint: %w", err)
		}
	}
	return q, nil
}

// judge completes q from the documents and decides it.
func (c *checking) judge(book *policy.Book, q record.Question, rules []record.Rules) *judgement {
	q = completed(q, book)
	j := &judgement{asked: newAsked(q), told: newTold()}
	texts := j.look(book, c.stanza, j.asked)
	j.Verdicts, j.Accepted = decide(q, rules, texts)
	j.explain(book, c.stanza, j.asked)
	j.overlaps(c.stanza.grantsAt(book, q.FQDN), q, rules, j.Verdicts)
	return j
}

// completed adds to q what the documents tell of the CA and of the account. Where
// several documents name the issuer, the last one counts.
func completed(q record.Question, book *policy.Book) record.Question {
	issuer := q.Issuers[0]
	for _, i := range book.Issuers() {
		if slices.Contains(i.Names, issuer) {
			q.Issuers, q.HashPrefix = i.Names, i.HashPrefix
		}
	}
	if len(q.Thumbprints) == 0 {
		q.Thumbprints = book.Thumbprints(q.AccountURIs[0])
	}
	return q
}

// bothRules are the rule sets that there are.
var bothRules = []record.Rules{record.Boulder, record.Draft02}

// parseRules returns the rule sets that name means: both where it is empty.
func parseRules(name string) ([]record.Rules, error) {
	switch name {
	case "":
		return bothRules, nil
	case "boulder":
		return []record.Rules{record.Boulder}, nil
	case "draft-02":
		return []record.Rules{record.Draft02}, nil
	}
	return nil, usagef("--rules %q: write boulder or draft-02, or leave it out for both", name)
}
