package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/spf13/cobra"
)

const accountProveHelp = `Ask the CA for the account at ACCOUNT-URL, by a POST-as-GET that its key signs
(draft-ietf-acme-dns-persist-02 section 4.5), and then by the key alone which account
it is of (RFC 8555 section 7.3.1). The CA must say that the account is valid, and
name the very same URL. Redirects are not followed.

This runs where the ACME client has its key, which is read, used to sign these two
requests, and neither sent nor printed. FILE is in PEM, or a JSON Web Key, as
certbot keeps it.

What is printed is for the team's document, where an administrator approves the
account, as vault kv patch takes it: the thumbprint of the key (RFC 7638), and the
proof that an issuer with require_proof asks for. It is the word of whoever ran
this, so take it over a channel that tells who that was. A patch replaces the list
of thumbprints: one that has the previous key of the account too is to be joined
by hand.`

func newAccountProve(out *output) *cobra.Command {
	var p proving
	cmd := &cobra.Command{
		Use:   "prove ACCOUNT-URL --directory DIRECTORY-URL --key FILE",
		Short: "Prove that an account URL is that of an account key, before it is approved",
		Long:  accountProveHelp,
		Example: `  persistctl account prove https://ca.example/acct/123 --directory https://ca.example/directory --key account.pem
  persistctl account prove https://ca.example/acct/123 --directory https://ca.example/directory --key account.pem --by CHG-1234`,
		Args: arity(1, 1),
	}
	cmd.Flags().StringVar(&p.address, "directory", "", "`DIRECTORY-URL` of the CA (RFC 8555 section 7.1.1)")
	cmd.Flags().StringVar(&p.file, "key", "", "`FILE` with the private key of the account")
	cmd.Flags().StringVar(&p.ca, "ca", "", "`FILE` of the root certificates to trust instead of the system's, in PEM")
	cmd.Flags().StringVar(&p.by, "by", "persistctl account prove", "`TEXT` for people, of who verified it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		account, err := p.account(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if warning := exposure(p.file); warning != "" {
			fmt.Fprintln(cmd.ErrOrStderr(), "warning:", warning)
		}
		if err := account.prove(cmd.Context()); err != nil {
			return err
		}
		return out.print(cmd.OutOrStdout(), newApproval(account, p.by, time.Now()))
	}
	return cmd
}

// proving is what a prove command was asked for.
type proving struct {
	address, file, ca, by string
}

// account reads the key and the CA's directory.
func (p *proving) account(ctx context.Context, url string) (*acmeAccount, error) {
	if err := p.check(url); err != nil {
		return nil, err
	}
	key, err := readAccountKey(p.file)
	if err != nil {
		return nil, err
	}
	server, err := newACMEServer(p.ca, nowhere)
	if err != nil {
		return nil, err
	}
	d, err := server.directory(ctx, p.address)
	if err != nil {
		return nil, err
	}
	return &acmeAccount{acmeServer: server, directory: d, key: key, url: url}, nil
}

func (p *proving) check(url string) error {
	switch {
	case p.address == "":
		return usagef("at which CA? write --directory DIRECTORY-URL")
	case p.file == "":
		return usagef("by which key? write --key FILE")
	}
	for _, u := range []string{url, p.address} {
		if err := checkHTTPS(u); err != nil {
			return usageError{err}
		}
	}
	if err := record.CheckAccountURI(url); err != nil {
		return usageError{err}
	}
	return nil
}

// prove fails unless the CA says that the account is valid, and that its URL is
// the one that was asked for.
func (a *acmeAccount) prove(ctx context.Context) error {
	answer, err := a.post(ctx, a.url, a.asAccount, "")
	if err != nil {
		return err
	}
	if err := a.accept(answer); err != nil {
		return err
	}
	answer, err = a.byKeyAlone(ctx)
	if err != nil {
		return err
	}
	if err := a.accept(answer); err != nil {
		return err
	}
	// CAs compare records octet by octet, and not as they compare URLs.
	if named := answer.header.Get("Location"); named != a.url {
		return fmt.Errorf("the CA says that the account of this key is %q, and not %s: have that URL approved", named, a.url)
	}
	return nil
}

// accept fails unless an answer is a valid account, and not one at another URL.
func (a *acmeAccount) accept(answer *acmeAnswer) error {
	var account struct {
		Status string `json:"status"`
	}
	named := answer.header.Get("Location")
	switch {
	case answer.status != http.StatusOK:
		return fmt.Errorf("the CA refuses %s to the key with the thumbprint %s: it answers %s", a.url, a.key, answer)
	case json.Unmarshal(answer.body, &account) != nil:
		return fmt.Errorf("the CA answers for %s with what is no account (RFC 8555 section 7.1.2)", a.url)
	case account.Status != "valid":
		return fmt.Errorf("the CA says that the account %s is %q, and only a valid one can be proven", a.url, account.Status)
	case named != "" && named != a.url:
		return fmt.Errorf("the CA says that the account is %q, and not %s: have that URL approved", named, a.url)
	}
	return nil
}

// approval is the part of a team document that approves one account.
type approval struct {
	Accounts map[string]approvedAccount `json:"accounts"`
}

type approvedAccount struct {
	Thumbprints []string `json:"thumbprints"`
	Proof       struct {
		VerifiedAt time.Time `json:"verified_at"`
		By         string    `json:"by"`
	} `json:"proof"`
}

// newApproval approves an account that was proven at the instant at.
func newApproval(a *acmeAccount, by string, at time.Time) approval {
	one := approvedAccount{Thumbprints: []string{a.key.thumbprint}}
	one.Proof.VerifiedAt, one.Proof.By = at.UTC().Truncate(time.Second), by
	return approval{map[string]approvedAccount{a.url: one}}
}

// text is JSON for people too: they pass it on.
func (a approval) text(w io.Writer) { _ = (&output{format{json: true}}).programs(w, a) }
