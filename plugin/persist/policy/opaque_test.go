package policy_test

import (
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
)

// Only the account URIs of ACME mean something in CAA records.
func TestAGrantIsOpaqueIfNoFormIsOfACME(t *testing.T) {
	const issuer = `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "account_hash_prefix": "https://ca.example/account-hash/", "forms": `
	for forms, want := range map[string]bool{
		`["uri"]`: false, `["hash"]`: false, `["uri", "opaque"]`: false, `["hash", "opaque"]`: false, `["opaque"]`: true,
	} {
		book := policytest.Standard().With(policytest.Documents{"issuers/ca": issuer + forms + "}"}).
			Account(`"thumbprints": ["` + policytest.Thumbprint + `"], "domains": {"example.com": {}, "off.example.com": {"enabled": false}}`).Compile(t)
		if got := book.Lookup("example.com")[0]; got.Opaque() != want || got.Withheld != "" {
			t.Errorf("%s: expected %t, got %t (%s)", forms, want, got.Opaque(), got.Withheld)
		}
		if book.Lookup("off.example.com")[0].Opaque() {
			t.Errorf("%s: expected a grant that is withheld to say nothing", forms)
		}
	}
}
