package record_test

import (
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

func TestAccountURIsOfKnownCAsAreAccepted(t *testing.T) {
	for _, uri := range []string{
		"https://acme-v02.api.letsencrypt.org/acme/acct/123456789",
		"https://dv.acme-v02.api.pki.goog/account/abcdefghijklmnopqrstuv",
		"https://localhost:14000/my-account/0123456789abcdef",
		"acct:1234567@sectigo.com",
		"https://digicert.com/account/42",
		"https://ca.example/acct?id=1&x=%20#a~b'()*+,[]",
		"https://acme-v02.api.letsencrypt.org/acme/acct/", // a prefix
		"x-ca+1.0:account",
		"https://ca.example/" + strings.Repeat("a", 1024-len("https://ca.example/")),
	} {
		if err := record.CheckAccountURI(uri); err != nil {
			t.Errorf("CheckAccountURI(%.70q): expected no error, got %v", uri, err)
		}
	}
}

func TestAccountURIsThatNoRecordCanHoldAreRefused(t *testing.T) {
	for uri, part := range map[string]string{
		"":                              "is empty",
		"123456789":                     "no scheme",
		"ca.example/acct/1":             "no scheme",
		"/acct/1":                       "no scheme",
		":acct":                         "no scheme",
		"https:":                        "no scheme",
		"1https://ca.example":           "no scheme",
		"ht tps://ca.example":           "no scheme",
		"https://ca.example/a b":        `contains ' '`,
		"https://ca.example/a;b":        `contains ';'`,
		"https://ca.example/\t":         `contains '\t'`,
		"https://ca.example/\x7f":       `contains '\x7f'`,
		"https://bücher.example/acct/1": "visible ASCII",
		"https://ca.example/" + strings.Repeat("a", 1025-len("https://ca.example/")): "1025 octets",
	} {
		expectError(t, record.CheckAccountURI(uri), part)
	}
}

// A prefix must not let in accounts of whoever has a name that goes on where it ends.
func TestPrefixesOfAccountURIsEndTheirHost(t *testing.T) {
	for prefix, part := range map[string]string{
		"https://acme-v02.api.letsencrypt.org/acme/acct/": "",
		"https://ca.example/":                             "",
		"https://ca.example:1/":                           "",
		"https://ca.example/x":                            "",
		"acct:":                                           "", // of RFC 7565, whose host stands at the end
		"acct:0":                                          "",
		"urn:ca:acct:":                                    "",
		"https://ca.example":                              `write https://ca.example/`,
		"https://ca.example:14":                           "no slash behind its host",
		"https://":                                        "no slash behind its host",
		"https:///x":                                      "no host",
		"https:":                                          "no scheme",
		"urn:":                                            "no scheme",
		"acct":                                            "no scheme",
		"acct:a b":                                        `contains ' '`,
		"":                                                "is empty",
	} {
		if err := record.CheckAccountPrefix(prefix); part == "" && err != nil {
			t.Errorf("%s: expected no error, got %v", prefix, err)
		} else if part != "" {
			expectError(t, err, part)
		}
	}
	expectError(t, record.CheckAccountURI("acct:"), "no scheme")
}

func TestASecretInPlaceOfAURIIsNotShown(t *testing.T) {
	for _, secret := range []string{"hvs.CAESIJ", "-----BEGIN EC PRIVATE KEY-----", "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"} {
		if err := record.CheckAccountURI(secret); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("Expected an error without what was written, got %v", err)
		}
		if err := record.CheckThumbprint(secret + "="); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("Expected an error without what was written, got %v", err)
		}
	}
}

func TestIssuerNamesAreNormalised(t *testing.T) {
	for written, want := range map[string]string{
		"letsencrypt.org":               "letsencrypt.org",
		"LetsEncrypt.ORG.":              "letsencrypt.org",
		"Bücher.example":                "xn--bcher-kva.example",
		"pki.goog":                      "pki.goog",
		strings.Repeat("a.", 126) + "a": strings.Repeat("a.", 126) + "a",
	} {
		if name, err := record.CheckIssuerName(written); err != nil || name != want {
			t.Errorf("CheckIssuerName(%.70q): expected %q, got %q, %v", written, want, name, err)
		}
	}
}

func TestIssuerNamesThatAreNoneAreRefused(t *testing.T) {
	for written, part := range map[string]string{
		"":                              "is empty",
		".":                             "is empty",
		"lets_encrypt.org":              `contains '_'`,
		"letsencrypt.org;":              `contains ';'`,
		"letsencrypt..org":              "empty label",
		"-letsencrypt.org":              "hyphen",
		"a\u0378.org":                   "IDNA2008",
		"straße.example":                "write the one that is meant",
		strings.Repeat("a.", 127) + "a": "more than 253 octets",
	} {
		name, err := record.CheckIssuerName(written)
		expectError(t, err, "issuer-domain-name", part)
		if name != "" {
			t.Errorf("CheckIssuerName(%.70q): expected nothing beside the error, got %q", written, name)
		}
	}
}

func TestForms(t *testing.T) {
	for written, want := range map[string]record.Form{"uri": record.FormURI, "hash": record.FormHash, "opaque": record.FormOpaque} {
		if f, err := record.ParseForm(written); err != nil || f != want || f.String() != written {
			t.Errorf("ParseForm(%q): expected %q, got %q, %v", written, want, f, err)
		}
	}
	for _, written := range []string{"", "URI", "hashed"} {
		_, err := record.ParseForm(written)
		expectError(t, err, `write "uri", "hash" or "opaque"`)
	}
}
