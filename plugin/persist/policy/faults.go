package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// fault is what is wrong in a document, and in which field.
type fault struct {
	field, reason string
	name          record.FQDN // the domain it is about, empty if it is about none
}

// sentence says which member is what, empty if nothing is wrong.
func (f fault) sentence() string {
	if f.field == "" {
		return f.reason
	}
	return f.field + " " + f.reason
}

// mostFaults is how many faults of a document are told one by one. A document
// of one megabyte can have half a million.
const mostFaults = 100

// faults are what is wrong in a document: the first ones, how many there are
// more, and which members of the document all of them lie in.
type faults struct {
	list    []fault
	more    int
	members map[string]bool
}

// wholly is the fault of a document as a whole.
func wholly(reason string) faults { return faults{list: []fault{{reason: reason}}} }

func (f *faults) add(one fault) {
	if f.members == nil {
		f.members = map[string]bool{}
	}
	f.members[memberOf(one.field)] = true
	if len(f.list) == mostFaults {
		f.more++
		return
	}
	f.list = append(f.list, one)
}

func (f *faults) join(other faults) {
	for _, one := range other.list {
		f.add(one)
	}
	f.more += other.more
	for member := range other.members {
		f.members[member] = true
	}
}

// with returns the faults of both. Neither f nor other is changed.
func (f faults) with(other faults) faults {
	var both faults
	both.join(f)
	both.join(other)
	return both
}

// reject appends to list what is wrong in d, sorted by field.
func (f faults) reject(list []Rejection, d *store.Document) []Rejection {
	sorted := slices.SortedStableFunc(slices.Values(f.list), func(a, b fault) int { return cmp.Compare(a.field, b.field) })
	for _, one := range sorted {
		list = append(list, Rejection{Path: d.Path, Version: d.Version, Field: one.field, Name: one.name, Reason: one.reason})
	}
	if f.more > 0 {
		list = append(list, Rejection{Path: d.Path, Version: d.Version, Reason: fmt.Sprintf("and %d faults more: repair these first", f.more)})
	}
	return list
}

// memberOf returns the member of the document that field lies in, empty where
// that is none that a document may have.
func memberOf(field string) string {
	if i := strings.IndexAny(field, ".["); i >= 0 {
		return field[:i]
	}
	return field
}
