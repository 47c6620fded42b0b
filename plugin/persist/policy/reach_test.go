package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// reached says of each name by which accounts it is granted, * behind those that
// are withheld there.
func reached(b *policy.Book, name record.FQDN) string {
	var list []string
	for _, g := range b.At(name) {
		if g.FQDN != name {
			return "a grant of " + string(g.FQDN)
		}
		account := g.Account
		if g.Withheld != "" {
			account += "*"
		}
		list = append(list, account)
	}
	return strings.Join(list, " ")
}

func TestASubtreeReachesNamesWithoutGrantsOfTheirOwn(t *testing.T) {
	d := policytest.Standard().Account(`"domains": {
		"dev.example.com": {"subtree": true}, "own.dev.example.com": {}, "off.dev.example.com": {"enabled": false},
		"bad.dev.example.com": {"subtree": true, "until": "none"}, "again.own.dev.example.com": {"subtree": true},
		"idle.example.com": {"subtree": true, "enabled": false}}`).
		With(policytest.Documents{
			"accounts/web/ca/b": `{"account_uri": "https://ca.example/acct/7", "domains": {"dev.example.com": {}, "idle.example.com": {}}}`,
			"accounts/web/ca/c": `{"account_uri": "https://ca.example/acct/8", "domains": {"dev.example.com": {"subtree": true}}}`,
			"control":           `{"stop": {"domain:stop.dev.example.com": {}}}`,
		})
	b := d.Compile(t)
	for name, want := range map[record.FQDN]string{
		"dev.example.com":                       "a b c",
		"x.dev.example.com":                     "a c", // b grants no subtree
		"1.2.3.4.5.dev.example.com":             "a c",
		"0.1.2.3.4.5.dev.example.com":           "", // deeper than five labels
		"_x.dev.example.com":                    "a c",
		"*.dev.example.com":                     "",
		"x.*.dev.example.com":                   "",
		"own.dev.example.com":                   "a",
		"x.own.dev.example.com":                 "",
		"x.off.dev.example.com":                 "",
		"x.bad.dev.example.com":                 "", // rejected
		"x.again.own.dev.example.com":           "a",
		"stop.dev.example.com":                  "a* c*",
		"x.stop.dev.example.com":                "a* c*",
		"stops.dev.example.com":                 "a c",
		"x.idle.example.com":                    "a*",
		"example.com":                           "",
		"x.example.com":                         "",
		"x.dev.example.org":                     "",
		"_validation-persist.x.dev.example.com": "",
	} {
		if got := reached(b, name); got != want {
			t.Errorf("%s: expected %q, got %q", name, want, got)
		}
	}
}

// A book without such grants is not walked, and one with them not longer than
// need be. Nothing of it allocates where all grants of the name above are alike.
func TestReachingDoesNotAllocate(t *testing.T) {
	b := policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true}}`).Compile(t)
	for _, name := range []record.FQDN{"a.b.c.dev.example.com", "a.b.c.d.e.f.example.com"} {
		if n := testing.AllocsPerRun(100, func() { b.Reach(name) }); n != 0 {
			t.Errorf("%s: expected no allocation, got %v", name, n)
		}
	}
}

// Where another team owns a name below, a subtree needs the admin's leave, and
// with it reaches there too.
func TestASubtreeReachesOtherTeamsOnlyByLeave(t *testing.T) {
	d := policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true}}`).With(policytest.Documents{
		"teams/ops": `{"domains": ["ops.dev.example.com"], "issuers": ["ca"]}`,
	})
	b := d.Compile(t)
	if got := reached(b, "x.dev.example.com"); got != "" {
		t.Errorf("Expected a rejected subtree to reach nothing, got %q", got)
	}
	expectRejection(t, b, "accounts/web/ca/a@1: ", `domains["dev.example.com"]`, "would reach into ops.dev.example.com")
	b = d.With(policytest.Documents{
		"teams/web": `{"domains": ["example.com"], "issuers": ["ca"], "subtree": true, "reach": ["ops.dev.example.com"]}`,
	}).Compile(t)
	if got := reached(b, "x.ops.dev.example.com"); got != "a" {
		t.Errorf("Expected leave to count, got %q", got)
	}
}

// The hashed URI of draft-ietf-acme-dns-persist-02 section 4.1 is of the name that
// is validated, and so differs from that of the name with the grant.
func TestASubtreeBindsEachNameByItself(t *testing.T) {
	b := policytest.Standard().With(policytest.Documents{
		"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "wildcard": true, "subtree": true, "account_hash_prefix": "https://ca.example/account-hash/", "forms": ["hash"]}`,
	}).Account(`"thumbprints": ["` + policytest.Thumbprint + `"], "domains": {"example.com": {"subtree": true, "wildcard": true}}`).Compile(t)
	for _, name := range []record.FQDN{"example.com", "x.example.com"} {
		list := b.At(name)[0].Records(policytest.Read)
		want := record.HashAccountURI("https://ca.example/account-hash/", name, policytest.Thumbprint, policytest.AccountURI)
		if len(list) != 1 || list[0].AccountURI != want || !list[0].Wildcard {
			t.Errorf("%s: expected %s with the wildcard of the grant, got %+v", name, want, list)
		}
	}
}

func ipDocuments(domains string) policytest.Documents {
	return policytest.Standard().With(policytest.Documents{
		"teams/web": `{"domains": ["192.0.2.0/23", "198.51.100.0/24", "2001:db8::/47"], "issuers": ["ca"], "wildcard": true, "subtree": true}`,
	}).Account(`"wildcard": true, "domains": {` + domains + `}`)
}

// Baseline Requirements 3.2.2.5.8: what is validated is an address.
func TestAPrefixGrantsEveryAddressInIt(t *testing.T) {
	b := ipDocuments(`"192.0.2.7": {}, "198.51.100.0/24": {}, "192.0.3.64/26": {}, "2001:db8::/48": {}, "2001:db8:1::1": {}`).Compile(t)
	for address, want := range map[string]string{
		"192.0.2.7": "a", "192.0.2.8": "", "198.51.100.0": "a", "198.51.100.255": "a", "198.51.101.1": "",
		"192.0.3.64": "a", "192.0.3.127": "a", "192.0.3.63": "", "192.0.3.128": "",
		"2001:db8::": "a", "2001:db8:0:ffff:ffff:ffff:ffff:ffff": "a", "2001:db8:1::1": "a", "2001:db8:1::2": "",
		"198.51.100.0/24": "a", "2001:db8:0:1::/64": "",
	} {
		name, _, err := record.ParseFQDN(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := reached(b, name); got != want {
			t.Errorf("%s: expected %q, got %q", address, want, got)
		}
		for _, g := range b.At(name) {
			records := g.Records(policytest.Read)
			if (len(records) == 1) != name.IsAddress() || slices.ContainsFunc(records, func(r record.Record) bool { return r.Wildcard }) {
				t.Errorf("%s: expected one record, without wildcard, at addresses alone, got %+v", address, records)
			}
		}
	}
	if list := b.Rejections(); len(list) > 0 {
		t.Errorf("Expected nothing to be rejected, got %v", list)
	}
}

func TestWhatMakesNoSenseOfAddressesIsRejected(t *testing.T) {
	for entry, want := range map[string]string{
		`"192.0.2.7": {"wildcard": true}`:                "leave it out",
		`"7.2.0.192.in-addr.arpa": {"wildcard": true}`:   "leave it out",
		`"192.0.2.7": {"subtree": true}`:                 "nothing below it",
		`"192.0.2.0/24": {"subtree": false}`:             "write the addresses that are meant",
		`"0-26.2.0.192.in-addr.arpa": {"subtree": true}`: "grant each name",
		`"192.0.2.7": {}, "7.2.0.192.in-addr.arpa": {}`:  "same name",
		`"2001:db8::/47": {}, "*.2001:db8::1": {}`:       "wildcard of an IP address",
	} {
		expectRejection(t, ipDocuments(entry).Compile(t), "accounts/web/ca/a@1: ", want)
	}
	d := ipDocuments(`"192.0.2.0/24": {}, "192.0.3.7/32": {}`).With(policytest.Documents{
		"teams/web": `{"domains": ["192.0.2.0/23"], "issuers": ["ca"], "wildcard": true}`,
	})
	b := d.Compile(t)
	expectRejection(t, b, `domains["192.0.2.0/24"]`, "asks for subtree, which teams/web does not allow")
	if got := reached(b, "7.3.0.192.in-addr.arpa"); got != "a" {
		t.Errorf("Expected one address to need no leave, got %q", got)
	}
}

func TestAStopOfAPrefixWithholdsItsAddresses(t *testing.T) {
	b := ipDocuments(`"2001:db8::/47": {}, "198.51.100.0/24": {}`).With(policytest.Documents{
		"control": `{"stop": {"domain:2001:db8:1::/48": {}, "domain:198.51.100.7": {}}}`,
	}).Compile(t)
	for address, want := range map[string]string{"2001:db8::1": "a", "2001:db8:1::1": "a*", "198.51.100.7": "a*", "198.51.100.8": "a"} {
		name, _, _ := record.ParseFQDN(address)
		if got := reached(b, name); got != want {
			t.Errorf("%s: expected %q, got %q", address, want, got)
		}
	}
}
