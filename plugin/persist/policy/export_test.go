package policy

import (
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/store"
)

// Faults are what the reader finds wrong in a document by itself, whatever the
// other documents say.
func Faults(d *store.Document) []Rejection {
	var found faults
	switch kind, _, _ := strings.Cut(d.Path, "/"); kind {
	case "config":
		found = configs.advance(nil, d).faults
	case "issuers":
		found = issuers.advance(nil, d).faults
	case "teams":
		found = teams.advance(nil, d).faults
	case "accounts":
		found = accounts.advance(nil, d).faults
	case "control":
		found = controls.advance(nil, d).faults
	}
	return found.reject(nil, d)
}
