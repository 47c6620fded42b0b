package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// mostNonces is how often a request is signed anew because the CA did not take
// its nonce (RFC 8555 section 6.5).
const mostNonces = 3

// acmeAccount is an account at a CA, as the holder of its key acts for it.
type acmeAccount struct {
	*acmeServer

	directory *directory
	key       *accountKey
	url       string
	nonce     string // of the last answer
}

// Nonce makes acmeAccount a jose.NonceSource. Each nonce is used once.
func (a *acmeAccount) Nonce() (string, error) {
	nonce := a.nonce
	if a.nonce = ""; nonce == "" {
		return "", errors.New("the CA has given no Replay-Nonce (RFC 8555 section 6.5)")
	}
	return nonce, nil
}

// asAccount has requests say which account they are of.
func (a *acmeAccount) asAccount() (jose.SigningKey, *jose.SignerOptions) {
	return jose.SigningKey{Algorithm: a.key.algorithm, Key: jose.JSONWebKey{Key: a.key.private, KeyID: a.url}}, &jose.SignerOptions{NonceSource: a}
}

// byKey has requests carry the public key and not the account.
func (a *acmeAccount) byKey() (jose.SigningKey, *jose.SignerOptions) {
	return jose.SigningKey{Algorithm: a.key.algorithm, Key: a.key.private}, &jose.SignerOptions{NonceSource: a, EmbedJWK: true}
}

// identity is one of the two above.
type identity func() (jose.SigningKey, *jose.SignerOptions)

// byKeyAlone asks for the account of the key, and makes none (RFC 8555 section
// 7.3.1).
func (a *acmeAccount) byKeyAlone(ctx context.Context) (*acmeAnswer, error) {
	return a.post(ctx, a.directory.NewAccount, a.byKey, `{"onlyReturnExisting":true}`)
}

// post sends payload to address, signed with the account key (RFC 8555 section
// 6.2). An empty payload makes it a POST-as-GET (section 6.3).
func (a *acmeAccount) post(ctx context.Context, address string, who identity, payload string) (*acmeAnswer, error) {
	for range mostNonces {
		if err := a.refill(ctx); err != nil {
			return nil, err
		}
		signed, err := a.sign(address, who, payload)
		if err != nil {
			return nil, err
		}
		answer, err := a.send(ctx, http.MethodPost, address, strings.NewReader(signed))
		if err != nil {
			return nil, err
		}
		a.nonce = answer.header.Get("Replay-Nonce")
		if answer.problem().Type != "urn:ietf:params:acme:error:badNonce" {
			return answer, nil
		}
	}
	return nil, fmt.Errorf("%s has taken none of %d nonces that the CA gave: try again", address, mostNonces)
}

// refill gets a nonce where the last answer brought none.
func (a *acmeAccount) refill(ctx context.Context) error {
	if a.nonce != "" {
		return nil
	}
	answer, err := a.send(ctx, http.MethodHead, a.directory.NewNonce, nil)
	if err != nil {
		return err
	}
	if a.nonce = answer.header.Get("Replay-Nonce"); answer.status != http.StatusOK || a.nonce == "" {
		return fmt.Errorf("%s answers %s, and not with a nonce", a.directory.NewNonce, answer)
	}
	return nil
}

func (a *acmeAccount) sign(address string, who identity, payload string) (string, error) {
	key, options := who()
	signer, err := jose.NewSigner(key, options.WithHeader("url", address))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		return "", err
	}
	return signed.FullSerialize(), nil
}
