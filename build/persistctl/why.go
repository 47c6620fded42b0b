package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// explain adds what the documents tell about the question beyond the records.
func (t *told) explain(book *policy.Book, s *stanza, a asked) {
	grants, names := book.At(a.Name), []record.FQDN{a.Name}
	if book.Lookup(a.Name) == nil { // it might be one of a subtree
		names = append(names, nearestGrant(book, a.Name))
	}
	for _, r := range book.Rejections() {
		if concerns(r, names, grants) {
			t.Rejections = append(t.Rejections, newRemark(r))
		}
	}
	if a.Wildcard {
		t.explainWildcard(book, grants, a)
	}
	if by := subtreeOf(book, a.Name); by != "" {
		t.Hints = append(t.Hints, s.covered(book, a.Name, by))
	} else if len(grants) == 0 {
		t.Hints = append(t.Hints, noGrant(book, a.Name))
	}
	if !slices.ContainsFunc(book.Issuers(), func(i policy.IssuerFacts) bool { return slices.Contains(i.Names, a.Issuers[0]) }) {
		t.Hints = append(t.Hints, unknownIssuer(book, a.Issuers[0]))
	}
}

// explainWildcard says which stops take the wildcard of grants, and notes whether one of
// them is that of the account.
func (t *told) explainWildcard(book *policy.Book, grants []*policy.Grant, a asked) {
	for _, g := range grants {
		if stops := scopes(book.NarrowedBy(g)); len(stops) > 0 {
			t.narrowed = t.narrowed || slices.Contains(g.AccountURIs(a.At), a.Account)
			t.Hints = append(t.Hints, fmt.Sprintf("%s asks for a wildcard, and is served without wildcard: stopped by %s", g.Path(), strings.Join(stops, ", ")))
		}
	}
}

// concerns reports whether a rejection may be why there is no record at a name:
// it is of an entry for one of names, or of a document that the grants at the
// name, or where there are none any, rest on.
func concerns(r policy.Rejection, names []record.FQDN, grants []*policy.Grant) bool {
	if isOfDomain(r) {
		return r.Name != "" && slices.Contains(names, r.Name)
	}
	if len(grants) == 0 {
		return strings.HasPrefix(r.Path, "accounts/") || strings.HasPrefix(r.Path, "teams/")
	}
	for _, g := range grants {
		if r.Path == g.Path() || r.Path == "teams/"+g.Team || r.Path == "issuers/"+g.Issuer {
			return true
		}
	}
	return false
}

// isOfDomain reports whether a rejection is of one entry in the domains of an
// account document. That may be no name.
func isOfDomain(r policy.Rejection) bool {
	return r.Name != "" || strings.HasPrefix(r.Path, "accounts/") && strings.HasPrefix(r.Field, "domains[")
}

// whyNotBelow says why the grants of a name are not those of one below it.
func whyNotBelow(book *policy.Book, name record.FQDN) string {
	if !slices.ContainsFunc(book.Lookup(name), func(g *policy.Grant) bool { return g.Subtree }) {
		return "and a CA does not walk up"
	}
	if name.IsReverse() {
		return "a prefix, of which each whole address alone is granted"
	}
	return fmt.Sprintf("whose subtree reaches %d labels down", policy.Depth)
}

// noGrant says that there is no grant at name, and where the nearest is.
func noGrant(book *policy.Book, name record.FQDN) string {
	text := fmt.Sprintf("there is no grant at %s, and a CA asks for %s alone", name.Readable(), name.Owner())
	if up := nearestGrant(book, name); up != "" {
		return fmt.Sprintf("%s: the nearest grant is at %s, %s", text, up.Readable(), whyNotBelow(book, up))
	}
	if book.Contains(name) {
		return text + ": there are grants below it only"
	}
	return text
}
