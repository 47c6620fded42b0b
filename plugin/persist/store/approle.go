package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/approle"
)

// How long a token stays that is not allowed something, before a login asks
// whether its role has been given more since: twice as long each time, so that
// what stays denied costs little. After maxRelogin without a denial it starts
// again.
const (
	relogin    = 5 * time.Minute
	maxRelogin = time.Hour
)

// errClosed is why nobody logs in any more.
var errClosed = errors.New("the store is closed")

// appRole logs in with a role ID and a secret ID when a token is needed. It
// renews the token at two thirds of its life, and logs in anew where it cannot
// be renewed, or not for long. Nothing runs in the background: requests come
// more often than tokens expire, and where they do not, the next one logs in.
type appRole struct {
	vault        *Vault
	mount        string
	roleIDFile   string
	secretIDFile string

	// mu is held while logging in, so that one login serves all requests.
	mu     sync.Mutex
	lease  *lease        // nil while there is no token
	wait   backoff       // between attempts that fail
	retry  time.Time     // when the next attempt may be made
	err    error         // of the last attempt
	pause  time.Duration // between logins for more rights
	denied time.Time     // when a token was last not allowed something
	closed bool
}

// lease is a token and the times of its life.
type lease struct {
	token     string
	revocable bool // batch tokens are not
	renewable bool
	poor      bool          // not allowed something, and to be replaced
	granted   time.Duration // its life at the login; 0: without end
	obtained  time.Time     // when the login began
	due       time.Time     // when it is to be renewed
	expires   time.Time
}

func newAppRole(v *Vault, cfg VaultConfig) *appRole {
	return &appRole{
		vault:        v,
		mount:        cmp.Or(strings.Trim(cfg.AuthMount, "/"), "approle"),
		roleIDFile:   cfg.RoleIDFile,
		secretIDFile: cfg.SecretIDFile,
	}
}

func (a *appRole) token(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return "", errClosed
	}
	now := a.vault.now()
	if (a.lease == nil || a.lease.isDue(now)) && !now.Before(a.retry) {
		a.attempt(ctx, now)
	}
	if a.lease == nil || a.lease.isOver(now) {
		return "", a.err
	}
	return a.lease.token, nil
}

// attempt obtains a lease. Where that fails, the one before goes on.
func (a *appRole) attempt(ctx context.Context, now time.Time) {
	next := a.renew(ctx, now)
	if next == nil {
		next, a.err = a.login(ctx, now)
	}
	if next == nil {
		a.retry = now.Add(a.wait.next())
		return
	}
	if a.lease != nil && a.lease.token != next.token {
		_ = a.revoke(ctx, a.lease) // where it is not allowed to, it ends by itself
	}
	a.lease, a.wait, a.retry = next, backoff{}, time.Time{}
}

// renew returns the lease with a new life, nil where it cannot be renewed or
// only for less than half of what it had: it is near its greatest age.
func (a *appRole) renew(ctx context.Context, now time.Time) *lease {
	if a.lease == nil || !a.lease.renewable || a.lease.poor || a.lease.isOver(now) {
		return nil
	}
	made, err := a.vault.authorized(a.lease.token).Auth().Token().RenewSelfWithContext(ctx, 0)
	if err != nil || made == nil || made.Auth == nil {
		return nil
	}
	next := *a.lease
	life := time.Duration(made.Auth.LeaseDuration) * time.Second
	if life < next.granted/2 {
		return nil
	}
	next.live(now, life)
	return &next
}

func (a *appRole) login(ctx context.Context, now time.Time) (*lease, error) {
	roleID, err1 := readFile(a.roleIDFile)
	secretID, err2 := readFile(a.secretIDFile)
	if err := cmp.Or(err1, err2); err != nil {
		return nil, fmt.Errorf("%w: there is nothing to log in with: %w", ErrDenied, err)
	}
	method, err := approle.NewAppRoleAuth(trimmed(roleID), &approle.SecretID{FromString: trimmed(secretID)}, approle.WithMountPath(a.mount))
	if err != nil {
		return nil, fmt.Errorf("%w: %w: see %s and %s", ErrDenied, err, a.roleIDFile, a.secretIDFile)
	}
	made, err := method.Login(ctx, a.vault.client)
	if err != nil {
		return nil, a.explain(ctx, err)
	}
	if made == nil || made.Auth == nil || made.Auth.ClientToken == "" {
		return nil, a.explain(ctx, errGarbled)
	}
	l := &lease{
		token:     made.Auth.ClientToken,
		revocable: made.Auth.Accessor != "",
		renewable: made.Auth.Renewable,
		granted:   time.Duration(made.Auth.LeaseDuration) * time.Second,
		obtained:  now,
	}
	l.live(now, l.granted)
	return l, nil
}

func trimmed(text []byte) string { return strings.TrimSpace(string(text)) }

// explain says what to look at when a login fails.
func (a *appRole) explain(ctx context.Context, err error) error {
	r := request{"log in by", "auth", a.mount, "login"}
	var answer *api.ResponseError
	if errors.As(err, &answer) && (answer.StatusCode == http.StatusBadRequest || answer.StatusCode == http.StatusForbidden) {
		return a.vault.fail(r, fmt.Errorf("%w: %s: is approle enabled at auth/%s, and are the role ID in %s and the secret ID in %s valid?",
			ErrDenied, strings.Join(answer.Errors, "; "), a.mount, a.roleIDFile, a.secretIDFile))
	}
	return a.vault.explain(ctx, r, err)
}

func (a *appRole) refused(token string, invalid bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.vault.now()
	switch {
	case a.lease == nil || a.lease.token != token:
		return true // there is another one already
	case invalid:
		a.lease = nil
		return true
	}
	if now.Sub(a.denied) >= maxRelogin {
		a.pause = relogin
	}
	a.denied = now
	if !a.lease.poor && now.Sub(a.lease.obtained) >= a.pause {
		a.lease.poor = true
		a.pause = min(2*a.pause, maxRelogin)
	}
	return a.lease.poor
}

// close revokes the token. From then on there is none.
func (a *appRole) close(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lease
	a.lease, a.closed = nil, true
	if l == nil {
		return nil
	}
	return a.revoke(ctx, l)
}

// revoke ends a token, if it is not over and not one that just ends.
func (a *appRole) revoke(ctx context.Context, l *lease) error {
	if !l.revocable || l.isOver(a.vault.now()) {
		return nil
	}
	if err := a.vault.authorized(l.token).Auth().Token().RevokeSelfWithContext(ctx, ""); err != nil {
		return a.vault.explain(ctx, request{"write", "auth", "token", "revoke-self"}, err)
	}
	return nil
}

// live sets the times of a life that begins at now; 0 is without end.
func (l *lease) live(now time.Time, life time.Duration) {
	l.due, l.expires = time.Time{}, time.Time{}
	if life > 0 {
		l.due, l.expires = now.Add(spread(life*2/3)), now.Add(life)
	}
}

func (l *lease) isDue(now time.Time) bool {
	return l.poor || !l.due.IsZero() && !now.Before(l.due)
}

func (l *lease) isOver(now time.Time) bool { return !l.expires.IsZero() && !now.Before(l.expires) }
