package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/spf13/cobra"
)

const issuerProbeHelp = `Read the ACME directory of a CA (RFC 8555 section 7.1.1) and print the issuer
document that follows from it, with where and when that was read. What the
directory tells of draft-ietf-acme-dns-persist goes to standard error, and so does
what is left to fill in by hand: as long as there is some, the exit status is 1.

A directory that has issuerDomainNames and accountHashPrefix speaks draft 02 or
later, where records name an account by a hash. One that has neither speaks an
earlier draft, or does not know the challenge at all: only an order shows which
challenges a CA offers. With --order, one is opened for NAME by the account whose
key --key has, and what it asks for is given back unused; the key is neither sent
nor printed.

No directory tells what account URIs start with. --account names one, of whatever
account at the CA, and takes it up to its last slash; --key has the CA name its
account.

Without --key nothing is sent but requests for the directory. A redirect to another
host is refused. Ready documents of known CAs are in build/policies/issuers.`

func newIssuerProbe(out *output) *cobra.Command {
	var ca, account string
	var q asking
	cmd := &cobra.Command{
		Use:   "probe DIRECTORY-URL",
		Short: "Make an issuer document of a CA's ACME directory",
		Long:  issuerProbeHelp,
		Example: `  persistctl issuer probe https://ca.example/directory --account https://ca.example/acct/123
  persistctl issuer probe https://ca.example/directory --account https://ca.example/acct/123 -o json
  persistctl issuer probe https://ca.example/directory --key account.pem --order example.com`,
		Args: arity(1, 1),
	}
	cmd.Flags().StringVar(&ca, "ca", "", "`FILE` of the root certificates to trust instead of the system's, in PEM")
	cmd.Flags().StringVar(&account, "account", "", "`URI` of an account at the CA, for what all of them start with")
	cmd.Flags().StringVar(&q.file, "key", "", "`FILE` with the private key of an account at the CA")
	cmd.Flags().StringVar(&q.name, "order", "", "`NAME` to open an order for, with --key")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := probe(cmd.Context(), args[0], ca, account, &q)
		if err != nil {
			return err
		}
		if warning := exposure(q.file); warning != "" {
			fmt.Fprintln(cmd.ErrOrStderr(), "warning:", warning)
		}
		if err := out.print(cmd.OutOrStdout(), p); err != nil {
			return err
		}
		p.remarks(out.people(cmd.ErrOrStderr()))
		if len(p.ToDo) > 0 {
			return errFound
		}
		return nil
	}
	return cmd
}

// probe reads the directory of a CA, asks it what q wants, and makes the document
// that follows.
func probe(ctx context.Context, address, ca, account string, q *asking) (*probed, error) {
	if err := checkHTTPS(address); err != nil {
		return nil, usageError{err}
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	prefix, err := prefixOf(account)
	if err != nil {
		return nil, err
	}
	var key *accountKey
	if q.file != "" { // before anything is asked for it
		if key, err = readAccountKey(q.file); err != nil {
			return nil, err
		}
	}
	server, err := newACMEServer(ca, withinHost)
	if err != nil {
		return nil, err
	}
	d, err := server.directory(ctx, address)
	if err != nil {
		return nil, withReady(err)
	}
	var shown *offer
	if key != nil {
		url, o, err := q.ask(ctx, d, key, ca)
		if err != nil {
			return nil, err
		}
		if shown = o; prefix == "" {
			prefix, _ = prefixOf(url) // else it stays to do
		}
	}
	return newProbed(d, shown, address, prefix, time.Now()), nil
}

// withReady says where documents are that take no directory, where the CA is not reached.
func withReady(err error) error {
	if _, unreached := errors.AsType[*url.Error](err); unreached {
		return fmt.Errorf("%w: documents of known CAs, which take no directory, are in build/policies/issuers", err)
	}
	return err
}

// prefixOf is what the URIs of all accounts start with that are named like uri,
// empty where that is.
func prefixOf(uri string) (string, error) {
	if uri == "" {
		return "", nil
	}
	if err := record.CheckAccountURI(uri); err != nil {
		return "", usagef("--account: %w", err)
	}
	prefix := uri[:strings.LastIndexByte(uri, '/')+1]
	if prefix == uri || strings.Count(prefix, "/") < 3 {
		return "", usagef("--account %s has nothing after a slash of its path: write the URI of one account, as the CA gave it", uri)
	}
	return prefix, nil
}

// probed is what a directory tells of its CA.
type probed struct {
	Draft    string         `json:"draft"`
	Document issuerDocument `json:"document"`
	Check    []string       `json:"check"` // what is likely, and to be held against another source
	ToDo     []string       `json:"to_do"` // for which a server would reject the document

	presumed bool // the names of the issuer are not those that the CA gives for this challenge
}

func (p *probed) text(w io.Writer) { _, _ = w.Write(p.Document.body()) }

// remarks tells people what the document itself does not.
func (p *probed) remarks(w io.Writer) {
	fmt.Fprintln(w, p.Draft)
	for _, line := range p.Check {
		fmt.Fprintln(w, "check:", line)
	}
	for _, line := range p.ToDo {
		fmt.Fprintln(w, "to do:", line)
	}
}

// newProbed makes the document that follows from the directory d, which was read
// from an address at the instant at, and from what an order has shown, nil where
// there was none.
func newProbed(d *directory, shown *offer, address, prefix string, at time.Time) *probed {
	p := &probed{Document: newIssuerDocument(address, at), Check: []string{}}
	p.know(d)
	p.see(shown)
	if prefix != "" {
		p.Document.Prefixes = []string{prefix}
		p.Check = append(p.Check, fmt.Sprintf("account_uri_prefixes: all accounts must start with %s, and nothing that is another's", prefix))
	}
	p.ToDo = p.Document.faults(at)
	return p
}

// know takes over which draft the directory speaks, and what that has records
// say.
func (p *probed) know(d *directory) {
	meta, doc := d.Meta, &p.Document
	doc.Names, doc.HashPrefix = meta.IssuerDomainNames, meta.AccountHashPrefix
	named, hashed := len(meta.IssuerDomainNames) > 0, meta.AccountHashPrefix != ""
	switch {
	case named && hashed:
		p.Draft = "The directory has issuerDomainNames and accountHashPrefix: it speaks draft-ietf-acme-dns-persist-02 or later."
		doc.Forms = []record.Form{record.FormHash}
		p.Check = append(p.Check, `forms: accounts need thumbprints for "hash"; add "uri" while the CA takes records of earlier drafts too`)
	case named || hashed:
		p.Draft = "The directory has only one of issuerDomainNames and accountHashPrefix, which no draft of draft-ietf-acme-dns-persist has."
	default:
		p.Draft = "The directory has neither issuerDomainNames nor accountHashPrefix: the CA speaks draft-ietf-acme-dns-persist-01 or earlier, or none."
	}
	if !named {
		doc.Names = meta.CAAIdentities
	}
	p.presumed = !named && len(meta.CAAIdentities) > 0
}

// see takes over what an order has shown, which is more than a directory says.
func (p *probed) see(o *offer) {
	switch {
	case o == nil:
		p.Draft += " Which challenges the CA offers is seen in an order only: see --order."
	case !o.offered:
		p.Draft += fmt.Sprintf(" An order for %s does not offer dns-persist-01: the CA would take no record.", o.name)
	default:
		p.Draft += fmt.Sprintf(" An order for %s offers dns-persist-01, as %s.", o.name, o.draft())
		if len(o.issuers) > 0 {
			p.Document.Names, p.presumed = o.issuers, false
		}
	}
	if p.presumed {
		p.Check = append(p.Check, "issuer_domain_names: they are the directory's caaIdentities, as a rule the same; a challenge has them in issuer-domain-names")
	}
}

// draft is which one the challenge is spelled by.
func (o *offer) draft() string {
	if o.drafted02 {
		return "draft-ietf-acme-dns-persist-02 spells it"
	}
	return "draft-ietf-acme-dns-persist-01 and earlier ones spell it"
}
