package main

import (
	"fmt"
	"io"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/spf13/cobra"
)

func newHash(out *output) *cobra.Command {
	var h hashing
	cmd := &cobra.Command{
		Use:   "hash (NAME | --any-domain) --account URI --prefix PREFIX (--thumbprint T | --jwk FILE)",
		Short: "Print the hashed account URI of an account at a name",
		Long: `Print the hashed URI (draft-ietf-acme-dns-persist-02 section 4.1) by which a TXT
record at NAME names an account without showing which one it is. The server
computes the same for grants with the form hash; this is to compare.

The account's key is given by its thumbprint, or as a JSON Web Key, of which the
public half is all that is needed and all that is taken.`,
		Example: `  persistctl hash example.com --account https://ca.example/acct/123 --prefix https://ca.example/account-hash/ --thumbprint NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
  persistctl hash --any-domain --account https://ca.example/acct/123 --prefix https://ca.example/account-hash/ --jwk account.jwk`,
		Args: arity(0, 1),
	}
	cmd.Flags().StringVar(&h.account, "account", "", "`URI` of the account, as the CA gave it")
	cmd.Flags().StringVar(&h.prefix, "prefix", "", "`PREFIX` that is accountHashPrefix in the CA's directory")
	cmd.Flags().StringVar(&h.thumbprint, "thumbprint", "", "SHA-256 thumbprint of the account key (RFC 7638), `T` of 43 characters")
	cmd.Flags().StringVar(&h.jwk, "jwk", "", "`FILE` with the public account key as a JSON Web Key (RFC 7517)")
	cmd.Flags().BoolVar(&h.anyDomain, "any-domain", false, "hash for all names alike, which tells everybody that they share an account")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		uri, err := h.uri(argument(args, 0))
		if err != nil {
			return err
		}
		return out.print(cmd.OutOrStdout(), hashedURI{uri})
	}
	return cmd
}

// hashing is what a hashed URI is made of.
type hashing struct {
	account, prefix, thumbprint, jwk string
	anyDomain                        bool
}

func (h *hashing) uri(name string) (string, error) {
	domain, err := h.domain(name)
	if err != nil {
		return "", err
	}
	if err := h.check(); err != nil {
		return "", err
	}
	thumbprint := h.thumbprint
	if h.jwk != "" {
		if thumbprint, err = thumbprintOf(h.jwk); err != nil {
			return "", err
		}
	}
	return record.HashAccountURI(h.prefix, domain, thumbprint, h.account), nil
}

// domain is the name that is hashed.
func (h *hashing) domain(name string) (record.FQDN, error) {
	switch {
	case h.anyDomain && name != "":
		return "", usagef("%s and --any-domain exclude each other: keep one of them", name)
	case h.anyDomain:
		return record.AnyDomain, nil
	case name == "":
		return "", usagef("for which name? write NAME, or --any-domain")
	}
	domain, _, err := record.ParseFQDN(name)
	if err != nil {
		return "", usageError{err}
	}
	return domain, nil
}

func (h *hashing) check() error {
	if err := record.CheckAccountURI(h.account); err != nil {
		return usagef("--account: %w", err)
	}
	if h.prefix == "" {
		return usagef("--prefix is missing: write accountHashPrefix of the CA's directory")
	}
	if err := record.CheckAccountURI(h.prefix); err != nil {
		return usagef("--prefix: %w", err)
	}
	if (h.thumbprint == "") == (h.jwk == "") {
		return usagef("write one of --thumbprint T and --jwk FILE")
	}
	if h.jwk != "" {
		return nil
	}
	if err := record.CheckThumbprint(h.thumbprint); err != nil {
		return usagef("--thumbprint: %w", err)
	}
	return nil
}

type hashedURI struct {
	AccountURI string `json:"account_uri"`
}

func (h hashedURI) text(w io.Writer) { fmt.Fprintln(w, h.AccountURI) }
