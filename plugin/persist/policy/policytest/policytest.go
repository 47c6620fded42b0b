// Package policytest makes policy documents for tests.
package policytest

import (
	"crypto/sha256"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// Written is when version 1 of every document was written; each later version
// was written a minute after the one before.
var Written = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// Read is when version 1 was read.
var Read = Written.Add(time.Hour)

// The account and the key that the documents name; the thumbprint is that of
// the test vectors in draft-ietf-acme-dns-persist-02 section 10.2.
const (
	AccountURI = "https://ca.example/acct/123"
	Thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
)

// Documents are bodies by path. The body "-" stands for a deleted document.
type Documents map[string]string

// Standard is a complete set of documents: team web may claim example.com and
// what is below it at the CA ca.example, and does so for example.com.
func Standard() Documents {
	return Documents{
		"config":            `{"schema": 1}`,
		"issuers/ca":        `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "wildcard": true, "subtree": true}`,
		"teams/web":         `{"domains": ["example.com"], "issuers": ["ca"], "wildcard": true, "subtree": true}`,
		"accounts/web/ca/a": `{"account_uri": "` + AccountURI + `", "domains": {"example.com": {}}}`,
	}
}

// With returns d with more documents; an empty body removes one.
func (d Documents) With(more Documents) Documents {
	all := maps.Clone(d)
	for path, body := range more {
		if all[path] = body; body == "" {
			delete(all, path)
		}
	}
	return all
}

// Account returns d with an account document of the given members.
func (d Documents) Account(members string) Documents {
	return d.With(Documents{"accounts/web/ca/a": `{"account_uri": "` + AccountURI + `", ` + members + `}`})
}

// Snapshot returns what a store holds that read version of every document at
// the instant at.
func (d Documents) Snapshot(version int, at time.Time) *store.Snapshot {
	s := &store.Snapshot{Listed: map[string]time.Time{"issuers": at, "teams": at, "accounts": at}, Braked: at}
	for _, path := range slices.Sorted(maps.Keys(d)) {
		doc := store.Document{
			Path:      path,
			Version:   strconv.Itoa(version),
			Created:   Written.Add(time.Duration(version-1) * time.Minute),
			Confirmed: at,
		}
		if body := d[path]; body == "-" {
			doc.Withdrawn = true
		} else {
			doc.Body, doc.Hash = []byte(body), sha256.Sum256([]byte(body))
		}
		s.Documents = append(s.Documents, doc)
		if parts := strings.Split(path, "/"); parts[0] == "accounts" && len(parts) == 4 {
			s.Listed["accounts/"+parts[1]], s.Listed["accounts/"+parts[1]+"/"+parts[2]] = at, at
		}
	}
	return s
}

// Compile returns the first book of d, read at [Read].
func (d Documents) Compile(tb testing.TB) *policy.Book {
	tb.Helper()
	b := policy.Compile(nil, d.Snapshot(1, Read), policy.Brakes{})
	if err := b.Fit(); err != nil {
		tb.Fatalf("Expected a book that may be served, got: %v", err)
	}
	return b
}

// Write makes d the documents of the directory dir, whatever was there before, as
// if they were written at Written.
func (d Documents) Write(tb testing.TB, dir string) {
	tb.Helper()
	for _, name := range []string{"config.json", "control.json", "index.json", "issuers", "teams", "accounts"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			tb.Fatal(err)
		}
	}
	for path, body := range d {
		file := filepath.Join(dir, filepath.FromSlash(path)+".json")
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			tb.Fatal(err)
		}
		if err := os.Chtimes(file, Written, Written); err != nil {
			tb.Fatal(err)
		}
	}
}
