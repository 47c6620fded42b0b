package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// offer is what an order shows of a CA and its directory does not.
type offer struct {
	name      string   // that was ordered
	offered   bool     // dns-persist-01 is among the challenges
	drafted02 bool     // it spells them as draft-ietf-acme-dns-persist-02 does
	issuers   []string // issuer-domain-names of the challenge
}

// asking is what may be asked of a CA by somebody who has an account there.
type asking struct {
	file string // with the private key of the account
	name string // to order
}

func (q *asking) check() error {
	switch {
	case q.name != "" && q.file == "":
		return usagef("--order %s takes an account: write --key FILE too", q.name)
	case q.name == "":
		return nil
	}
	_, _, err := record.ParseFQDN(q.name)
	if err != nil {
		return usageError{fmt.Errorf("--order: %w", err)}
	}
	return nil
}

// ask finds the URL of the account, and what an order of it shows, nil where
// none is wanted.
func (q *asking) ask(ctx context.Context, d *directory, key *accountKey, ca string) (url string, shown *offer, err error) {
	server, err := newACMEServer(ca, nowhere)
	if err != nil {
		return "", nil, err
	}
	a := &acmeAccount{acmeServer: server, directory: d, key: key}
	if err := a.find(ctx); err != nil || q.name == "" {
		return a.url, nil, err
	}
	shown, err = a.order(ctx, q.name)
	return a.url, shown, err
}

// find asks the CA which account the key is of.
func (a *acmeAccount) find(ctx context.Context) error {
	answer, err := a.byKeyAlone(ctx)
	if err != nil {
		return err
	}
	if a.url = answer.header.Get("Location"); answer.status != http.StatusOK || checkHTTPS(a.url) != nil {
		return fmt.Errorf("the CA has no account of the key with the thumbprint %s: it answers %s", a.key, answer)
	}
	return nil
}

// order opens an order for a name, looks at what may validate it, and gives the
// authorization back unused (RFC 8555 sections 7.4 and 7.5.2).
func (a *acmeAccount) order(ctx context.Context, name string) (*offer, error) {
	if checkHTTPS(a.directory.NewOrder) != nil {
		return nil, errors.New("the directory has no newOrder")
	}
	wanted, err := json.Marshal(map[string]any{"identifiers": []any{map[string]string{"type": "dns", "value": name}}})
	if err != nil {
		return nil, err
	}
	var opened struct {
		Authorizations []string `json:"authorizations"`
	}
	if err := a.ask(ctx, a.directory.NewOrder, string(wanted), http.StatusCreated, &opened); err != nil {
		return nil, err
	}
	if len(opened.Authorizations) != 1 || checkHTTPS(opened.Authorizations[0]) != nil {
		return nil, fmt.Errorf("the CA opens an order for %s without an authorization", name)
	}
	return a.look(ctx, name, opened.Authorizations[0])
}

// look reads an authorization and deactivates it.
func (a *acmeAccount) look(ctx context.Context, name, address string) (*offer, error) {
	var authorization struct {
		Challenges []struct {
			Type    string   `json:"type"`
			Issuers []string `json:"issuerDomainNames"`
			Earlier []string `json:"issuer-domain-names"` // draft-ietf-acme-dns-persist-01 and before
		} `json:"challenges"`
	}
	if err := a.ask(ctx, address, "", http.StatusOK, &authorization); err != nil {
		return nil, err
	}
	o := &offer{name: name}
	for _, c := range authorization.Challenges {
		if c.Type == "dns-persist-01" {
			o.offered, o.drafted02, o.issuers = true, len(c.Issuers) > 0, c.Issuers
			if !o.drafted02 {
				o.issuers = c.Earlier
			}
		}
	}
	return o, a.ask(ctx, address, `{"status":"deactivated"}`, http.StatusOK, nil)
}

// ask posts payload as the account, wants a status, and reads the answer into
// one that is not nil.
func (a *acmeAccount) ask(ctx context.Context, address, payload string, status int, into any) error {
	answer, err := a.post(ctx, address, a.asAccount, payload)
	switch {
	case err != nil:
		return err
	case answer.status != status:
		return fmt.Errorf("%s answers %s", address, answer)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(answer.body, into); err != nil {
		return fmt.Errorf("%s answers with what is no JSON object of ACME", address)
	}
	return nil
}
