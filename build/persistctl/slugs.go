package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// unknownIssuer says that no issuers document has a CA's name, or which name was
// meant where it is the slug of one.
func unknownIssuer(book *policy.Book, name string) string {
	for _, i := range book.Issuers() {
		if i.Slug == name {
			return fmt.Sprintf("%s is the slug of issuers/%s, and a CA goes by a name: write --issuer %s", name, name, i.Names[0])
		}
	}
	return fmt.Sprintf("no valid issuers document has %s among its issuer_domain_names, so no hash prefix of it is known", name)
}

// parseScope reads a scope. Where that of an issuer has the CA's name, the documents
// know the slug that was meant, if they can be read.
func (b *braking) parseScope(ctx context.Context, arg string) (policy.Scope, error) {
	scope, wrong := policy.ParseScope(arg)
	what, ofIssuer := strings.CutPrefix(arg, "issuer:")
	if wrong == nil || !ofIssuer || b.docs.vault == "" && b.dir == "" {
		return scope, wrong
	}
	name, err := record.CheckIssuerName(what)
	if err != nil {
		return scope, wrong
	}
	lib, err := b.docs.load(ctx, b.dir, b.now)
	if err != nil {
		return scope, wrong
	}
	for _, i := range lib.Issuers() {
		if slices.Contains(i.Names, name) {
			return scope, fmt.Errorf("%q is no scope: ISSUER is the slug of an issuers document, and %s stands in issuers/%s: write issuer:%s", arg, name, i.Slug, i.Slug)
		}
	}
	return scope, wrong
}
