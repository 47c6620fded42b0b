package policy_test

import (
	"math"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/google/go-cmp/cmp"
)

// thumbprint2 is the thumbprint of the key in RFC 8037 appendix A.3.
const thumbprint2 = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

func TestIssuersAreThoseOfValidDocuments(t *testing.T) {
	b := policytest.Standard().With(policytest.Documents{
		"issuers/b": `{"issuer_domain_names": ["B.example", "old.example"], "account_uri_prefixes": ["https://b.example/"], "account_hash_prefix": "https://b.example/hash/", "forms": "uri,hash"}`,
		"issuers/c": `{"issuer_domain_names": ["c.example"]}`,
	}).Compile(t)

	want := []policy.IssuerFacts{
		{Slug: "b", Names: []string{"b.example", "old.example"}, Prefixes: []string{"https://b.example/"}, HashPrefix: "https://b.example/hash/", Forms: []record.Form{record.FormHash, record.FormURI}},
		{Slug: "ca", Names: []string{"ca.example"}, Prefixes: []string{"https://ca.example/acct/"}, Forms: []record.Form{record.FormURI}},
	}
	if diff := cmp.Diff(want, b.Issuers()); diff != "" {
		t.Errorf("Issuers (-want +got):\n%s", diff)
	}
}

func TestTeamsTellHowFarTheyMayGo(t *testing.T) {
	b := policytest.Standard().With(policytest.Documents{
		"teams/all":  `{"domains": ["."], "issuers": ["ca"], "accounts": {"https://ca.example/acct/9": {"thumbprints": "` + thumbprint2 + `"}}}`,
		"teams/none": `{"domains": ["none.example"]}`,
	}).Compile(t)

	want := []policy.TeamFacts{
		{Slug: "all", Domains: []string{"."}, Issuers: []string{"ca"}, MaxGrants: math.MaxInt, Approved: map[string][]string{"https://ca.example/acct/9": {thumbprint2}}},
		{Slug: "web", Domains: []string{"example.com"}, Issuers: []string{"ca"}, AnyAccount: true, MaxGrants: math.MaxInt},
	}
	if diff := cmp.Diff(want, b.Teams()); diff != "" {
		t.Errorf("Teams (-want +got):\n%s", diff)
	}
}

func TestAccountURIIsKnownOfWithheldGrantsToo(t *testing.T) {
	b := policytest.Standard().Account(`"enabled": false, "domains": {"example.com": {}}`).Compile(t)

	grants := b.Lookup("example.com")
	if len(grants) != 1 || grants[0].Withheld == "" {
		t.Fatalf("Expected one grant that is withheld, got %v", grants)
	}
	if got := b.AccountURI(grants[0]); got != policytest.AccountURI {
		t.Errorf("Expected the account %s, got %q", policytest.AccountURI, got)
	}
	if got := b.AccountURI(&policy.Grant{Terms: &policy.Terms{Team: "other"}}); got != "" {
		t.Errorf("Expected no account of a grant that is in no document, got %q", got)
	}
}

func TestThumbprintsAreThoseOfTeamAndAdmin(t *testing.T) {
	b := policytest.Standard().With(policytest.Documents{
		"accounts/web/ca/b": `{"account_uri": "` + policytest.AccountURI + `", "thumbprints": ["` + thumbprint2 + `"], "domains": {}}`,
		"teams/web": `{"domains": ["example.com"], "issuers": ["ca"], "accounts": {"` + policytest.AccountURI + `":
			{"thumbprints": ["` + policytest.Thumbprint + `", "` + thumbprint2 + `"]}}}`,
	}).Compile(t)

	want := []string{policytest.Thumbprint, thumbprint2}
	if diff := cmp.Diff(want, b.Thumbprints(policytest.AccountURI)); diff != "" {
		t.Errorf("Thumbprints (-want +got):\n%s", diff)
	}
	if got := b.Thumbprints("https://ca.example/acct/other"); len(got) != 0 {
		t.Errorf("Expected no thumbprints of an unknown account, got %q", got)
	}
}
