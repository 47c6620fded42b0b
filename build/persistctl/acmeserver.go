package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	acmeTimeout = 30 * time.Second // for one request, from its name's look-up to its last octet
	mostACME    = 1 << 18          // octets of an answer
	mostHops    = 5                // redirects
)

// acmeServer is a CA that speaks ACME (RFC 8555), over HTTPS and nothing else.
type acmeServer struct {
	client *http.Client
}

// redirects says whether one is followed, as http.Client asks it.
type redirects func(next *http.Request, before []*http.Request) error

// withinHost follows a redirect that stays at its host.
func withinHost(next *http.Request, before []*http.Request) error {
	if first := before[0].URL; next.URL.Scheme != "https" || next.URL.Host != first.Host {
		return fmt.Errorf("it redirects from %s to %s: write the address that the CA gives as its own", first.Host, next.URL.Redacted())
	}
	if len(before) > mostHops {
		return fmt.Errorf("it redirects more than %d times", mostHops)
	}
	return nil
}

// nowhere follows none: what is signed is for the URL that was signed.
func nowhere(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// newACMEServer trusts the roots in the file ca, those of the system where that
// is empty.
func newACMEServer(ca string, follow redirects) (*acmeServer, error) {
	roots, err := rootsIn(ca)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	transport.MaxResponseHeaderBytes = mostACME
	return &acmeServer{&http.Client{Timeout: acmeTimeout, Transport: transport, CheckRedirect: follow}}, nil
}

// rootsIn returns the certificates of a PEM file, nil where none is named.
func rootsIn(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file) // #nosec G304 -- the operator's choice
	if err != nil {
		return nil, usagef("--ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, usagef("--ca %s holds no certificate in PEM: write the file of the root that the CA's HTTPS server is under", file)
	}
	return roots, nil
}

// checkHTTPS refuses what is no https URL of a host.
func checkHTTPS(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("%q is no https URL: write it like https://ca.example/directory", s)
	}
	return nil
}

// directory is a CA's directory (RFC 8555 section 7.1.1), as far as it is of use
// here.
type directory struct {
	NewNonce   string `json:"newNonce"`
	NewAccount string `json:"newAccount"`
	NewOrder   string `json:"newOrder"`
	Meta       struct {
		CAAIdentities     []string `json:"caaIdentities"`     // RFC 8555 section 9.7.6
		IssuerDomainNames []string `json:"issuerDomainNames"` // draft-ietf-acme-dns-persist-02 section 3
		AccountHashPrefix string   `json:"accountHashPrefix"` // draft-ietf-acme-dns-persist-02 section 4.1
	} `json:"meta"`
}

// directory reads the directory at address.
func (s *acmeServer) directory(ctx context.Context, address string) (*directory, error) {
	answer, err := s.send(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if answer.status != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s, and not with a directory", address, answer)
	}
	d := &directory{}
	err = json.Unmarshal(answer.body, d)
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok && wrong.JSONPointer != "" {
		member := strings.Join(slices.Collect(wrong.JSONPointer.Tokens()), ".")
		return nil, fmt.Errorf("%s is no ACME directory (RFC 8555 section 7.1.1): its member %s is of another type than there", address, member)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is no ACME directory (RFC 8555 section 7.1.1), which is a JSON object: see the CA's documentation for its URL", address)
	}
	for _, u := range []string{d.NewNonce, d.NewAccount} {
		if checkHTTPS(u) != nil {
			return nil, fmt.Errorf("%s is no ACME directory (RFC 8555 section 7.1.1): newNonce and newAccount are no https URLs in it", address)
		}
	}
	return d, nil
}

// acmeAnswer is what the server says to one request.
type acmeAnswer struct {
	status int
	header http.Header
	body   []byte
}

// String is the status, and what a problem document (RFC 7807) adds to it.
func (a *acmeAnswer) String() string {
	said := fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
	if where := a.header.Get("Location"); a.status >= 300 && a.status < 400 {
		return fmt.Sprintf("%s to %q", said, where)
	}
	if p := a.problem(); p.Type != "" {
		return fmt.Sprintf("%s, %q: %q", said, p.Type, p.Detail)
	}
	return said
}

type acmeProblem struct {
	Type   string `json:"type"`
	Detail string `json:"detail"`
}

// problem is empty where the server reports none.
func (a *acmeAnswer) problem() (p acmeProblem) {
	if a.status >= 400 {
		_ = json.Unmarshal(a.body, &p) // else it is empty
	}
	return p
}

// send sends a request to a URL of the server, and reads what it answers.
func (s *acmeServer) send(ctx context.Context, method, address string, body io.Reader) (*acmeAnswer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "persistctl/"+version) // RFC 8555 section 6.1
	if body != nil {
		req.Header.Set("Content-Type", "application/jose+json")
	}
	response, err := s.client.Do(req)
	if err != nil {
		return nil, reachable(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, mostACME+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > mostACME:
		return nil, fmt.Errorf("%s answers with more than %d octets, which nothing of ACME has", address, mostACME)
	}
	return &acmeAnswer{response.StatusCode, response.Header, text}, nil
}

// reachable says what to do where the certificate is of a private CA.
func reachable(err error) error {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return fmt.Errorf("%w: for a CA with a root of its own, write --ca FILE", err)
	}
	return err
}
