package acme

import (
	"context"
	"fmt"
	"time"
)

const (
	// name is what the certificate is for, with everything one label below it.
	name = "example.com"
	// zone is what CoreDNS serves: the one label that the owner of name has
	// delegated to it.
	zone = "_validation-persist." + name

	documentsMount = "persist"
	account        = "accounts/web/pebble/demo"
)

// allow writes what Vault's administrator says: there is a CA, and the team may
// claim the name with any account of that CA.
func (d *demo) allow(ctx context.Context) (string, error) {
	issuer := fmt.Sprintf(`{
		"issuer_domain_names": ["pebble.letsencrypt.org"],
		"account_uri_prefixes": [%q],
		"wildcard": true
	}`, d.ca.accounts())
	if err := d.vault.Put(ctx, documentsMount, "issuers/pebble", issuer); err != nil {
		return "", err
	}
	team := fmt.Sprintf(`{"domains": [%q], "issuers": ["pebble"], "wildcard": true}`, name)
	return "issuers/pebble and teams/web", d.vault.Put(ctx, documentsMount, "teams/web", team)
}

// grant writes what the team says: its account may validate the name. It says
// nothing of how long, so the record's persistUntil rolls.
func (d *demo) grant(ctx context.Context) (string, error) {
	document := fmt.Sprintf(`{"account_uri": %q, "domains": {%q: {"wildcard": true}}}`, d.client.uri(), name)
	if err := d.vault.Put(ctx, documentsMount, account, document); err != nil {
		return "", err
	}
	return account, d.bump(ctx)
}

// withdraw takes the name out of the account's document, as vault kv patch
// does.
func (d *demo) withdraw(ctx context.Context) (string, error) {
	patch := fmt.Sprintf(`{"domains": {%q: null}}`, name)
	if err := d.vault.Patch(ctx, documentsMount, account, patch); err != nil {
		return "", err
	}
	return account + " without " + name, d.bump(ctx)
}

// bump makes the server look at the documents within seconds.
func (d *demo) bump(ctx context.Context) error {
	return d.vault.Put(ctx, documentsMount, "index", fmt.Sprintf(`{"at": %d}`, time.Now().UnixNano()))
}
