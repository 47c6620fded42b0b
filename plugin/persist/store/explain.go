package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
)

// request is what is asked of a mount, for messages.
type request struct {
	verb   string // read, list or write
	mount  string
	prefix string // data or metadata of KV version 2, keys or sign of Transit
	name   string
}

// engine is what the mount is.
func (r request) engine() string {
	if r.prefix == "keys" || r.prefix == "sign" {
		return "transit"
	}
	return "KV version 2"
}

func (r request) path() string { return r.mount + "/" + r.prefix + "/" + r.name }

var (
	// ErrInvalidToken is of a token that Vault does not know. It is an [ErrDenied] too.
	ErrInvalidToken = errors.New("invalid token")
	errGarbled      = errors.New("the answer is no JSON of KV version 2: is it Vault that listens there, and did it end the answer?")
)

// errNoAnswer is why a request was given up.
type errNoAnswer struct{ after time.Duration }

func (e errNoAnswer) Error() string { return fmt.Sprintf("no answer within %v", e.after) }

// fail says what was asked, and where.
func (v *Vault) fail(r request, err error) error {
	return fmt.Errorf("%s %s at %s: %w", r.verb, r.path(), v.address, err)
}

// explain gives err, from the client, its class, and says what to do. Bodies
// that are not Vault's own list of errors are not quoted.
func (v *Vault) explain(ctx context.Context, r request, err error) error {
	var answer *api.ResponseError
	var long *http.MaxBytesError
	misaddressed := v.misaddressed(err)
	switch {
	case misaddressed != "":
		return v.fail(r, fmt.Errorf("%w: %s%s", ErrUnavailable, misaddressed, v.assumed))
	case errors.As(err, &answer):
		return v.fail(r, explainAnswer(r, answer))
	case errors.As(err, &long):
		return v.fail(r, fmt.Errorf("the answer has more than %d octets, and a document may have %d: split what is there", long.Limit, MaxDocument))
	case errors.Is(err, errGarbled), errors.Is(err, ErrThrottled):
		return v.fail(r, err)
	case ctx.Err() != nil && !errors.As(context.Cause(ctx), &errNoAnswer{}):
		return ctx.Err() // our own will
	case ctx.Err() != nil:
		return v.fail(r, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx)))
	}
	return v.fail(r, fmt.Errorf("%w: %w%s", ErrUnavailable, innermost(err), v.hint(err)))
}

// explainAnswer explains an answer that is an error.
func explainAnswer(r request, answer *api.ResponseError) error {
	text := strings.Join(answer.Errors, "; ")
	if answer.RawError {
		text = http.StatusText(answer.StatusCode)
	}
	says := func(s string) bool { return strings.Contains(text, s) }
	switch {
	case says("Vault is sealed"):
		return fmt.Errorf("%w: it is sealed: unseal it", ErrUnavailable)
	case says("no handler for route"):
		return fmt.Errorf("%w: no handler for route: is mount %s enabled as %s?", ErrUnavailable, r.mount, r.engine())
	case says("Upgrading from non-versioned"):
		return fmt.Errorf("%w: mount %s is being upgraded to KV version 2", ErrUnavailable, r.mount)
	case says("check-and-set parameter did not match"):
		return ErrConflict
	case says("invalid token"), says("missing client token"):
		return fmt.Errorf("%w: %w: it has expired or was revoked", ErrDenied, ErrInvalidToken)
	}
	switch status := answer.StatusCode; {
	case status == http.StatusForbidden:
		return fmt.Errorf("%w: the token's policy needs %s on %s%s", ErrDenied, capability(r.verb), r.path(), r.doubt())
	case status == http.StatusTooManyRequests:
		return &ThrottledError{}
	case status == http.StatusNotFound && answer.Errors == nil, status == http.StatusNotFound && answer.RawError:
		return errGarbled // whoever says so is not Vault
	case status == http.StatusNotFound:
		return ErrNotFound
	case status >= 500:
		return fmt.Errorf("%w: status %d: %s", ErrUnavailable, status, text)
	default:
		return fmt.Errorf("status %d: %s", status, text)
	}
}

// doubt says what else than the policy may be wrong where Vault denies a request: it
// denies what is not there, too. Who writes has read before.
func (r request) doubt() string {
	const added = "Vault's API alone has data in it"
	switch {
	case r.verb != "read" && r.verb != "list":
		return ""
	case strings.HasPrefix(r.name, "data/"):
		return fmt.Sprintf(", or the path is to be %s/%s: %s", r.mount, strings.TrimPrefix(r.name, "data/"), added)
	case strings.HasSuffix(r.mount, "/data"):
		return fmt.Sprintf(", or the mount is to be %s: %s", strings.TrimSuffix(r.mount, "/data"), added)
	}
	return fmt.Sprintf(", or mount %s is misspelt", r.mount)
}

func capability(verb string) string {
	if verb == "write" {
		return "update (and create)"
	}
	return verb
}

// throttled returns the error of a 429 with its Retry-After, a number of
// seconds or a date (RFC 9110 section 10.2.3).
func throttled(header http.Header, now time.Time) *ThrottledError {
	after := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(after); err == nil && seconds > 0 {
		return &ThrottledError{time.Duration(seconds) * time.Second}
	}
	if date, err := http.ParseTime(after); err == nil && date.After(now) {
		return &ThrottledError{date.Sub(now)}
	}
	return &ThrottledError{}
}

func statusIs(err error, status int) bool {
	var answer *api.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == status
}

// innermost drops what wraps the reason and repeats the address.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

func hintTLS(err error) string {
	var unknown x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return ": name the CA of its certificate by tls or VAULT_CACERT"
	case errors.As(err, &record):
		return ": write http:// if it serves no TLS, or let it serve TLS"
	}
	return ""
}
