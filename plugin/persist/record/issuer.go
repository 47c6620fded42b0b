package record

import (
	"errors"
	"fmt"
)

// longestName is the most octets of a name in presentation form without its
// trailing dot (RFC 1035 section 2.3.4).
const longestName = 253

// CheckIssuerName returns the issuer-domain-name s in the form it has in a
// record (draft-ietf-acme-dns-persist-02 section 3.1): lower-case A-labels
// without trailing dot, at most 253 octets.
func CheckIssuerName(s string) (string, error) {
	name, err := normalize(s)
	if err == nil {
		err = checkIssuer(name)
	}
	if err != nil {
		return "", fmt.Errorf("the issuer-domain-name %s %w", quote(s), err)
	}
	return name, nil
}

func checkIssuer(name string) error {
	switch {
	case name == "":
		return errors.New("is empty: write the CA's name, like letsencrypt.org")
	case len(name) > longestName:
		return errTooLong
	}
	return checkLabels(name, "")
}
