package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// pem is the first line of a private key in PEM (RFC 7468), of whatever make.
var pem = regexp.MustCompile(`(?i)-----BEGIN [^-]*PRIVATE KEY`)

// holdsPEM reports whether s holds such a line.
func holdsPEM(s string) bool { return strings.Contains(s, "-----") && pem.MatchString(s) }

// HoldsKey reports whether the body of a document holds a private key, which no
// document must, and which must not be copied anywhere.
func HoldsKey(body []byte) bool {
	v, err := parseJSON(body)
	if err != nil {
		return pem.Match(body)
	}
	_, found := findSecret(v)
	return found
}

// privateMembers are the members that make a JSON Web Key a private or a
// symmetric one (RFC 7518 section 6).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

const secretReason = "holds a private key: remove it, and replace the key, which everybody who may read this has seen; policy needs the thumbprint of the public key only"

// findSecret returns the field of v that holds a private key. Strings that are
// JSON themselves are looked into, because "vault kv put jwk=@key.json" stores
// the file as one string.
func findSecret(v value) (field string, found bool) {
	if v.kind == jsontext.KindString {
		return "", secretText(v.text)
	}
	for _, m := range v.members {
		if holdsPEM(m.name) {
			return "", true
		}
		if slices.Contains(privateMembers, m.name) && holdsKey(m.value) {
			return fieldOf("", m.name), true
		}
		if inner, found := findSecret(m.value); found {
			return within(fieldOf("", m.name), inner), true
		}
	}
	for i, item := range v.items {
		if inner, found := findSecret(item); found {
			return within(fmt.Sprintf("[%d]", i), inner), true
		}
	}
	return "", false
}

// within returns the field inner as seen from outside of field, cut where it
// gets long: nine thousand objects fit into each other.
func within(field, inner string) string {
	if inner != "" && inner[0] != '[' {
		field += "."
	}
	const most = 256
	if field += inner; len(field) > most {
		return strings.ToValidUTF8(field[:most], "") + "…"
	}
	return field
}

// holdsKey tells a member of a JWK from a domain or an empty note of the same name.
func holdsKey(v value) bool {
	return v.kind == jsontext.KindString && v.text != "" || v.kind == jsontext.KindBeginArray
}

func secretText(s string) bool {
	if holdsPEM(s) {
		return true
	}
	if s = strings.TrimSpace(s); s == "" || s[0] != '{' && s[0] != '[' {
		return false
	}
	inner, err := parseJSON([]byte(s))
	if err != nil {
		return false
	}
	_, found := findSecret(inner)
	return found
}
