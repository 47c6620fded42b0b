package store

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/hashicorp/vault/api"
)

// The largest answers that are read, in octets: a document with what Vault says
// about it, and a listing of some hundred thousand names.
const (
	maxAnswer  = MaxDocument + 256<<10
	maxListing = 32 << 20
)

// newClient returns a client without token that is set up by the environment
// and, before it, by cfg.
func newClient(cfg VaultConfig) (*api.Client, error) {
	c := api.DefaultConfig()
	if c.Error != nil {
		return nil, withoutURL(c.Error)
	}
	if cfg.Address != "" {
		c.Address, c.AgentAddress = cfg.Address, ""
	}
	c.MaxRetries = 0 // to try again is for the watcher, which knows when
	if os.Getenv(api.EnvVaultClientTimeout) == "" {
		c.Timeout = 0
	}
	transport := c.HttpClient.Transport.(*http.Transport)
	transport.MaxIdleConnsPerHost = workers // or all but a few would be closed after each request
	if err := checkTLS(transport); err != nil {
		return nil, err
	}
	if err := checkAddress(cmp.Or(c.AgentAddress, c.Address)); err != nil {
		return nil, err
	}
	client, err := api.NewClient(c)
	if err != nil {
		return nil, err
	}
	if err := checkTransport(client.Address(), transport); err != nil {
		return nil, err
	}
	rotating, err := newRotating(transport, newTLSFiles(cfg))
	if err != nil {
		return nil, err
	}
	c.HttpClient.Transport = guard{rotating}
	client.ClearToken()
	if cfg.Namespace != "" {
		client.SetNamespace(cfg.Namespace)
	}
	return client, nil
}

// address is what the user wrote, where it tells more than a client's address:
// that of a unix socket is http://localhost to the client.
func address(cfg VaultConfig) string {
	a := cmp.Or(cfg.Address, os.Getenv(api.EnvVaultAgentAddr), os.Getenv(api.EnvVaultAddress))
	if strings.HasPrefix(a, "unix://") {
		return a
	}
	return ""
}

// assumed says that nobody has named the address: what a terminal has in its
// environment, the service of systemd has not.
func assumed(cfg VaultConfig) string {
	if cmp.Or(cfg.Address, os.Getenv(api.EnvVaultAgentAddr), os.Getenv(api.EnvVaultAddress)) != "" {
		return ""
	}
	return fmt.Sprintf(": %s is not set, so this is the default address of Vault's clients", api.EnvVaultAddress)
}

// checkTLS refuses to go without the checks of TLS.
func checkTLS(t *http.Transport) error {
	if t.TLSClientConfig.InsecureSkipVerify {
		return fmt.Errorf("%s would let anybody be the store: unset it, and name the CA that vouches for it", api.EnvVaultSkipVerify)
	}
	return nil
}

// withoutURL drops the URL that could not be parsed, and the piece of it that is
// to blame: either may be a password.
func withoutURL(err error) error {
	if _, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("the proxy in %s or %s cannot be parsed: write http://HOST:PORT", api.EnvVaultProxyAddr, api.EnvHTTPProxy)
	}
	return err
}

// checkAddress refuses what is no address. Where that may hold a password it is
// not shown.
func checkAddress(address string) error {
	if strings.HasPrefix(address, "unix:///") {
		return nil // an @ in it is part of a file's name
	}
	if strings.Contains(address, "@") {
		return errors.New("the address holds a user name: remove it, tokens are given by auth")
	}
	if _, err := url.Parse(address); err != nil {
		return errors.New("the address cannot be parsed: write https://HOST:PORT")
	}
	return nil
}

// checkTransport refuses to send a token over a network in the clear.
func checkTransport(address string, transport *http.Transport) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q is no address: write https://HOST:PORT", address)
	case u.Scheme == "https":
		return nil
	}
	if proxy, err := transport.Proxy(&http.Request{URL: u}); err != nil || proxy != nil {
		return fmt.Errorf("%s would send the token to a proxy in the clear: use https", address)
	}
	if u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
		return fmt.Errorf("%s would send the token over the network in the clear: use https", address)
	}
	return nil
}

// guard is a transport that stays with the host it was given, and that does
// not read without end.
type guard struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if to, err := resp.Location(); err == nil && (to.Host != r.URL.Host || to.Scheme != r.URL.Scheme) {
		resp.Body.Close()
		return nil, fmt.Errorf("it sends us to %s://%s, where the token must not go: name that address instead, or let standby nodes forward requests", to.Scheme, to.Host)
	}
	most := int64(maxAnswer)
	if r.URL.Query().Has("list") {
		most = maxListing
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, most)
	return resp, nil
}
