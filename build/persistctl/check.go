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
}

func newCheck(out *output) *cobra.Command {
	c := checking{stanza: defaultStanza()}
	cmd := &cobra.Command{
		Use:   "check NAME [DIR | --vault[=ADDRESS]] --issuer ISSUER-DOMAIN-NAME --account URI",
		Short: "Judge as a CA whether an account may validate NAME, and if not say why",
		Long: `Judge the records that the documents put at NAME at an instant, as a CA would
when the account asks for a certificate. NAME may start with *. to ask for a
wildcard one. Two rule sets are applied: what the validator of Let's Encrypt does
(boulder), and draft-ietf-acme-dns-persist-02 to the letter (draft-02).

What the CA knows besides, its other issuer-domain-names, its hash prefix and the
thumbprints of the account's keys, is taken from the documents. The server is
taken to have the defaults of the Corefile.

The exit status is 0 if any rule set accepts a record, and 1 if none does.`,
		Example: `  persistctl check example.com docs/example/policies --issuer letsencrypt.org --account https://acme-v02.api.letsencrypt.org/acme/acct/123
  persistctl check '*.example.com' --vault --issuer letsencrypt.org --account https://acme-v02.api.letsencrypt.org/acme/acct/123 --rules boulder`,
		Args: cobra.RangeArgs(1, 2),
	}
	c.register(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		found, err := c.run(cmd.Context(), args[0], argument(args, 1))
		if err == nil {
			err = out.print(cmd.OutOrStdout(), found)
		}
		if err == nil && !found.Accepted {
			err = errFound
		}
		return err
	}
	return cmd
}

func (c *checking) register(flags *pflag.FlagSet) {
	c.docs.register(flags)
	c.at.register(flags, "when the CA looks")
	flags.StringVar(&c.issuer, "issuer", "", "`ISSUER-DOMAIN-NAME` of the CA, like letsencrypt.org")
	flags.StringVar(&c.account, "account", "", "`URI` of the account that asks, as the CA gave it")
	flags.StringSliceVar(&c.thumbprints, "thumbprint", nil, "`THUMBPRINTS` of the account's keys (RFC 7638), with commas between, if not those of the documents")
	flags.BoolVar(&c.wildcard, "wildcard", false, "ask for a wildcard certificate, as *.NAME does")
	flags.StringVar(&c.rules, "rules", "", "apply one rule `SET` alone: boulder or draft-02")
}

func (c *checking) run(ctx context.Context, name, dir string) (*judgement, error) {
	q, err := c.question(name)
	if err != nil {
		return nil, err
	}
	rules, err := parseRules(c.rules)
	if err != nil {
		return nil, err
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
	j := newJudgement(q, c.account)
	for _, i := range book.Issuers() {
		if slices.Contains(i.Names, q.Issuers[0]) {
			q.Issuers, q.HashPrefix = i.Names, i.HashPrefix
			j.known = true
		}
	}
	j.Issuers = q.Issuers
	if len(q.Thumbprints) == 0 {
		q.Thumbprints = book.Thumbprints(c.account)
	}
	texts := j.look(book, c.stanza)
	for _, r := range rules {
		j.add(r, record.Judge(r, q, texts))
	}
	j.explain(book)
	return j
}

// parseRules returns the rule sets that name means: both where it is empty.
func parseRules(name string) ([]record.Rules, error) {
	switch name {
	case "":
		return []record.Rules{record.Boulder, record.Draft02}, nil
	case "boulder":
		return []record.Rules{record.Boulder}, nil
	case "draft-02":
		return []record.Rules{record.Draft02}, nil
	}
	return nil, usagef("--rules %q: write boulder or draft-02, or leave it out for both", name)
}
