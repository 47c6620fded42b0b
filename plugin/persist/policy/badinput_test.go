package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/google/go-cmp/cmp"
)

// good is granted beside everything that is wrong in these tests: one bad
// entry must not cost another one.
const good = `"good.example.com": {}`

func TestBadDomainIsRejectedAlone(t *testing.T) {
	long := strings.Repeat("a23456789.", 29) + "example.com" // 301 octets
	for _, c := range []struct{ name, entry, field, reason string }{
		{"outside the team", `"example.org": {}`, `domains["example.org"]`, "outside the domains of team web"},
		{"300 octets", `"` + long + `": {}`, `domains["a23456789.`, "octets"},
		{"empty label", `"a..example.com": {}`, `domains["a..example.com"]`, ""},
		{"star inside", `"a.*.example.com": {}`, `domains["a.*.example.com"]`, ""},
		{"the label itself", `"_validation-persist.example.com": {}`, `domains["_validation-persist.example.com"]`, "_validation-persist"},
		{"address of nobody", `"192.0.2.1": {}`, `domains["192.0.2.1"]`, "lies outside the domains"},
		{"address with host bits", `"192.0.2.1/24": {}`, `domains["192.0.2.1/24"]`, "write 192.0.2.0/24"},
		{"URL", `"https://example.com": {}`, `domains["https://example.com"]`, "contains ':'"},
		{"no prefix", `"192.0.2/24": {}`, `domains["192.0.2/24"]`, "write it like 192.0.2.0/24"},
		{"until in the past", `"a.example.com": {"until": "2026-10-31T00:00:00Z"}`, `domains["a.example.com"]`, "in the past"},
		{"until beyond max_until", `"a.example.com": {"until": "2027-03-01T00:00:00Z"}`, `domains["a.example.com"]`, "beyond the issuer's max_until 2160h0m0s"},
		{"until in milliseconds", `"a.example.com": {"until": 1798761600000}`, `domains["a.example.com"].until`, "not milliseconds"},
		{"until that is none", `"a.example.com": {"until": "soon"}`, `domains["a.example.com"].until`, `"soon"`},
		{"until none", `"a.example.com": {"until": "none"}`, `domains["a.example.com"]`, "allow_none"},
		{"until fixed as object", `"a.example.com": {"until": {"mode": "fixed"}}`, `domains["a.example.com"].until.mode`, `"rolling" only`},
		{"floor and step too long", `"a.example.com": {"until": {"floor": "89d", "step": "48h"}}`, `domains["a.example.com"]`, "together above"},
		{"floor too short", `"a.example.com": {"until": {"floor": "10m"}}`, `domains["a.example.com"].until.floor`, "1h0m0s"},
		{"bad duration", `"a.example.com": {"until": {"floor": "4 days"}}`, `domains["a.example.com"].until.floor`, "7d"},
		{"fractional step", `"a.example.com": {"until": {"step": "3600.5s"}}`, `domains["a.example.com"].until.step`, "whole number"},
		{"not_before", `"a.example.com": {"not_before": "tomorrow"}`, `domains["a.example.com"].not_before`, "RFC 3339"},
		{"boolean", `"a.example.com": {"wildcard": "yes"}`, `domains["a.example.com"].wildcard`, "true or false"},
		{"enabled that is neither", `"a.example.com": {"enabled": "on"}`, `domains["a.example.com"].enabled`, "true or false"},
		{"unknown member", `"a.example.com": {"owner": "me"}`, `domains["a.example.com"].owner`, "is unknown here: the members are "},
		{"member with a slip", `"a.example.com": {"wildcrad": true}`, `domains["a.example.com"].wildcrad`, "is unknown here, write wildcard: "},
		{"member in short", `"a.example.com": {"wild": true}`, `domains["a.example.com"].wild`, "is unknown here, write wildcard: "},
		{"parameter of the record", `"a.example.com": {"persistUntil": 1}`, `domains["a.example.com"]["persistUntil"]`, "is unknown here, write until: "},
		{"x_ below the top", `"a.example.com": {"x_note": "mine"}`, `domains["a.example.com"].x_note`, "unknown"},
		{"repeated member", `"a.example.com": {"wildcard": false, "wildcard": true}`, `domains["a.example.com"].wildcard`, "stands twice"},
		{"no object", `"a.example.com": true`, `domains["a.example.com"]`, "write an object"},
		{"unknown form", `"a.example.com": {"forms": ["url"]}`, `domains["a.example.com"].forms`, `"url"`},
		{"no form", `"a.example.com": {"forms": []}`, `domains["a.example.com"].forms`, "names no form"},
		{"hash without prefix", `"a.example.com": {"forms": ["hash"]}`, `domains["a.example.com"]`, "account_hash_prefix"},
		{"star and no wildcard", `"*.a.example.com": {"wildcard": false}`, `domains["*.a.example.com"].wildcard`, "leave out one"},
		{"same name twice", `"a.example.com": {}, "A.example.com.": {}`, `domains["A.example.com."]`, "same name"},
		{"same name, two meanings", `"b.example.com": {}, "B.example.com": {"wildcard": true}`, `domains["B.example.com"]`, "neither counts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := compile(t, standard().Account(`"domains": {`+c.entry+`, `+good+`}`))
			if len(served(t, b, "good.example.com")) != 1 {
				t.Error("Expected the other domain to be served")
			}
			expectRejection(t, b, "accounts/web/ca/a@1: ", c.field, c.reason)
			if c.name != "same name twice" && len(names(t, b)) != 1 {
				t.Errorf("Expected nothing else to be served, got %q", names(t, b))
			}
		})
	}
}

func TestNamesMayBeWrittenAsPeopleWriteThem(t *testing.T) {
	b := compile(t, standard().Account(`"domains": {
		"Bücher.example.com": {}, "STRASSE.Example.COM.": {}, "*.star.example.com": {}, "both.example.com": {}, "*.both.example.com": {}}`))
	for name, wildcard := range map[string]bool{
		"xn--bcher-kva.example.com": false, "strasse.example.com": false, "star.example.com": true, "both.example.com": true,
	} {
		found := false
		for g := range b.Grants() {
			if string(g.FQDN) == name {
				found = len(g.Records(read)) == 1 && g.Records(read)[0].Wildcard == wildcard
			}
		}
		if !found {
			t.Errorf("Expected one record at %s with wildcard %t", name, wildcard)
		}
	}
	if len(b.Rejections()) != 0 {
		t.Errorf("Expected no rejection, got %v", b.Rejections())
	}
}

func TestBadAccountIsRejected(t *testing.T) {
	const hash = `{"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://ca.example/", "account_hash_prefix": "https://ca.example/h/", "forms": "uri,hash"}`
	withHash := standard().With(documents{"issuers/ca": hash})
	body := func(body string) documents { return standard().With(documents{"accounts/web/ca/a": body}) }
	for _, c := range []struct {
		name, field, reason string
		documents
	}{
		{"not JSON", "", "not JSON", body(`{"account_uri": `)},
		{"two values", "", "not JSON", body(`{} {}`)},
		{"the place of what is not JSON", "", "is not JSON from octet 3 on (line 2, column 2): write", body("{\n\tx}")},
		{"a byte order mark", "", "begins with a byte order mark, which is not JSON (RFC 8259 section 8.1): save it as UTF-8 without one", body("\uFEFF{}")},
		{"no object", "", "write one object", body(`[]`)},
		{"schema", "schema", "schema 1 only", standard().Account(`"schema": "2", "domains": {}`)},
		{"space in the URI", "account_uri", "", body(`{"account_uri": "https://ca.example/acct/1 2", "domains": "example.com"}`)},
		{"semicolon in the URI", "account_uri", "", body(`{"account_uri": "https://ca.example/acct/1;x=y", "domains": "example.com"}`)},
		{"foreign URI", "account_uri", "none of the account_uri_prefixes of issuers/ca", body(`{"account_uri": "https://evil.example/acct/1", "domains": "example.com"}`)},
		{"the bare prefix", "account_uri", "one of the account_uri_prefixes of issuers/ca and no account", body(`{"account_uri": "https://ca.example/acct/", "domains": "example.com"}`)},
		{"no URI", "account_uri", "missing", body(`{"domains": "example.com"}`)},
		{"no domains", "domains", "missing", body(`{"account_uri": "` + uri + `"}`)},
		{"the second thumbprint", "thumbprints[1]: ", "43", withHash.Account(`"thumbprints": ["` + policytest.Thumbprint + `", "NzbLsXh8"], "domains": "example.com"`)},
		{"short thumbprint", "thumbprints[0]: ", "43", withHash.Account(`"thumbprints": ["NzbLsXh8"], "domains": "example.com"`)},
		{"no thumbprint", `domains["example.com"]`, "no thumbprints", withHash.Account(`"domains": "example.com"`)},
		{"unknown member", "domain", "unknown", standard().Account(`"domain": {}, "domains": "example.com"`)},
		{"number as text", "note", "write a string", standard().Account(`"note": 5, "domains": "example.com"`)},
		{"unknown issuer", "", "no valid document issuers/none", standard().With(documents{"accounts/web/none/a": `{"account_uri": "https://x.example/1", "domains": "example.com"}`, "accounts/web/ca/a": ""})},
		{"unknown team", "", "no valid document teams/none", standard().With(documents{"accounts/none/ca/a": `{"account_uri": "` + uri + `", "domains": "example.com"}`, "accounts/web/ca/a": ""})},
		{"issuer not the team's", "", "does not list in issuers", standard().With(documents{"teams/web": `{"domains": "example.com", "issuers": "other"}`})},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := compile(t, c.documents)
			if len(names(t, b)) != 0 {
				t.Errorf("Expected nothing to be served, got %q", names(t, b))
			}
			expectRejection(t, b, "accounts/", "@1: ", c.field, c.reason)
		})
	}
}

func TestBadIssuerOrTeamIsRejected(t *testing.T) {
	issuer := func(member string) documents {
		base := `"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://ca.example/acct/"`
		for _, name := range []string{"issuer_domain_names", "account_uri_prefixes"} {
			if strings.Contains(member, name) {
				base = strings.ReplaceAll(base, `"`+name+`"`, `"x_`+name+`"`)
			}
		}
		return documents{"issuers/ca": "{" + base + ", " + member + "}"}
	}
	team := func(members string) documents { return documents{"teams/web": "{" + members + "}"} }
	for _, c := range []struct {
		name, field, reason string
		documents
	}{
		{"issuer name", "issuer_domain_names", "", issuer(`"issuer_domain_names": ["not a name"]`)},
		{"no issuer name", "issuer_domain_names", "missing or empty", issuer(`"issuer_domain_names": []`)},
		{"no prefix", "account_uri_prefixes", "missing or empty", issuer(`"account_uri_prefixes": ""`)},
		{"bad prefix", "account_uri_prefixes", "", issuer(`"account_uri_prefixes": ["https://ca.example/;"]`)},
		{"hash prefix missing", "forms", "account_hash_prefix", issuer(`"forms": ["uri", "hash"]`)},
		{"bad hash prefix", "account_hash_prefix", "", issuer(`"account_hash_prefix": "no uri"`)},
		{"default beyond max_until", "until", "above max_until", issuer(`"max_until": "72h"`)},
		{"default none", "until", "allow_none", issuer(`"until": "none"`)},
		{"max_until", "max_until", "is not a duration", issuer(`"max_until": true`)},
		{"typo", "wildcards", "unknown", issuer(`"wildcards": false`)},
		{"no suffix", "domains", "missing or empty", team(`"issuers": "ca"`)},
		{"no issuers", "issuers", "missing or empty", team(`"domains": "example.com"`)},
		{"issuer that is no slug", "issuers", "slug", team(`"domains": "example.com", "issuers": "CA!"`)},
		{"suffix with a star", `domains["*.example.com"]`, "covers everything below", team(`"domains": "*.example.com", "issuers": "ca"`)},
		{"suffix with settings", `domains["example.com"]`, "takes no settings", team(`"domains": {"example.com": {"wildcard": true}}, "issuers": "ca"`)},
		{"negative max_grants", "max_grants", "not negative", team(`"domains": "example.com", "issuers": "ca", "max_grants": -1`)},
		{"approved URI", `accounts["a b"]`, "", team(`"domains": "example.com", "issuers": "ca", "accounts": {"a b": {}}`)},
		{"proof without instant", "verified_at", "missing", team(`"domains": "example.com", "issuers": "ca", "accounts": {"` + uri + `": {"proof": {"by": "me"}}}`)},
		{"list of numbers", "issuers", "write strings", team(`"domains": "example.com", "issuers": ["ca", 5]`)},
		{"list that is none", "domains", "write a list", team(`"domains": 5, "issuers": "ca"`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := policy.Compile(nil, standard().With(c.documents).Snapshot(1, read), policy.Brakes{})
			if len(names(t, b)) != 0 {
				t.Errorf("Expected nothing to be served, got %q", names(t, b))
			}
			path := "issuers/ca"
			if _, ok := c.documents["teams/web"]; ok {
				path = "teams/web"
			}
			found := false
			for _, r := range b.Rejections() {
				found = found || r.Path == path && r.Version == "1" && strings.Contains(r.Field, c.field) && strings.Contains(r.Reason, c.reason)
			}
			if !found {
				t.Errorf("Expected a rejection of %s in %s with %q, got %v", c.field, path, c.reason, b.Rejections())
			}
		})
	}
}

func TestMembersMayBeStrings(t *testing.T) {
	b := compile(t, documents{
		"config":            `{"schema": "1", "store_id": "prod", "generation": "7"}`,
		"issuers/ca":        `{"issuer_domain_names": "CA.example.", "account_uri_prefixes": "https://ca.example/acct/", "wildcard": "true", "max_until": "90d", "x_ticket": "CHG-1"}`,
		"teams/web":         `{"domains": "example.com,example.org", "issuers": "ca", "wildcard": "true", "max_grants": "10"}`,
		"accounts/web/ca/a": `{"account_uri": "` + uri + `", "domains": "example.com, example.org", "wildcard": "true", "until": "1798761600"}`,
		"index":             `{"anything": "goes"}`,
	})
	want := []string{"ca.example; accounturi=https://ca.example/acct/123; policy=wildcard"}
	if diff := cmp.Diff(want, served(t, b, "example.org")); diff != "" {
		t.Errorf("Records differ (-want +got):\n%s", diff)
	}
	if len(b.Rejections()) != 0 {
		t.Errorf("Expected no rejection, got %v", b.Rejections())
	}
}

func TestDocumentInTheWrongPlaceIsReported(t *testing.T) {
	for _, path := range []string{"issuers/Ca", "teams/a/b", "accounts/web/ca", "accounts/web/ca/a/b", "readme"} {
		expectRejection(t, compile(t, standard().With(documents{path: `{}`})), path+"@1", "no policy document")
	}
}

// The values are made up; a message must not show even these.
func TestPrivateKeyIsRefusedAndNotShown(t *testing.T) {
	const secret = "MIGHAgEAMBMGByqGSM49"
	for field, member := range map[string]string{
		"":                fmt.Sprintf(`"note": "-----BEGIN EC PRIVATE KEY-----\n%s"`, secret),
		"jwk.d":           fmt.Sprintf(`"jwk": {"kty": "EC", "d": %q}`, secret),
		"x_key.k":         fmt.Sprintf(`"x_key": {"kty": "oct", "k": %q}`, secret),
		"x_keys[1].p":     fmt.Sprintf(`"x_keys": [{}, {"p": %q}]`, secret),
		"x_file":          fmt.Sprintf(`"x_file": "{\"kty\": \"RSA\", \"dq\": \"%s\"}"`, secret),
		"x_oth.oth":       fmt.Sprintf(`"x_oth": {"oth": [{"r": %q}]}`, secret),
		"x_nested.a.b.qi": fmt.Sprintf(`"x_nested": {"a": {"b": {"qi": %q}}}`, secret),
		"x_lower":         fmt.Sprintf(`"x_lower": "-----begin private key----- %s"`, secret),
		`owner`:           fmt.Sprintf(`"owner": "-----BEGIN OPENSSH PRIVATE KEY-----%s"`, secret),
		`domains.x.dp`:    fmt.Sprintf(`"domains": {"x": {"dp": %q}}`, secret),
		`account_uri`:     fmt.Sprintf(`"account_uri": "[{\"d\": \"%s\"}]"`, secret),
	} {
		body := "{" + member + "}"
		if field == "" {
			body = "{" + member // not even JSON
		}
		b := compile(t, standard().With(documents{"accounts/web/ca/a": body}))
		expectRejection(t, b, "accounts/web/ca/a@1: "+field, "private key")
		for _, r := range b.Rejections() {
			if strings.Contains(r.Error(), secret) || strings.Contains(fmt.Sprintf("%+v", r), secret) {
				t.Errorf("%s: a message shows the key: %v", field, r)
			}
		}
		if len(names(t, b)) != 0 {
			t.Errorf("%s: expected nothing to be served", field)
		}
	}
}

func TestDomainsNamedLikeJWKMembersAreNoKeys(t *testing.T) {
	b := compile(t, standard().With(documents{"teams/web": `{"domains": ["d", "k"], "issuers": ["ca"]}`}).Account(`"domains": {"d": {}, "k": {}}`))
	if diff := cmp.Diff([]string{"d", "k"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
}
