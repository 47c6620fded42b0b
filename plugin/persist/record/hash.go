package record

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
)

// AnyDomain in place of the domain gives a hash that is the same for all
// domains, and so tells everybody that they share an account.
const AnyDomain FQDN = "*"

// hashName is SHA-256 in the registry of RFC 6920 section 9.4, as it stands in
// a hashed URI.
const hashName = "sha-256/"

// thumbprintLength is the characters of 32 octets in base64url without padding.
const thumbprintLength = 43

// HashAccountURI returns the hashed URI by which domain names the account at
// accountURL (draft-ietf-acme-dns-persist-02 section 4.1). The prefix is
// accountHashPrefix of the CA's directory, the thumbprint that of the account
// key as CheckThumbprint takes it, and the domain the FQDN validated even where
// its owner is an alias of a name elsewhere.
func HashAccountURI(prefix string, domain FQDN, thumbprint, accountURL string) string {
	input := make([]byte, 0, 1+len(domain)+len(thumbprint)+len(accountURL))
	input = append(input, byte(len(domain))) // #nosec G115 -- at most 253
	input = append(input, domain...)
	input = append(input, thumbprint...)
	input = append(input, accountURL...)
	digest := sha256.Sum256(input)
	return prefix + hashName + base64.RawURLEncoding.EncodeToString(digest[:])
}

// CheckThumbprint checks that s is a SHA-256 JWK thumbprint (RFC 7638) as ACME
// writes it (RFC 8555 section 8.1): 43 characters of base64url without padding
// that stand for 32 octets, canonically. The error does not show s, which may
// be a key in the wrong place.
func CheckThumbprint(s string) error {
	octets, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(s) != thumbprintLength || len(octets) != sha256.Size {
		return errors.New("the thumbprint is not 32 octets in base64url without padding: write the 43 characters that stand after the dot in a key authorization of the account (RFC 8555 section 8.1)")
	}
	return nil
}
