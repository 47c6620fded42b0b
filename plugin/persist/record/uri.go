package record

import (
	"errors"
	"fmt"
	"strings"
)

// longestURI is the most octets of an account URI, and of what the URIs of a
// CA start with. Known ones have about 70.
const longestURI = 1024

// acctScheme is the scheme of RFC 7565. Its URIs end with the host, which no prefix can
// tell, so the scheme alone says as much of a CA's account URIs as can be said.
const acctScheme = "acct:"

// CheckAccountPrefix checks that s can be what the account URIs of a CA start with: as
// [CheckAccountURI] does, but acct: alone is one, and a host is ended by a slash, or it
// would be the start of others.
func CheckAccountPrefix(s string) error {
	if s == acctScheme {
		return nil
	}
	if err := CheckAccountURI(s); err != nil {
		return err
	}
	_, rest, _ := strings.Cut(s, ":")
	authority, isHost := strings.CutPrefix(rest, "//")
	switch slash := strings.IndexByte(authority, '/'); {
	case !isHost || slash > 0:
		return nil
	case slash == 0:
		return fmt.Errorf("the account URI prefix %s has no host: write one like https://ca.example/acct/", quote(s))
	}
	return fmt.Errorf("the account URI prefix %s has no slash behind its host, and so is that of other hosts too: write %s/", quote(s), s)
}

// CheckAccountURI checks that s can be the accounturi of a record: a URI with a scheme
// (RFC 3986 section 3.1), of at most 1024 of the characters that a value may have
// (RFC 8659 section 4.2). What has no scheme may be a secret in the wrong place, and is
// not shown.
func CheckAccountURI(s string) error { return checkURI(s, longestURI) }

func checkURI(s string, longest int) error {
	switch {
	case s == "":
		return errors.New("the account URI is empty: write it as the CA gave it")
	case !hasScheme(s):
		return errors.New("the account URI has no scheme: write it as the CA gave it, like https://ca.example/acct/123")
	case len(s) > longest:
		return fmt.Errorf("the account URI %s has %d octets, and the most is %d", quote(s), len(s), longest)
	}
	if i := invalidValue(s); i >= 0 {
		return fmt.Errorf("the account URI %s contains %q: a record takes visible ASCII characters other than the semicolon (RFC 8659 section 4.2)", quote(s), s[i])
	}
	return nil
}

// hasScheme reports whether s starts with a scheme and goes on after its colon.
func hasScheme(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || scheme == "" || !isLetter(rune(scheme[0])) {
		return false
	}
	return strings.IndexFunc(scheme, func(r rune) bool { return !isLetter(r) && !strings.ContainsRune("0123456789+-.", r) }) < 0
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// invalidValue returns the index of the first octet that the value of a
// parameter may not have, -1 if there is none (RFC 8659 section 4.2).
func invalidValue(s string) int {
	for i := range len(s) {
		if c := s[i]; c < 0x21 || c > 0x7E || c == ';' {
			return i
		}
	}
	return -1
}
