package policy

import (
	"fmt"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// Rejection is a document, or a part of one, that is not used, and why. It is
// comparable.
type Rejection struct {
	Path    string      // of the document
	Version string      // of the document
	Field   string      // like domains["api.example.com"].until, long names cut; empty: the document as a whole
	Name    record.FQDN // the domain of an account document that it is about; empty: none, or what is no name
	Reason  string      // what is wrong and what to write instead; never a private key
}

// Error returns the rejection as one line.
func (r Rejection) Error() string {
	if r.Field == "" {
		return fmt.Sprintf("%s@%s: %s", r.Path, r.Version, r.Reason)
	}
	return fmt.Sprintf("%s@%s: %s: %s", r.Path, r.Version, r.Field, r.Reason)
}

// Key returns r without the version: what stays the same while a fault goes
// from version to version.
func (r Rejection) Key() Rejection {
	r.Version = ""
	return r
}
