package policy

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/store"
)

// Rejection is a document, or a part of one, that is not used, and why.
type Rejection struct {
	Path    string // of the document
	Version string // of the document
	Field   string // like domains["api.example.com"].until; empty: the document as a whole
	Reason  string // what is wrong and what to write instead; never a private key
}

// Error returns the rejection as one line.
func (r Rejection) Error() string {
	if r.Field == "" {
		return fmt.Sprintf("%s@%s: %s", r.Path, r.Version, r.Reason)
	}
	return fmt.Sprintf("%s@%s: %s: %s", r.Path, r.Version, r.Field, r.Reason)
}

func reject(d *store.Document, faults ...fault) []Rejection {
	list := make([]Rejection, 0, len(faults))
	for _, f := range faults {
		list = append(list, Rejection{Path: d.Path, Version: d.Version, Field: f.field, Reason: f.reason})
	}
	return list
}

func (r Rejection) compare(other Rejection) int {
	return cmp.Or(strings.Compare(r.Path, other.Path), strings.Compare(r.Field, other.Field))
}
