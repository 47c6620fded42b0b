package record_test

import (
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// The vectors of draft-ietf-acme-dns-persist-02 section 10.2, and of the
// thumbprint, RFC 7638 section 3.1.
const (
	hashPrefix = "https://ca.example/account-hash/"
	accountURL = "https://ca.example/acct/123"
	thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
	hashedURI  = hashPrefix + "sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw" // of example.com
	anyHashed  = hashPrefix + "sha-256/NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug"
)

func TestHashesAreThoseOfTheDraft(t *testing.T) {
	for domain, want := range map[record.FQDN]string{"example.com": hashedURI, record.AnyDomain: anyHashed} {
		if got := record.HashAccountURI(hashPrefix, domain, thumbprint, accountURL); got != want {
			t.Errorf("Hash for %s: expected %s, got %s", domain, want, got)
		}
	}
}

func TestThumbprints(t *testing.T) {
	for s, valid := range map[string]bool{
		thumbprint:            true,
		"":                    false,
		thumbprint + "=":      false,
		thumbprint[:42]:       false,
		thumbprint + "A":      false,
		thumbprint[:42] + "t": false, // sets bits that stand for nothing
		"NzbLsXh8uDCcd+6MNwXF4W/7noWXFZAfHkxZsRGC9Xs":   false, // base64, not base64url
		thumbprint[:20] + "\n" + thumbprint[20:42]:      false,
		thumbprint[:21] + "\r\n" + thumbprint[21:]:      false,
		"sha256:" + thumbprint[:36]:                     false,
		"3736cbb1787cb8309c77ee8c3705c5e16ffb9e8597159": false, // hexadecimal
	} {
		err := record.CheckThumbprint(s)
		if valid && err != nil {
			t.Errorf("CheckThumbprint(%q): expected no error, got %v", s, err)
		} else if !valid {
			expectError(t, err, "thumbprint", "write the 43 characters")
		}
	}
}
