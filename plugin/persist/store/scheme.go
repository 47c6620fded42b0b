package store

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/hashicorp/vault/api"
)

// misaddressed says what to write where the address has http and what listens there
// speaks TLS, or the other way round; empty where neither is certain.
func (v *Vault) misaddressed(err error) string {
	u, unclear := url.Parse(v.address)
	if unclear != nil {
		return ""
	}
	switch {
	case u.Scheme == "https" && errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Sprintf("%s speaks http: write http://%s, which is taken for loopback addresses alone, or let it serve TLS", u.Host, u.Host)
	case u.Scheme == "http" && asksForTLS(err):
		return fmt.Sprintf("%s speaks https: write https://%s", u.Host, u.Host)
	}
	return ""
}

// asksForTLS reports whether a server of Go's, which Vault is, says that it serves
// TLS alone.
func asksForTLS(err error) bool {
	var answer *api.ResponseError
	return errors.As(err, &answer) && answer.RawError && strings.Contains(strings.Join(answer.Errors, " "), "HTTP request to an HTTPS server")
}

// hint says what else to look at where Vault could not be asked. One that serves TLS
// may end a connection in the clear before its answer to that is read.
func (v *Vault) hint(err error) string {
	hint := hintTLS(err)
	if strings.HasPrefix(v.address, "http://") && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)) {
		hint = ": if it serves TLS, write https" + strings.TrimPrefix(v.address, "http")
	}
	return hint + v.assumed
}
