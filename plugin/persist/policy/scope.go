package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// Scope is what a stop withdraws. It is comparable.
type Scope struct {
	kind string // all, issuer, team, account, uri, domain
	what string // normalised; empty for all
}

// ParseScope reads all, issuer:SLUG, team:SLUG, account:TEAM/ISSUER/NAME,
// uri:ACCOUNT-URI or domain:NAME. A domain is it and everything below it, so it
// fails for a wildcard, of which it would stop more than it says.
func ParseScope(s string) (Scope, error) {
	what, isDomain := strings.CutPrefix(s, "domain:")
	if base, wide := strings.CutPrefix(what, "*."); isDomain && wide {
		return Scope{}, fmt.Errorf("%s is no scope: it would stop %s itself as well, and everything below: write domain:%s if that is meant, or a name below, which ends the wildcard too", quote(s), base, base)
	}
	for _, label := range []string{record.Label, record.IPLabel} {
		if of, owner := strings.CutPrefix(strings.ToLower(what), label+"."); isDomain && owner {
			return Scope{}, fmt.Errorf("%s is no scope: a domain is the name that is validated: write domain:%s", quote(s), of)
		}
	}
	return readScope(s)
}

// readScope is ParseScope for a control document: what stands there stops
// however it is spelled, and *.NAME is NAME.
func readScope(s string) (Scope, error) {
	kind, what, _ := strings.Cut(s, ":")
	ok := false
	switch kind {
	case "all":
		ok = s == "all"
	case "issuer", "team":
		ok = isSlug(what)
	case "account":
		_, ok = parsePlace("accounts/" + what)
	case "uri":
		ok = record.CheckAccountURI(what) == nil
	case "domain":
		name, _, err := record.ParseFQDN(what)
		what, ok = string(name), err == nil
	}
	if !ok {
		return Scope{}, fmt.Errorf("%s is no scope: write all, issuer:ISSUER, team:TEAM, account:TEAM/ISSUER/NAME, uri:ACCOUNT-URI or domain:NAME", quote(s))
	}
	return Scope{kind, what}, nil
}

// String returns the scope as ParseScope reads it.
func (s Scope) String() string {
	if s.kind == "all" {
		return s.kind
	}
	return s.kind + ":" + s.what
}

// Domain returns the name that s stops with all below it, and false where it stops
// something else.
func (s Scope) Domain() (record.FQDN, bool) { return record.FQDN(s.what), s.kind == "domain" }

func compareScopes(a, b Scope) int { return strings.Compare(a.String(), b.String()) }

// stops are the scopes in force, ready to be asked.
type stops struct {
	scopes  []Scope // sorted, without repetition
	stopped map[Scope]bool
	above   map[suffix]bool // the names above a stopped domain
}

func newStops(scopes []Scope) *stops {
	scopes = slices.Clone(scopes)
	slices.SortFunc(scopes, compareScopes)
	s := &stops{scopes: slices.Compact(scopes), stopped: map[Scope]bool{}, above: map[suffix]bool{}}
	for _, scope := range s.scopes {
		s.stopped[scope] = true
		if scope.kind != "domain" {
			continue
		}
		for up, ok := suffix(scope.what).parent(); ok; up, ok = up.parent() {
			s.above[up] = true
		}
	}
	return s
}

// account returns why everything of an account is stopped, empty if it is not.
func (s *stops) account(p place, uri string) string {
	if len(s.scopes) == 0 {
		return ""
	}
	for _, scope := range scopesOf(p, uri) {
		if s.stopped[scope] {
			return "stopped: " + scope.String()
		}
	}
	return ""
}

// scopesOf are the scopes whose stop withdraws everything of an account.
func scopesOf(p place, uri string) [5]Scope {
	return [...]Scope{
		{kind: "all"},
		{"issuer", p.issuer},
		{"team", p.team},
		{"account", p.team + "/" + p.issuer + "/" + p.name},
		{"uri", uri},
	}
}

// domain returns why name is stopped, empty if it is not.
func (s *stops) domain(name record.FQDN) string {
	if len(s.above) == 0 {
		return ""
	}
	for up, ok := suffix(name), true; ok; up, ok = up.parent() {
		if scope := (Scope{"domain", string(up)}); s.stopped[scope] {
			return "stopped: " + scope.String()
		}
	}
	return ""
}

// reaches reports whether a wide grant at name covers a stopped domain below.
func (s *stops) reaches(name record.FQDN) bool { return s.above[suffix(name)] }
