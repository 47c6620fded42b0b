package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

type documents = policytest.Documents

var standard, written, read = policytest.Standard, policytest.Written, policytest.Read

const uri, thumbprint = policytest.AccountURI, policytest.Thumbprint

// compile makes the first book of d.
func compile(t *testing.T, d documents) *policy.Book {
	t.Helper()
	return d.Compile(t)
}

// next makes the book after b: d holds what changed, with a newer version.
func next(b *policy.Book, version int, d documents) *policy.Book {
	return policy.Compile(b, d.Snapshot(version, read.Add(time.Duration(version-1)*time.Minute)), policy.Brakes{})
}

// served renders what the book would publish at name, without persistUntil.
func served(t *testing.T, b *policy.Book, name record.FQDN) []string {
	t.Helper()
	var texts []string
	for _, g := range b.Lookup(name) {
		for _, r := range g.Records(read) {
			text, err := r.Render()
			if err != nil {
				t.Fatalf("The book holds a record that does not render: %v", err)
			}
			texts = append(texts, text)
		}
	}
	return texts
}

// names lists every name at which something would be published.
func names(t *testing.T, b *policy.Book) []string {
	t.Helper()
	var list []string
	for g := range b.Grants() {
		if len(served(t, b, g.FQDN)) > 0 {
			list = append(list, string(g.FQDN))
		}
	}
	return slices.Compact(list)
}

// expectRejection fails unless exactly one rejection has each of the parts.
func expectRejection(t *testing.T, b *policy.Book, parts ...string) {
	t.Helper()
	n := 0
	for _, r := range b.Rejections() {
		missing := slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(r.Error(), part) })
		if !missing {
			n++
		}
	}
	if n != 1 {
		t.Errorf("Expected one rejection with %q, got %d in %v", parts, n, b.Rejections())
	}
}
