package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/token"

	"github.com/hashicorp/vault/api"
)

// VaultConfig says how to reach a Vault. Where a field is empty, the VAULT_*
// environment variable counts as for every client of Vault.
type VaultConfig struct {
	Address string // https://HOST:PORT, http://LOOPBACK:PORT or unix:///PATH

	Auth         string // a name among [AuthMethods]; by default "token"
	AuthMount    string // of the auth method, by default its name
	Token        string // of token, by default that in VAULT_TOKEN
	TokenFile    string // of token_file
	RoleIDFile   string // of approle
	SecretIDFile string // of approle
	Wrapped      bool   // the file holds a wrapping token of the secret ID
	Role         string // of kubernetes and jwt, and of cert where one is asked for
	JWTFile      string // of kubernetes, by default that of the service account, and of jwt

	Mount      string // KV version 2 mount of the documents, by default "persist"
	Namespace  string
	CACert     string // PEM file
	ClientCert string // PEM file
	ClientKey  string // PEM file
}

// Vault is a store in a KV version 2 mount of a Vault server.
type Vault struct {
	client   *api.Client // without token
	identity identity
	advice   string // where a token is not valid; may be empty
	tokens   tokens
	address  string // for messages
	assumed  string // that nobody has named the address, for messages; empty where somebody has
	mount    string
	timeout  time.Duration // of one request
	now      func() time.Time
	answers  answers

	versioned sync.Map // the mounts that keep versions, as they have answered, or Vault has said

	mu   sync.Mutex
	date time.Time // the newest Date header; guarded by mu
	at   time.Time // when it came; guarded by mu
}

var _ Source = (*Vault)(nil)

// NewVault returns the store that cfg describes. It reads the TLS files and
// sends nothing: that Vault is away is no reason not to start.
func NewVault(cfg VaultConfig) (*Vault, error) {
	cfg.nameInFull()
	client, err := newClient(cfg)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	v := &Vault{
		client:  client,
		address: cmp.Or(address(cfg), client.Address()),
		assumed: assumed(cfg),
		mount:   cmp.Or(strings.Trim(cfg.Mount, "/"), "persist"),
		timeout: 10 * time.Second,
		now:     time.Now,
	}
	if set := client.ClientTimeout(); set > 0 {
		v.timeout = set
		client.SetClientTimeout(0) // one clock per request, and it is ours
	}
	v.tokens.now = func() time.Time { return v.now() }
	v.identity, v.advice, err = v.newIdentity(cfg)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	return v, nil
}

// nameInFull makes the names of files absolute: from which directory a server was
// started, messages do not say.
func (c *VaultConfig) nameInFull() {
	for _, name := range []*string{&c.TokenFile, &c.RoleIDFile, &c.SecretIDFile, &c.JWTFile, &c.CACert, &c.ClientCert, &c.ClientKey} {
		if full, err := filepath.Abs(*name); err == nil && *name != "" {
			*name = full
		}
	}
}

// newIdentity chooses how to get a token, and says what to do where Vault does
// not know it and nothing can be done here.
func (v *Vault) newIdentity(cfg VaultConfig) (i identity, advice string, err error) {
	switch cmp.Or(cfg.Auth, "token") {
	case "token":
		if cfg.Token != "" {
			return fixedToken(cfg.Token), "log in again (vault login), or set " + api.EnvVaultToken, nil
		}
		given := os.Getenv(api.EnvVaultToken)
		if given == "" {
			return nil, "", fmt.Errorf("auth token takes the token from the environment, and %s is not set there", api.EnvVaultToken)
		}
		return fixedToken(given), "start with another one in " + api.EnvVaultToken, nil
	case "token_file":
		return &tokenFile{name: cfg.TokenFile}, "let Vault Agent, or who else writes it, write another one to " + cfg.TokenFile, nil
	case "agent":
		return fixedToken(""), "does an agent listen at this address that adds its own token (auto_auth, and use_auto_auth_token in api_proxy), and can it log in?", nil
	}
	m, err := v.newMethod(cfg)
	if err != nil {
		return nil, "", err
	}
	return token.NewKeeper(issuer{v, m}, &v.tokens, func() time.Time { return v.now() }), "", nil
}

// ListenToTokens has o told what becomes of the token from now on.
func (v *Vault) ListenToTokens(o TokenObserver) { v.tokens.listen(o) }

// String is the address, namespace and mount.
func (v *Vault) String() string { return v.Place(v.mount) }

// Place is a path of this Vault, for messages: its address, namespace and the path.
func (v *Vault) Place(path string) string {
	place, err := url.JoinPath(v.address, v.client.Namespace(), path)
	if err != nil {
		return v.address + " " + path
	}
	return place
}

// Mount is that of the documents.
func (v *Vault) Mount() string { return v.mount }

// Date is from the header of the same name.
func (v *Vault) Date() (date, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.date, v.at
}

func (v *Vault) note(header http.Header) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.date, v.at = date, v.now()
}

// Close gives back a token that was obtained by logging in. No request after it
// logs in again: it fails.
func (v *Vault) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	return v.identity.Close(ctx)
}

// authorized returns a client that sends held, a token.
func (v *Vault) authorized(held string) *api.Client {
	c := v.client.WithRequestCallbacks()
	c.SetToken(held)
	return c
}

// do performs a request with the token of the moment, and once more with
// another one where that is what Vault's answer asks for.
func (v *Vault) do(ctx context.Context, r request, perform func(context.Context, *api.Client) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, v.timeout, errNoAnswer{v.timeout})
	defer cancel()
	for tries := 0; ; tries++ {
		held, err := v.identity.Token(ctx)
		switch {
		case err == nil:
		case err == ctx.Err(): // while somebody else was logging in
			return v.explain(ctx, r, err)
		default:
			return err
		}
		err = perform(ctx, v.authorized(held))
		if err == nil {
			return nil
		}
		err = v.explain(ctx, r, err)
		if !errors.Is(err, ErrDenied) || tries > 0 || !v.identity.Refused(held, errors.Is(err, ErrInvalidToken)) {
			return v.advise(err, held)
		}
	}
}

// advise adds to an error what to do about a token that is not valid. A request
// that an agent has added none to is denied like one whose policy does not
// allow it.
func (v *Vault) advise(err error, held string) error {
	if v.advice != "" && (errors.Is(err, ErrInvalidToken) || held == "" && errors.Is(err, ErrDenied)) {
		return fmt.Errorf("%w: %s", err, v.advice)
	}
	return err
}
