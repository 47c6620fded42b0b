package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// The tags of CAA properties and of their parameters (RFC 8659 section 4, RFC 8657).
const (
	caaIssue     = "issue"
	caaIssueWild = "issuewild"

	caaAccountURI        = "accounturi"
	caaValidationMethods = "validationmethods"
)

// caaMethod is the label of the method (draft-ietf-acme-dns-persist-02 section 3).
const caaMethod = "dns-persist-01"

// issueValue is the value of an issue or issuewild property (RFC 8659 section 4.2).
type issueValue struct {
	issuer     string // in normal form; empty: no CA is meant
	parameters [][2]string
}

// String is the value as it stands in a property.
func (v issueValue) String() string {
	if v.issuer == "" && len(v.parameters) == 0 {
		return ";"
	}
	var b strings.Builder
	b.WriteString(v.issuer)
	for _, p := range v.parameters {
		fmt.Fprintf(&b, "; %s=%s", p[0], p[1])
	}
	return b.String()
}

// parseIssueValue reads what a CA does. A value that does not follow the grammar is
// for no CA.
func parseIssueValue(s string) (issueValue, error) {
	const space = " \t"
	fields := strings.Split(s, ";")
	var v issueValue
	if name := strings.Trim(fields[0], space); name != "" {
		issuer, err := record.CheckIssuerName(name)
		if err != nil {
			return issueValue{}, err
		}
		v.issuer = issuer
	}
	if len(fields) == 2 && strings.Trim(fields[1], space) == "" {
		return v, nil // the semicolon without parameters
	}
	for _, f := range fields[1:] {
		tag, value, ok := strings.Cut(f, "=")
		tag, value = strings.ToLower(strings.Trim(tag, space)), strings.Trim(value, space)
		if !ok || tag == "" || strings.ContainsAny(tag+value, space) {
			return issueValue{}, fmt.Errorf("the parameter %q is not like tag=value", f)
		}
		v.parameters = append(v.parameters, [2]string{tag, value})
	}
	return v, nil
}

// all returns the values of a parameter.
func (v issueValue) all(tag string) []string {
	var list []string
	for _, p := range v.parameters {
		if p[0] == tag {
			list = append(list, p[1])
		}
	}
	return list
}

// bars says why a value that names the CA of a use keeps it from being made, empty
// if it does not. A parameter that stands twice is met by nothing (RFC 8657 sections
// 3 and 4).
func (v issueValue) bars(u caaUse) string {
	accounts, methods := v.all(caaAccountURI), v.all(caaValidationMethods)
	switch {
	case len(accounts) > 1:
		return caaAccountURI + " stands twice in it, which no account meets: keep one of them in each record"
	case len(accounts) == 1 && u.isHash(accounts[0]):
		return fmt.Sprintf("its %s %s is a hashed URI, and CAA takes the account's own: %s", caaAccountURI, accounts[0], u.Account)
	case len(accounts) == 1 && accounts[0] != u.Account:
		return fmt.Sprintf("its %s is %s, and the account is %s", caaAccountURI, accounts[0], u.Account)
	case len(methods) > 1:
		return caaValidationMethods + " stands twice in it, which no method meets: write one with commas between"
	case len(methods) == 1 && !slices.Contains(strings.Split(methods[0], ","), caaMethod):
		return fmt.Sprintf("its %s is %s, without %s", caaValidationMethods, methods[0], caaMethod)
	}
	return ""
}

// isHash reports whether an accounturi is a hashed one (draft-ietf-acme-dns-persist-02
// section 4.1), which only TXT records have.
func (u caaUse) isHash(uri string) bool {
	_, hash, ok := strings.Cut(uri, "sha-256/")
	return ok && uri != u.Account && record.CheckThumbprint(hash) == nil
}
