package acme

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certcrypto"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge/dnspersist01"
	"github.com/go-acme/lego/v5/lego"
	legolog "github.com/go-acme/lego/v5/log"
	"github.com/go-acme/lego/v5/registration"
)

// client is an ACME client with an account of its own.
type client struct {
	ca      *pebble
	http    *http.Client
	key     crypto.Signer
	account *acme.ExtendedAccount // nil until registered
}

// GetEmail, GetRegistration and GetPrivateKey make client a registration.User.

func (c *client) GetEmail() string                       { return "" }
func (c *client) GetRegistration() *acme.ExtendedAccount { return c.account }
func (c *client) GetPrivateKey() crypto.Signer           { return c.key }
func (c *client) uri() string                            { return c.account.Location }

// newClient registers a new account with the CA.
func newClient(ctx context.Context, ca *pebble) (*client, error) {
	legolog.SetDefault(slog.New(slog.DiscardHandler)) // errors say enough
	key, err := certcrypto.GeneratePrivateKey(certcrypto.EC256)
	if err != nil {
		return nil, err
	}
	c := &client{
		ca:  ca,
		key: key,
		http: &http.Client{
			Timeout:   10 * time.Second,
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.roots, MinVersion: tls.VersionTLS12}},
		},
	}
	l, err := c.lego()
	if err != nil {
		return nil, err
	}
	c.account, err = l.Registration.Register(ctx, registration.RegisterOptions{TermsOfServiceAgreed: true})
	return c, err
}

// lego returns a lego client that acts for the account.
func (c *client) lego() (*lego.Client, error) {
	config := lego.NewConfig(c)
	config.CADirURL = c.ca.directory()
	config.HTTPClient = c.http
	return lego.NewClient(config)
}

// obtain gets a certificate for names, by dns-persist-01 alone.
//
// Before lego asks the CA, it looks for a record that names until exactly, and
// if it finds none asks on standard input for another one. A record that rolls
// fits therefore only a client that is told what is published now: as here, or
// with lego's --dns-persist.persist-until. It asks no authoritative server: it would
// at port 53 of the addresses that the system's resolver has for them.
func (c *client) obtain(ctx context.Context, resolver string, until time.Time, names ...string) (*x509.Certificate, error) {
	return c.obtainWith(ctx, resolver, names,
		dnspersist01.WithPersistUntil(until),
		dnspersist01.DisableAuthoritativeNssPropagationRequirement(),
	)
}

// obtainWith gets a certificate with options of lego, each of which is a flag of
// its command.
func (c *client) obtainWith(ctx context.Context, resolver string, names []string, options ...dnspersist01.ChallengeOption) (*x509.Certificate, error) {
	dnspersist01.SetDefaultClient(dnspersist01.NewClient(&dnspersist01.Options{RecursiveNameservers: []string{resolver}}))
	l, err := c.lego()
	if err != nil {
		return nil, err
	}
	if err := l.Challenge.SetDNSPersist01(options...); err != nil {
		return nil, err
	}
	obtained, err := l.Certificate.Obtain(ctx, certificate.ObtainRequest{Domains: names, KeyType: certcrypto.EC256})
	if err != nil {
		return nil, err
	}
	return verified(obtained)
}

// verified returns the certificate that lego obtained, if the issuer that came
// with it has signed it.
func verified(obtained *certificate.Resource) (*x509.Certificate, error) {
	leaf, err := certcrypto.ParsePEMCertificate(obtained.Certificate)
	if err != nil {
		return nil, err
	}
	issuer, err := certcrypto.ParsePEMCertificate(obtained.IssuerCertificate)
	if err != nil {
		return nil, err
	}
	if err := leaf.CheckSignatureFrom(issuer); err != nil {
		return nil, fmt.Errorf("the certificate is not signed by its issuer: %w", err)
	}
	return leaf, nil
}
