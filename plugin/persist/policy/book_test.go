package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/google/go-cmp/cmp"
)

func TestGrantBecomesARecord(t *testing.T) {
	b := compile(t, standard().Account(`"domains": {"example.com": {"wildcard": true}, "api.example.com": {}}`))
	want := []string{"ca.example; accounturi=https://ca.example/acct/123; policy=wildcard"}
	if diff := cmp.Diff(want, served(t, b, "example.com")); diff != "" {
		t.Errorf("Records of example.com differ (-want +got):\n%s", diff)
	}
	want = []string{"ca.example; accounturi=https://ca.example/acct/123"}
	if diff := cmp.Diff(want, served(t, b, "api.example.com")); diff != "" {
		t.Errorf("Records of api.example.com differ (-want +got):\n%s", diff)
	}
	if len(b.Rejections()) != 0 {
		t.Errorf("Expected no rejection, got %v", b.Rejections())
	}
}

// The hash is the published vector of draft-ietf-acme-dns-persist-02 section 10.2.
func TestHashFormStandsBesideTheURI(t *testing.T) {
	b := compile(t, standard().With(documents{
		"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"],
			"account_hash_prefix": "https://ca.example/account-hash/", "forms": ["uri", "hash"]}`,
	}).Account(`"thumbprints": ["`+thumbprint+`"], "domains": {"example.com": {}, "hash.example.com": {"forms": "hash"}}`))
	want := []string{
		"ca.example; accounturi=https://ca.example/acct/123",
		"ca.example; accounturi=https://ca.example/account-hash/sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw",
	}
	if diff := cmp.Diff(want, served(t, b, "example.com")); diff != "" {
		t.Errorf("Records differ (-want +got):\n%s", diff)
	}
	if n := len(served(t, b, "hash.example.com")); n != 1 {
		t.Errorf("Expected one record where the domain asks for the hash alone, got %d", n)
	}
}

func TestNamesAboveAGrantExist(t *testing.T) {
	b := compile(t, standard().Account(`"domains": {"a.b.example.com": {}}`))
	for name, want := range map[record.FQDN]bool{
		"a.b.example.com": true, "b.example.com": true, "example.com": true, "com": true,
		"c.b.example.com": false, "x.a.b.example.com": false, "org": false,
	} {
		if got := b.Contains(name); got != want {
			t.Errorf("Contains(%q): expected %t, got %t", name, want, got)
		}
	}
	if b.Lookup("b.example.com") != nil {
		t.Error("Expected no grant at a name that only stands above one")
	}
}

// A name keeps its place while nothing is served there, so that no resolver
// takes it, and all below it, for absent.
func TestWithheldGrantKeepsItsPlace(t *testing.T) {
	for name, d := range map[string]documents{
		"disabled: accounts/web/ca/a domains": standard().Account(`"domains": {"example.com": {"enabled": false}}`),
		"disabled: accounts/web/ca/a":         standard().Account(`"enabled": "false", "domains": {"example.com": {}}`),
		"disabled: teams/web":                 standard().With(documents{"teams/web": `{"domains": "example.com", "issuers": "ca", "enabled": false}`}),
		"disabled: issuers/ca":                standard().With(documents{"issuers/ca": `{"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://ca.example/acct/", "enabled": "false"}`}),
		"stopped: all":                        standard().With(documents{"control": `{"stop": {"all": {}}}`}),
		"stopped: issuer:ca":                  standard().With(documents{"control": `{"stop": {"issuer:ca": {"by": "me"}}}`}),
		"stopped: team:web":                   standard().With(documents{"control": `{"stop": "team:web"}`}),
		"stopped: account:web/ca/a":           standard().With(documents{"control": `{"stop": ["account:web/ca/a"]}`}),
		"stopped: uri:" + uri:                 standard().With(documents{"control": `{"stop": {"uri:` + uri + `": {}}}`}),
		"stopped: domain:com":                 standard().With(documents{"control": `{"stop": {"domain:COM.": {}}}`}),
		"rejected: asks for wildcard":         standard().With(documents{"teams/web": `{"domains": "example.com", "issuers": "ca"}`}).Account(`"domains": {"example.com": {"wildcard": true}}`),
		"rejected: names the issuer ca":       standard().With(documents{"issuers/ca": ""}),
	} {
		t.Run(name, func(t *testing.T) {
			b := compile(t, d)
			grants := b.Lookup("example.com")
			if len(grants) != 1 || !strings.HasPrefix(grants[0].Withheld, name) {
				t.Fatalf("Expected one grant that is %q, got %+v", name, grants)
			}
			if texts := served(t, b, "example.com"); len(texts) != 0 {
				t.Errorf("Expected nothing to be served, got %q", texts)
			}
		})
	}
}

func TestStopOfADomainCoversWhatIsBelowAndStripsWildcardsAbove(t *testing.T) {
	d := standard().Account(`"domains": {"example.com": {"wildcard": true}, "a.example.com": {}, "x.a.example.com": {}, "b.example.com": {"wildcard": true}}`)
	b := compile(t, d.With(documents{"control": `{"stop": {"domain:a.example.com": {"reason": "incident"}}}`}))
	if diff := cmp.Diff([]string{"example.com", "b.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
	if text := served(t, b, "example.com")[0]; strings.Contains(text, "wildcard") {
		t.Errorf("Expected no wildcard above a stopped domain, got %q", text)
	}
	if text := served(t, b, "b.example.com")[0]; !strings.Contains(text, "wildcard") {
		t.Errorf("Expected the wildcard beside a stopped domain to stay, got %q", text)
	}
}

func TestCorefileStopsLikeTheControlDocument(t *testing.T) {
	scope, err := policy.ParseScope("team:web")
	if err != nil {
		t.Fatal(err)
	}
	freeze := written.Add(time.Minute)
	b := policy.Compile(nil, standard().With(documents{"control": `{"stop": {"domain:b.example": {}}, "freeze_at": "2026-12-01T00:00:00Z"}`}).Snapshot(1, read),
		policy.Brakes{Stops: []policy.Scope{scope}, Freeze: freeze})
	if len(names(t, b)) != 0 {
		t.Errorf("Expected nothing to be served, got %q", names(t, b))
	}
	if got := b.Stops(); len(got) != 2 || got[0].String() != "domain:b.example" || got[1].String() != "team:web" {
		t.Errorf("Expected both stops, got %v", got)
	}
	if !b.Freeze().Equal(freeze) {
		t.Errorf("Expected the earlier freeze %v, got %v", freeze, b.Freeze())
	}
}

func TestUntilIsInheritedWhole(t *testing.T) {
	const hour = time.Hour
	b := compile(t, standard().With(documents{
		"issuers/ca": `{"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://ca.example/acct/", "allow_none": true,
			"until": {"floor": "48h", "step": "6h"}}`,
	}).Account(`"until": {"mode": "rolling", "floor": "10d"}, "domains": {
		"account.example.com": {}, "none.example.com": {"until": "none"}, "rolling.example.com": {"until": "rolling"},
		"fixed.example.com": {"until": "2026-12-24T18:00:00+01:00"}, "unix.example.com": {"until": 1798761600}}`))
	for name, want := range map[record.FQDN]policy.Until{
		"account.example.com": {Mode: policy.Rolling, Floor: 240 * hour, Step: 24 * hour},
		"rolling.example.com": {Mode: policy.Rolling, Floor: 96 * hour, Step: 24 * hour},
		"none.example.com":    {Mode: policy.None, Floor: 240 * hour, Step: 24 * hour},
		"fixed.example.com":   {Mode: policy.Fixed, Floor: 240 * hour, Step: 24 * hour, At: time.Date(2026, 12, 24, 17, 0, 0, 0, time.UTC)},
		"unix.example.com":    {Mode: policy.Fixed, Floor: 240 * hour, Step: 24 * hour, At: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		grants := b.Lookup(name)
		if len(grants) != 1 || grants[0].Withheld != "" {
			t.Errorf("%s: expected one grant, got %+v", name, grants)
		} else if diff := cmp.Diff(want, grants[0].Until); diff != "" {
			t.Errorf("%s: until differs (-want +got):\n%s", name, diff)
		}
	}
	b = compile(t, standard().With(documents{
		"issuers/ca": `{"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://ca.example/acct/", "until": {"floor": "48h", "step": "6h"}}`,
	}))
	want := policy.Until{Mode: policy.Rolling, Floor: 48 * hour, Step: 6 * hour}
	if diff := cmp.Diff(want, b.Lookup("example.com")[0].Until); diff != "" {
		t.Errorf("Until of the issuer differs (-want +got):\n%s", diff)
	}
}

func TestLongestSuffixOwnsANameAlone(t *testing.T) {
	d := standard().With(documents{
		"teams/apps":         `{"domains": ["apps.example.com"], "issuers": ["ca"], "wildcard": true}`,
		"accounts/apps/ca/a": `{"account_uri": "https://ca.example/acct/9", "domains": {"apps.example.com": {"wildcard": true}, "x.apps.example.com": {}, "web.example.com": {}}}`,
	}).Account(`"domains": {"apps.example.com": {}, "y.apps.example.com": {}, "web.example.com": {}}`)
	b := compile(t, d)
	if diff := cmp.Diff([]string{"apps.example.com", "x.apps.example.com", "web.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
	expectRejection(t, b, "accounts/web/ca/a@1", `domains["apps.example.com"]`, "belongs to team apps", "longer suffix apps.example.com")
	expectRejection(t, b, "accounts/web/ca/a@1", `domains["y.apps.example.com"]`, "belongs to team apps")
	expectRejection(t, b, "accounts/apps/ca/a@1", `domains["web.example.com"]`, "outside the domains of team apps")
	if grants := b.Lookup("y.apps.example.com"); grants != nil {
		t.Errorf("Expected no place for a name that is another team's, got %+v", grants)
	}
}

func TestTwoTeamsWithOneSuffixBothLoseIt(t *testing.T) {
	b := compile(t, standard().With(documents{
		"teams/web":  `{"domains": ["example.com", "web.example"], "issuers": ["ca"]}`,
		"teams/also": `{"domains": ["EXAMPLE.com."], "issuers": ["ca"]}`,
	}).Account(`"domains": {"example.com": {}, "a.example.com": {}, "web.example": {}}`))
	if diff := cmp.Diff([]string{"web.example"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
	expectRejection(t, b, "teams/also@1", `domains["example.com"]`, "also and web")
	expectRejection(t, b, "teams/web@1", `domains["example.com"]`, "also and web")
	expectRejection(t, b, "accounts/web/ca/a@1", `domains["a.example.com"]`, "belongs to nobody")
}

func TestWideGrantsStayInsideTheirOwner(t *testing.T) {
	d := standard().With(documents{"teams/apps": `{"domains": ["apps.example.com"], "issuers": ["ca"]}`})
	for _, wide := range []string{"wildcard", "subtree"} {
		narrow := d.Account(`"domains": {"example.com": {"` + wide + `": true}, "b.example.com": {"` + wide + `": true}}`)
		b := compile(t, narrow)
		if diff := cmp.Diff([]string{"b.example.com"}, names(t, b)); diff != "" {
			t.Errorf("%s: served names differ (-want +got):\n%s", wide, diff)
		}
		expectRejection(t, b, `domains["example.com"]`, "apps.example.com, which belongs to another team")
		b = compile(t, narrow.With(documents{
			"teams/web": `{"domains": ["example.com"], "issuers": ["ca"], "wildcard": true, "subtree": true, "reach": ["apps.example.com"]}`,
		}))
		if diff := cmp.Diff([]string{"example.com", "b.example.com"}, names(t, b)); diff != "" {
			t.Errorf("%s with reach: served names differ (-want +got):\n%s", wide, diff)
		}
	}
}

func TestRootSuffixCoversEverything(t *testing.T) {
	b := compile(t, standard().With(documents{"teams/web": `{"domains": ["."], "issuers": ["ca"]}`}).Account(`"domains": "example.com, example.org a.example.net"`))
	if diff := cmp.Diff([]string{"example.com", "a.example.net", "example.org"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
}

func TestTeamHasNoMoreGrantsThanItMay(t *testing.T) {
	b := compile(t, standard().With(documents{
		"teams/web":         `{"domains": ["example.com"], "issuers": ["ca"], "max_grants": 3}`,
		"accounts/web/ca/b": `{"account_uri": "https://ca.example/acct/5", "domains": "c.example.com,d.example.com"}`,
	}).Account(`"domains": "a.example.com,b.example.com"`))
	if diff := cmp.Diff([]string{"a.example.com", "b.example.com", "c.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
	expectRejection(t, b, "accounts/web/ca/b@1", `domains["d.example.com"]`, "max_grants 3")
}

func TestOnlyApprovedAccountsCount(t *testing.T) {
	const hash = `{"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://ca.example/acct/", "account_hash_prefix": "https://ca.example/account-hash/", "forms": "hash", "require_proof": true}`
	const proof = `"proof": {"verified_at": "2026-10-01T00:00:00Z", "by": "ops"}`
	approve := func(approval string) documents {
		return standard().With(documents{
			"issuers/ca": hash,
			"teams/web":  `{"domains": ["example.com"], "issuers": ["ca"], "accounts": {"` + uri + `": {` + approval + `}}}`,
		})
	}
	b := compile(t, approve(`"thumbprints": ["`+thumbprint+`"], `+proof))
	want := []string{"ca.example; accounturi=https://ca.example/account-hash/sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw"}
	if diff := cmp.Diff(want, served(t, b, "example.com")); diff != "" {
		t.Errorf("Records differ (-want +got):\n%s", diff)
	}
	expectRejection(t, compile(t, approve(`"thumbprints": ["`+thumbprint+`"]`)), "account_uri", "has no proof")
	expectRejection(t, compile(t, approve(proof)), `domains["example.com"]`, "no thumbprints")
	expectRejection(t, compile(t, approve(proof).Account(`"thumbprints": "`+thumbprint+`", "domains": "example.com"`)),
		"thumbprints", "does not approve")
	expectRejection(t, compile(t, standard().With(documents{
		"teams/web": `{"domains": ["example.com"], "issuers": ["ca"], "accounts": {"https://ca.example/acct/9": {}}}`,
	})), "account_uri", "not among the accounts that teams/web approves")
}

func TestUnchangedGrantsAreTheSameFromBookToBook(t *testing.T) {
	d := standard().Account(`"domains": {"a.example.com": {}, "b.example.com": {}}`)
	first := compile(t, d)
	same := next(first, 1, d)
	second := next(same, 2, d.Account(`"domains": {"a.example.com": {}, "b.example.com": {"wildcard": true}}`))
	a, b := first.Lookup("a.example.com")[0], first.Lookup("b.example.com")[0]
	if same.Lookup("a.example.com")[0] != a || same.Lookup("b.example.com")[0] != b {
		t.Error("Expected an unchanged document to keep its grants")
	}
	if second.Lookup("a.example.com")[0] != a {
		t.Error("Expected a grant that says the same in a new version to stay the same")
	}
	if second.Lookup("b.example.com")[0] == b {
		t.Error("Expected a grant that says something else to be another one")
	}
}

func TestGrantIsConfirmedWithWhatItRestsOn(t *testing.T) {
	paths := []string{"config", "control", "issuers/ca", "teams/web", "accounts/web/ca/a"}
	for _, oldest := range paths {
		s := standard().With(documents{"control": `{}`, "issuers/other": `{}`}).Snapshot(1, read)
		for i := range s.Documents {
			if p := s.Documents[i].Path; p == oldest || p == "issuers/other" {
				s.Documents[i].Confirmed = written
			}
		}
		b := policy.Compile(nil, s, policy.Brakes{})
		if got := b.Confirmed(b.Lookup("example.com")[0]); !got.Equal(written) {
			t.Errorf("Expected the confirmation of %s to bound that of the grant, got %v", oldest, got)
		}
	}
}

func TestNothingIsConfirmedWhileBrakesCannotBeLookedFor(t *testing.T) {
	s := standard().Snapshot(1, read)
	s.Braked = written
	b := policy.Compile(nil, s, policy.Brakes{})
	if got := b.Confirmed(b.Lookup("example.com")[0]); !got.Equal(written) {
		t.Errorf("Expected the grant to be confirmed when brakes were last looked for, %v, got %v", written, got)
	}
}

func TestStaleListingTouchesOnlyWhatItCovers(t *testing.T) {
	s := standard().With(documents{
		"teams/apps":         `{"domains": ["apps.example.com"], "issuers": ["ca"]}`,
		"accounts/apps/ca/a": `{"account_uri": "https://ca.example/acct/9", "domains": {}}`,
	}).Snapshot(1, read)
	s.Listed["accounts/apps"] = written
	b := policy.Compile(nil, s, policy.Brakes{})
	for name, want := range map[record.FQDN]time.Time{
		"x.example.com": read, "apps.example.com": written, "x.apps.example.com": written,
		"example.com": written, // apps.example.com lies below
		"org":         read, "xapps.example.com": read,
	} {
		if got := b.Listed(name); !got.Equal(want) {
			t.Errorf("%s: expected its absence to be vouched for at %v, got %v", name, want, got)
		}
	}
	if got := b.ListedAt("example.com"); !got.Equal(read) {
		t.Errorf("Expected no listing below a name to matter to itself, got %v", got)
	}
}

// Names between two others are those of every suffix that begins there, and of those
// that go on where a longer one ends.
func TestStaleListingTouchesOnlyWhatLiesBetween(t *testing.T) {
	s := standard().With(documents{
		"teams/apps":         `{"domains": ["m.example.com", "in.t.example.com"], "issuers": ["ca"]}`,
		"teams/dev":          `{"domains": ["t.example.com", "b.m.example.com"], "issuers": ["ca"]}`,
		"accounts/apps/ca/a": `{"account_uri": "https://ca.example/acct/9", "domains": {}}`,
		"accounts/dev/ca/a":  `{"account_uri": "https://ca.example/acct/8", "domains": {}}`,
	}).Snapshot(1, read)
	s.Listed["accounts/apps"] = written
	b := policy.Compile(nil, s, policy.Brakes{})
	for _, c := range []struct {
		from, to record.FQDN
		want     time.Time
	}{
		{"example.com", "l.example.com", read},
		{"example.com", "m.example.com", read},
		{"example.com", "a.m.example.com", written},
		{"l.example.com", "n.example.com", written},
		{"m.example.com", "n.example.com", written},
		{"a.b.m.example.com", "c.b.m.example.com", read},
		{"a.b.m.example.com", "c.m.example.com", written}, // out of one and into the other
		{"m.example.com", "b.m.example.com", written},
		{"n.example.com", "t.example.com", read},
		{"n.example.com", "x.in.t.example.com", written},
		{"in.t.example.com", "z.t.example.com", written},
		{"j.t.example.com", "u.example.com", read},
		{"u.example.com", "example.com", read},
		{"l.example.com", "example.com", written},
		{"example.com", "example.com", written},
		{"n.example.com", "n.example.com", read},
		{"x.org", "y.org", read},
		{"a.com", "x.org", written},
	} {
		if got := b.ListedBetween(c.from, c.to); !got.Equal(c.want) {
			t.Errorf("%s to %s: expected the names between to be vouched for at %v, got %v", c.from, c.to, c.want, got)
		}
	}
}

func TestRotationDoesNotRunAheadOfTheStore(t *testing.T) {
	s := standard().Snapshot(1, read)
	s.Date, s.DateAt = read.Add(-time.Hour), read
	b := policy.Compile(nil, s, policy.Brakes{})
	at := read.Add(10 * time.Minute)
	if got, want := b.Clock(at), at.Add(-55*time.Minute); !got.Equal(want) {
		t.Errorf("Expected rotation at %v, five minutes ahead of the store, got %v", want, got)
	}
	s.Date = read.Add(-time.Minute)
	if got := policy.Compile(nil, s, policy.Brakes{}).Clock(at); !got.Equal(at) {
		t.Errorf("Expected rotation to go by this clock at %v, got %v", at, got)
	}
	if got := compile(t, standard()).Clock(at); !got.Equal(at) {
		t.Errorf("Expected a store without a clock not to matter, got %v", got)
	}
}

func TestBookIsNotServedWithoutWhatItMustKnow(t *testing.T) {
	for _, c := range []struct {
		name, fragment string
		documents
	}{
		{"no config", "config", standard().With(documents{"config": ""})},
		{"later schema", "schema 1 only", standard().With(documents{"config": `{"schema": 2}`})},
		{"unreadable control", "control", standard().With(documents{"control": `{"stop": `})},
		{"deleted control", "was deleted", standard().With(documents{"control": "-"})},
	} {
		err := policy.Compile(nil, c.Snapshot(1, read), policy.Brakes{}).Fit()
		if err == nil || !strings.Contains(err.Error(), c.fragment) {
			t.Errorf("%s: expected an error with %q, got %v", c.name, c.fragment, err)
		}
	}
	broken := policy.Compile(nil, standard().With(documents{"control": `{"stop": {"team:web": {}, "tea": {}}}`}).Snapshot(1, read), policy.Brakes{})
	if err := broken.Fit(); err != nil || len(names(t, broken)) != 0 {
		t.Errorf("Expected what can be read of a broken control document to stop, got %v and %q", err, names(t, broken))
	}
}

func TestVersionOfADocument(t *testing.T) {
	b := next(compile(t, standard()), 7, standard())
	if got := b.Version(b.Lookup("example.com")[0].Path()); got != "7" {
		t.Errorf("Expected version 7, got %q", got)
	}
}

func TestGrantsComeInCanonicalOrder(t *testing.T) {
	// The order of RFC 4034 section 6.1, without what cannot be granted.
	want := []string{"example", "a.example", "yljkjljk.a.example", "z.a.example", "zabc.a.example", "z.example"}
	shuffled := slices.Clone(want)
	slices.Sort(shuffled)
	b := compile(t, standard().With(documents{"teams/web": `{"domains": "example", "issuers": "ca"}`}).Account(`"domains": "`+strings.Join(shuffled, " ")+`"`))
	if diff := cmp.Diff(want, names(t, b)); diff != "" {
		t.Errorf("Order differs (-want +got):\n%s", diff)
	}
}

// A document that grows by a name now and then needs no more memory than one that
// had all of them at once.
func TestANewGrantSharesItsTermsWithThoseOfBefore(t *testing.T) {
	d := standard().Account(`"domains": {"a.example.com": {}, "c.example.com": {"wildcard": true}}`)
	first := compile(t, d)
	second := next(first, 1, d.Account(`"domains": {"a.example.com": {}, "b.example.com": {}, "c.example.com": {}}`))
	a := first.Lookup("a.example.com")[0]
	for _, name := range []record.FQDN{"b.example.com", "c.example.com"} {
		if second.Lookup(name)[0].Terms != a.Terms {
			t.Errorf("Expected the new grant of %s to share the terms of %s", name, a.FQDN)
		}
	}
}
