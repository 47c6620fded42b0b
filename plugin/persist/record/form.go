package record

import "fmt"

// Form says what the accounturi of a record is made of.
type Form string

// The forms. What a record of either of the first and the last looks like is
// the same; they differ in who gives the URI.
const (
	FormURI    Form = "uri"    // the ACME account URL (RFC 8657 section 3.1)
	FormHash   Form = "hash"   // the hashed URI of draft-ietf-acme-dns-persist-02 section 4.1
	FormOpaque Form = "opaque" // any URI the CA hands out, without ACME
)

// ParseForm returns the form that s names, exactly.
func ParseForm(s string) (Form, error) {
	switch f := Form(s); f {
	case FormURI, FormHash, FormOpaque:
		return f, nil
	}
	return "", fmt.Errorf("%s is no form of account URI: write %q, %q or %q", quote(s), FormURI, FormHash, FormOpaque)
}

// String returns the form as ParseForm reads it.
func (f Form) String() string { return string(f) }
