package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/token"

	"github.com/hashicorp/vault/api"
)

// issuer is the part of Vault that gives tokens to who logs in.
type issuer struct {
	vault  *Vault
	method *method
}

var _ token.Issuer = issuer{}

// Login implements token.Issuer.
func (i issuer) Login(ctx context.Context) (token.Grant, error) {
	ctx, cancel := i.patience(ctx)
	defer cancel()
	credentials, err := i.method.credentials(ctx)
	if err != nil {
		return token.Grant{}, err
	}
	r := request{"log in by", "auth", i.method.mount, "login"}
	made, err := i.vault.authorized("").Logical().WriteWithContext(ctx, r.path(), credentials)
	switch {
	case err != nil:
		return token.Grant{}, i.explain(ctx, r, err)
	case made == nil || made.Auth == nil || made.Auth.ClientToken == "":
		return token.Grant{}, i.explain(ctx, r, errGarbled)
	}
	return grant(made.Auth), nil
}

// Renew implements token.Issuer. A token is not to be renewed where Vault says
// so, which it does by 500 too, as when the role has other policies by now.
func (i issuer) Renew(ctx context.Context, held string) (token.Grant, error) {
	ctx, cancel := i.patience(ctx)
	defer cancel()
	r := request{"write", "auth", "token", "renew-self"}
	made, err := i.vault.authorized(held).Auth().Token().RenewSelfWithContext(ctx, 0)
	switch {
	case err == nil && (made == nil || made.Auth == nil):
		return token.Grant{}, i.explain(ctx, r, errGarbled)
	case isAnswer(err):
		return token.Grant{}, fmt.Errorf("%w: %w", token.ErrRefused, err)
	case err != nil:
		return token.Grant{}, i.explain(ctx, r, err)
	}
	return grant(made.Auth), nil
}

// isAnswer reports whether err is what Vault says to the request, and not that
// it does not look at requests now.
func isAnswer(err error) bool {
	var answer *api.ResponseError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false
	}
	return true
}

// Revoke implements token.Issuer.
func (i issuer) Revoke(ctx context.Context, held string) error {
	if err := i.vault.authorized(held).Auth().Token().RevokeSelfWithContext(ctx, ""); err != nil {
		return i.vault.explain(ctx, request{"write", "auth", "token", "revoke-self"}, err)
	}
	return nil
}

// patience is half of what a request may take, so that one which goes on with
// the token before has the other half.
func (i issuer) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	most := i.vault.timeout / 2
	return context.WithTimeoutCause(ctx, most, errNoAnswer{most})
}

// explain says what to look at when a login fails.
func (i issuer) explain(ctx context.Context, r request, err error) error {
	var answer *api.ResponseError
	if errors.As(err, &answer) && !asksForTLS(err) && (answer.StatusCode == http.StatusBadRequest || answer.StatusCode == http.StatusForbidden) {
		return i.vault.fail(r, fmt.Errorf("%w: is %s enabled at auth/%s, and %s?", refusal(answer), i.method.name, i.method.mount, i.method.look))
	}
	return i.vault.explain(ctx, r, err)
}

// refusal is an [ErrDenied] with what Vault says besides.
func refusal(answer *api.ResponseError) error {
	said := strings.Join(answer.Errors, "; ")
	if strings.Contains(said, ErrDenied.Error()) {
		return ErrDenied
	}
	return fmt.Errorf("%w: %s", ErrDenied, said)
}

func grant(auth *api.SecretAuth) token.Grant {
	return token.Grant{
		Token:     auth.ClientToken,
		TTL:       time.Duration(auth.LeaseDuration) * time.Second,
		Renewable: auth.Renewable,
		Revocable: auth.Accessor != "",
	}
}
