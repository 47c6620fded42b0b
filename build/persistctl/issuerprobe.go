package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/spf13/cobra"
)

func newIssuerProbe(out *output) *cobra.Command {
	var ca, account string
	cmd := &cobra.Command{
		Use:   "probe DIRECTORY-URL",
		Short: "Make an issuer document of a CA's ACME directory",
		Long: `Read the ACME directory of a CA (RFC 8555 section 7.1.1) and print the issuer
document that follows from it, with where and when that was read. What the
directory tells of draft-ietf-acme-dns-persist goes to standard error, and so does
what is left to fill in by hand: as long as there is some, the exit status is 1.

A directory that has issuerDomainNames and accountHashPrefix speaks draft 02 or
later, where records name an account by a hash. One that has neither speaks an
earlier draft, or does not know the challenge at all: only an order shows which
challenges a CA offers, and none is made here.

No directory tells what account URIs start with. --account names one, of whatever
account at the CA, and takes it up to its last slash.

Nothing is sent but requests for the directory; a redirect to another host is
refused. Ready documents of known CAs are in build/policies/issuers.`,
		Example: `  persistctl issuer probe https://ca.example/directory --account https://ca.example/acct/123
  persistctl issuer probe https://ca.example/directory --account https://ca.example/acct/123 -o json`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&ca, "ca", "", "`FILE` of the root certificates to trust instead of the system's, in PEM")
	cmd.Flags().StringVar(&account, "account", "", "`URI` of an account at the CA, for what all of them start with")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		prefix, err := prefixOf(account)
		if err != nil {
			return err
		}
		found, err := probe(cmd, args[0], ca)
		if err != nil {
			return err
		}
		p := newProbed(found, args[0], prefix, time.Now())
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

// probe reads the directory of a CA.
func probe(cmd *cobra.Command, address, ca string) (*directory, error) {
	if err := checkHTTPS(address); err != nil {
		return nil, usageError{err}
	}
	server, err := newACMEServer(ca, withinHost)
	if err != nil {
		return nil, err
	}
	return server.directory(cmd.Context(), address)
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
// from an address at the instant at.
func newProbed(d *directory, address, prefix string, at time.Time) *probed {
	p := &probed{Document: newIssuerDocument(address, at), Check: []string{}}
	p.know(d)
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
	const unseen = "Which challenges the CA offers is seen in an order only."
	meta, doc := d.Meta, &p.Document
	doc.Names, doc.HashPrefix = meta.IssuerDomainNames, meta.AccountHashPrefix
	named, hashed := len(meta.IssuerDomainNames) > 0, meta.AccountHashPrefix != ""
	switch {
	case named && hashed:
		p.Draft = "The directory has issuerDomainNames and accountHashPrefix: it speaks draft-ietf-acme-dns-persist-02 or later. " + unseen
		doc.Forms = []record.Form{record.FormHash}
		p.Check = append(p.Check, `forms: accounts need thumbprints for "hash"; add "uri" while the CA takes records of earlier drafts too`)
		return
	case named || hashed:
		p.Draft = "The directory has only one of issuerDomainNames and accountHashPrefix, which no draft of draft-ietf-acme-dns-persist has. " + unseen
	default:
		p.Draft = "The directory has neither issuerDomainNames nor accountHashPrefix: the CA speaks draft-ietf-acme-dns-persist-01 or earlier, or none. " + unseen
	}
	if !named && len(meta.CAAIdentities) > 0 {
		doc.Names = meta.CAAIdentities
		p.Check = append(p.Check, "issuer_domain_names: they are the directory's caaIdentities, as a rule the same; a challenge has them in issuer-domain-names")
	}
}
