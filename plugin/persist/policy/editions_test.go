package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/google/go-cmp/cmp"
)

// threeNames is the account document that the tests of this file break.
func threeNames() documents {
	return standard().Account(`"thumbprints": ["` + thumbprint + `"], "domains": {"a.example.com": {"wildcard": true}, "b.example.com": {}, "c.example.com": {}}`)
}

// doubted is a second snapshot of d, of which the store doubts one document.
func doubted(d documents, path string) *store.Snapshot {
	s := d.Snapshot(2, read.Add(time.Minute))
	s.Document(path).Doubt = store.Backdated
	return s
}

// A doubted version widens nothing, and counts once it is not doubted any more.
func TestDoubtedDocumentNarrowsOnly(t *testing.T) {
	wider := standard().Account(`"domains": {"example.com": {"wildcard": true}, "new.example.com": {}}`)
	b := policy.Compile(compile(t, standard()), doubted(wider, "accounts/web/ca/a"), policy.Brakes{})
	if diff := cmp.Diff([]string{"example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
	if got := b.Confirmed(b.Lookup("example.com")[0]); !got.Equal(read) {
		t.Errorf("Expected a doubted version to confirm nothing after %v, got %v", read, got)
	}
	b = next(b, 2, wider)
	if diff := cmp.Diff([]string{"example.com", "new.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ once it is not doubted (-want +got):\n%s", diff)
	}
}

// A control document that may be another store's stops, and lifts nothing until
// it is known to be this store's.
func TestDoubtedControlStopsAndLiftsNothing(t *testing.T) {
	three := func(control string) documents { return threeNames().With(documents{"control": control}) }
	b := compile(t, three(`{"stop": "domain:a.example.com"}`))
	other := three(`{"stop": "domain:b.example.com"}`)
	b = policy.Compile(b, doubted(other, "control"), policy.Brakes{})
	if diff := cmp.Diff([]string{"c.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
	b = next(b, 2, other)
	if diff := cmp.Diff([]string{"a.example.com", "c.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ once it is not doubted (-want +got):\n%s", diff)
	}
	first := policy.Compile(compile(t, threeNames()), doubted(other, "control"), policy.Brakes{})
	if diff := cmp.Diff([]string{"a.example.com", "c.example.com"}, names(t, first)); diff != "" {
		t.Errorf("Served names differ where it is the first (-want +got):\n%s", diff)
	}
}

func TestInvalidDocumentKeepsItsLastValidVersionAndAges(t *testing.T) {
	first := compile(t, threeNames())
	for name, body := range map[string]string{
		"not JSON":    `{"account_uri": "` + uri,
		"no object":   `"gone"`,
		"private key": `{"x_key": "-----BEGIN PRIVATE KEY-----"}`,
		"no domains":  `{"account_uri": "` + uri + `"}`,
	} {
		b := next(first, 2, threeNames().With(documents{"accounts/web/ca/a": body}))
		if diff := cmp.Diff([]string{"a.example.com", "b.example.com", "c.example.com"}, names(t, b)); diff != "" {
			t.Errorf("%s: served names differ (-want +got):\n%s", name, diff)
		}
		if got := b.Confirmed(b.Lookup("a.example.com")[0]); !got.Equal(read) {
			t.Errorf("%s: expected the last confirmation to stay at %v, got %v", name, read, got)
		}
		if again := next(b, 2, threeNames().With(documents{"accounts/web/ca/a": body})); !again.Confirmed(again.Lookup("a.example.com")[0]).Equal(read) {
			t.Errorf("%s: expected another read of the invalid version to confirm nothing", name)
		}
		repaired := next(b, 3, threeNames())
		if got := repaired.Confirmed(repaired.Lookup("a.example.com")[0]); !got.After(read) {
			t.Errorf("%s: expected a valid version to be confirmed, got %v", name, got)
		}
	}
}

// Each version is invalid by its unknown member, and restricts all the same.
func TestWhatAnInvalidVersionRestrictsActsAtOnce(t *testing.T) {
	all := []string{"a.example.com", "b.example.com", "c.example.com"}
	const issuer = `"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://ca.example/acct/"`
	for _, c := range []struct {
		name, path, body string
		want             []string
	}{
		{"domain gone", "accounts/web/ca/a", `{"account_uri": "` + uri + `", "domains": {"a.example.com": {"wildcard": true}}, "typo": 1}`, all[:1]},
		{"domain disabled", "accounts/web/ca/a", `{"account_uri": "` + uri + `", "domains": "a.example.com c.example.com", "enabled": "off"}`, nil},
		{"one disabled", "accounts/web/ca/a", `{"account_uri": "` + uri + `", "domains": {"a.example.com": {}, "b.example.com": {"enabled": false}, "c.example.com": {}}, "typo": 1}`, []string{all[0], all[2]}},
		{"unreadable domains", "accounts/web/ca/a", `{"account_uri": "` + uri + `", "domains": 5}`, all},
		{"another account", "accounts/web/ca/a", `{"account_uri": "https://ca.example/acct/9", "domains": "a.example.com b.example.com c.example.com", "typo": 1}`, nil},
		{"team disabled", "teams/web", `{"domains": "example.com", "issuers": "ca", "enabled": "maybe"}`, nil},
		{"team loses suffix", "teams/web", `{"domains": "b.example.com", "issuers": "ca", "wildcard": true, "typo": 1}`, all[1:2]},
		{"team loses issuer", "teams/web", `{"domains": "example.com", "issuers": "other", "wildcard": true, "typo": 1}`, nil},
		{"team loses wildcard", "teams/web", `{"domains": "example.com", "issuers": "ca", "wildcard": false, "typo": 1}`, all[1:]},
		{"team approves others", "teams/web", `{"domains": "example.com", "issuers": "ca", "wildcard": true, "accounts": {"https://ca.example/acct/9": {}}, "typo": 1}`, nil},
		{"fewer grants", "teams/web", `{"domains": "example.com", "issuers": "ca", "wildcard": true, "max_grants": 1, "typo": 1}`, all[:1]},
		{"team widened", "teams/web", `{"domains": "com", "issuers": "ca,other", "wildcard": true, "typo": 1}`, all},
		{"issuer disabled", "issuers/ca", `{` + issuer + `, "enabled": 0}`, nil},
		{"issuer loses wildcard", "issuers/ca", `{` + issuer + `, "wildcard": "false", "typo": 1}`, all[1:]},
		{"issuer requires proof", "issuers/ca", `{` + issuer + `, "wildcard": true, "require_proof": true, "typo": 1}`, nil},
		{"shorter max_until", "issuers/ca", `{` + issuer + `, "wildcard": true, "max_until": "100h"}`, nil},
		{"other prefixes", "issuers/ca", `{"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://new.example/", "wildcard": true, "typo": 1}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := next(compile(t, threeNames()), 2, threeNames().With(documents{c.path: c.body}))
			if diff := cmp.Diff(c.want, names(t, b)); diff != "" {
				t.Errorf("Served names differ (-want +got):\n%s", diff)
			}
			// The same without the mistake, but of doubtful origin.
			valid := strings.ReplaceAll(c.body, `, "typo": 1`, "")
			b = policy.Compile(compile(t, threeNames()), doubted(threeNames().With(documents{c.path: valid}), c.path), policy.Brakes{})
			if diff := cmp.Diff(c.want, names(t, b)); diff != "" {
				t.Errorf("Served names of a doubted version differ (-want +got):\n%s", diff)
			}
			expectRejection(t, b, c.path+"@2: goes back in time")
		})
	}
}

// While the new version is invalid, nobody gains the name that a team loses.
func TestInvalidTeamKeepsOthersOut(t *testing.T) {
	d := threeNames().With(documents{
		"teams/wide":         `{"domains": "com", "issuers": "ca"}`,
		"accounts/wide/ca/a": `{"account_uri": "` + uri + `", "domains": "d.example.com other.com"}`,
	})
	b := next(compile(t, d), 2, d.With(documents{"teams/web": `{"domains": "elsewhere.com", "issuers": "ca", "typo": 1}`}))
	if diff := cmp.Diff([]string{"other.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
	neverValid := compile(t, d.With(documents{"teams/web": `{"domains": "example.com", "typo": 1}`}))
	if diff := cmp.Diff([]string{"other.com"}, names(t, neverValid)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
}

func TestDeletedDocumentIsWithdrawnAtOnce(t *testing.T) {
	for _, path := range []string{"accounts/web/ca/a", "teams/web", "issuers/ca"} {
		for _, gone := range []string{"-", ""} {
			b := next(compile(t, threeNames()), 2, threeNames().With(documents{path: gone}))
			if len(names(t, b)) != 0 {
				t.Errorf("%s: expected nothing to be served, got %q", path, names(t, b))
			}
			if restored := next(b, 3, threeNames()); len(names(t, restored)) != 3 {
				t.Errorf("%s: expected a new version to be served", path)
			}
		}
	}
}

// Vault goes on to list what is deleted, and purging it takes rights that a team
// does not have.
func TestADeletedStrayIsNoRejection(t *testing.T) {
	stray := threeNames().With(documents{"accounts/web/ca/Prod_2": `{}`})
	b := compile(t, stray)
	expectRejection(t, b, "accounts/web/ca/Prod_2@1", "is no policy document")
	if b = next(b, 2, threeNames().With(documents{"accounts/web/ca/Prod_2": "-"})); len(b.Rejections()) > 0 {
		t.Errorf("Expected a stray that is deleted to be out of the way, got %v", b.Rejections())
	}
}

func TestOnlyAValidNewerControlDocumentLiftsAStop(t *testing.T) {
	stopped := compile(t, threeNames().With(documents{"control": `{"stop": {"team:web": {}}, "freeze_at": "2026-12-01T00:00:00Z"}`}))
	for name, body := range map[string]string{
		"gone":        "",
		"deleted":     "-",
		"not JSON":    "{",
		"invalid":     `{"stop": {}, "typo": 1}`,
		"other scope": `{"stop": {"tea:web": {}}}`,
	} {
		b := next(stopped, 2, threeNames().With(documents{"control": body}))
		if len(names(t, b)) != 0 || b.Freeze().IsZero() {
			t.Errorf("%s: expected the stop to hold, got %q", name, names(t, b))
		}
		if again := next(b, 2, threeNames().With(documents{"control": body})); len(names(t, again)) != 0 {
			t.Errorf("%s: expected the stop to hold at the next scan too", name)
		}
		if lifted := next(b, 3, threeNames().With(documents{"control": `{}`})); len(names(t, lifted)) != 3 || !lifted.Freeze().IsZero() {
			t.Errorf("%s: expected a valid newer version to lift the stop", name)
		}
	}
	earlier := threeNames().With(documents{"control": `{}`}).Snapshot(1, read.Add(time.Minute))
	for i := range earlier.Documents {
		if earlier.Documents[i].Path == "control" {
			earlier.Documents[i].Created = written.Add(-time.Hour)
		}
	}
	b := policy.Compile(stopped, earlier, policy.Brakes{})
	if len(names(t, b)) != 0 {
		t.Error("Expected a control document that goes back in time to lift nothing")
	}
	expectRejection(t, b, "control@1", "goes back in time")
	if lifted := next(b, 2, threeNames().With(documents{"control": `{}`})); len(names(t, lifted)) != 3 {
		t.Error("Expected the same to lift the stop once it is written anew, as persistctl resume --anew does")
	}
}

// Another store's control document may be newer. When this store's is back, it is
// vouched for, so that nothing ages, and lifts no stop.
func TestControlIsVouchedForAfterThatOfAnotherStore(t *testing.T) {
	with := func(control string) documents { return threeNames().With(documents{"control": control}) }
	other := with(`{"stop": "domain:b.example.com"}`).Snapshot(1, read.Add(time.Minute))
	doc := other.Document("control")
	doc.Created, doc.Doubt = written.Add(time.Hour), store.Unvouched
	b := policy.Compile(compile(t, with(`{"stop": "domain:a.example.com"}`)), other, policy.Brakes{})
	for minute := 2; minute < 5; minute++ {
		at := read.Add(time.Duration(minute) * time.Minute)
		b = policy.Compile(b, with(`{"stop": "domain:a.example.com"}`).Snapshot(1, at), policy.Brakes{})
		if diff := cmp.Diff([]string{"c.example.com"}, names(t, b)); diff != "" {
			t.Errorf("Served names differ (-want +got):\n%s", diff)
		}
		if got := b.Confirmed(b.Lookup("c.example.com")[0]); !got.Equal(at) {
			t.Errorf("Expected it to be vouched for at %v, got %v", at, got)
		}
		expectRejection(t, b, "control@1", "write it anew to lift a stop")
	}
}

// An account whose team may have been narrowed before it was written loses what it
// gives up, and waits for the rest, which is no fault of anybody's.
func TestAPendingAccountCountsForWhatItRestricts(t *testing.T) {
	pending := func(d documents, minute int) *store.Snapshot {
		s := d.Snapshot(1+minute, read.Add(time.Duration(minute)*time.Minute))
		s.Document("accounts/web/ca/a").Doubt = store.Pending
		return s
	}
	wide := standard().Account(`"domains": {"b.example.com": {"wildcard": true}, "c.example.com": {"subtree": true}}`)
	b := policy.Compile(compile(t, standard().Account(`"domains": {"a.example.com": {}, "b.example.com": {}}`)), pending(wide, 1), policy.Brakes{})
	if diff := cmp.Diff([]string{"b.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
	if texts := served(t, b, "b.example.com"); strings.Contains(strings.Join(texts, ""), "wildcard") || len(b.Rejections()) > 0 {
		t.Errorf("Expected the name alone, and nothing rejected, got %q, %v", texts, b.Rejections())
	}
	for minute := 1; minute < 4; minute++ { // what both versions say is vouched for by the newest
		b = policy.Compile(b, pending(wide, minute), policy.Brakes{})
		if got, want := b.Confirmed(b.Lookup("b.example.com")[0]), read.Add(time.Duration(minute)*time.Minute); !got.Equal(want) {
			t.Errorf("Expected it to be vouched for at %v, got %v", want, got)
		}
	}
	b = policy.Compile(b, wide.Snapshot(2, read.Add(4*time.Minute)), policy.Brakes{})
	if diff := cmp.Diff([]string{"b.example.com", "c.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
	first := standard().With(documents{"accounts/web/ca/a": ""})
	b = policy.Compile(compile(t, first), pending(standard(), 1), policy.Brakes{})
	if len(names(t, b)) > 0 || len(b.Rejections()) > 0 {
		t.Errorf("Expected a new account to wait, and nothing to be rejected, got %v, %v", names(t, b), b.Rejections())
	}
}

// A store that is refused may have a control document where this one has none.
// That it is not there when this store is back is no loss, so nothing freezes, and
// nothing is lifted either.
func TestControlOfAnotherStoreAloneIsNotMissed(t *testing.T) {
	for control, left := range map[string][]string{
		`{}`:                               {"a.example.com", "b.example.com", "c.example.com"},
		`{"stop": "domain:b.example.com"}`: {"a.example.com", "c.example.com"},
		`{"stop": `:                        {"a.example.com", "b.example.com", "c.example.com"},
		`-`:                                {"a.example.com", "b.example.com", "c.example.com"},
	} {
		other := threeNames().With(documents{"control": control}).Snapshot(1, read.Add(time.Minute))
		other.Document("control").Doubt = store.Unvouched
		b := policy.Compile(compile(t, threeNames()), other, policy.Brakes{})
		for minute := 2; minute < 5; minute++ {
			at := read.Add(time.Duration(minute) * time.Minute)
			b = policy.Compile(b, threeNames().Snapshot(1, at), policy.Brakes{})
			if diff := cmp.Diff(left, names(t, b)); diff != "" {
				t.Errorf("%s: served names differ (-want +got):\n%s", control, diff)
			}
			if got := b.Confirmed(b.Lookup("c.example.com")[0]); !got.Equal(at) {
				t.Errorf("%s: expected it to be vouched for at %v, got %v", control, at, got)
			}
			if len(left) < 3 {
				expectRejection(t, b, "control@1", "was of a store that is refused", "{} for no stop")
			}
		}
		if lifted := next(b, 2, threeNames().With(documents{"control": `{}`})); len(names(t, lifted)) != 3 || len(lifted.Rejections()) > 0 {
			t.Errorf("%s: expected a control document of this store to lift all, got %v", control, lifted.Rejections())
		}
	}
}

// Whose control document is lost keeps to it, whatever other stores have said
// since.
func TestControlThatIsLostAfterThatOfAnotherStoreFreezes(t *testing.T) {
	with := func(control string) documents { return threeNames().With(documents{"control": control}) }
	other := with(`{"stop": "domain:b.example.com"}`).Snapshot(2, read.Add(time.Minute))
	other.Document("control").Doubt = store.Unvouched
	b := policy.Compile(compile(t, with(`{"stop": "domain:a.example.com"}`)), other, policy.Brakes{})
	b = policy.Compile(b, threeNames().Snapshot(1, read.Add(2*time.Minute)), policy.Brakes{})
	if diff := cmp.Diff([]string{"c.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
	if got := b.Confirmed(b.Lookup("c.example.com")[0]); got.After(read.Add(time.Minute)) {
		t.Errorf("Expected it to age since control is lost, got %v", got)
	}
}

func TestABrokenControlDocumentStillStops(t *testing.T) {
	d := threeNames().With(documents{"control": `{"stop": {"issuer:ca": {}, "nonsense": {}}, "freeze_at": "2026-12-01T00:00:00Z", "typo": 1}`})
	b := next(compile(t, threeNames()), 2, d)
	if len(names(t, b)) != 0 || b.Freeze().IsZero() {
		t.Errorf("Expected what can be read to act, got %q, freeze %v", names(t, b), b.Freeze())
	}
	expectRejection(t, b, "control@2", "nonsense", "write all, issuer:ISSUER")
	broken := read.Add(time.Minute)
	for version := 2; version < 5; version++ {
		b = next(b, version, d)
		if got := b.Confirmed(b.Lookup("a.example.com")[0]); !got.Equal(broken) {
			t.Errorf("Expected everything to age since the control document broke at %v, got %v", broken, got)
		}
	}
}

func TestDeletedControlDocumentDoesNotAge(t *testing.T) {
	d := threeNames().With(documents{"control": `{}`})
	b := next(compile(t, d), 2, d.With(documents{"control": "-"}))
	if got := b.Confirmed(b.Lookup("a.example.com")[0]); !got.After(read) {
		t.Errorf("Expected the store's word that it was deleted to count, got %v", got)
	}
	expectRejection(t, b, "control@2", "was deleted", "goes on to hold")
}

// A new version would lift what the deleted one stopped, and lose the store_id of
// a config.
func TestADeletedDocumentIsToBeBroughtBackFirst(t *testing.T) {
	d := threeNames().With(documents{"control": `{"stop": {"team:web": {}}}`})
	for _, path := range []string{"control", "config"} {
		for undelete, remedy := range map[string]string{"vault kv undelete " + path: "bring it back first (vault kv undelete " + path + ")", "": "it cannot be brought back: write "} {
			gone := d.With(documents{path: "-"}).Snapshot(2, read.Add(time.Minute))
			gone.Document(path).Undelete = undelete
			expectRejection(t, policy.Compile(compile(t, d), gone, policy.Brakes{}), path+"@2", "was deleted", remedy)
			if path == "control" {
				expectRejection(t, policy.Compile(nil, gone, policy.Brakes{}), path+"@2", "before it could be read", remedy)
			}
		}
	}
}

func TestLostConfigConfirmsNothing(t *testing.T) {
	for _, body := range []string{"", "-", `{"schema": 2}`} {
		b := next(compile(t, threeNames()), 2, threeNames().With(documents{"config": body}))
		if err := b.Fit(); err != nil {
			t.Errorf("%q: expected the last valid config to hold, got %v", body, err)
		}
		if got := b.Confirmed(b.Lookup("a.example.com")[0]); !got.Equal(read) {
			t.Errorf("%q: expected the last confirmation to stay, got %v", body, got)
		}
	}
}

// A document that is written anew after its history was wiped has version 1 again.
func TestVersionAloneDoesNotMakeADocumentTheSame(t *testing.T) {
	b := policy.Compile(compile(t, threeNames()), threeNames().Account(`"domains": "a.example.com"`).Snapshot(1, read.Add(time.Minute)), policy.Brakes{})
	if diff := cmp.Diff([]string{"a.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
}

// What somebody has written to stop a wildcard stops it, and can be lifted.
func TestAWildcardInAControlDocumentStops(t *testing.T) {
	b := compile(t, threeNames().With(documents{"control": `{"stop": {"domain:*.a.example.com": {}}}`}))
	if diff := cmp.Diff([]string{"b.example.com", "c.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
	if c := parseControl(t, `{"stop": {"domain:*.a.example.com": {}}}`); c.Check() != nil || !c.Lift(scope(t, "domain:a.example.com")) {
		t.Errorf("Expected a stop that can be lifted, got %v", c.Stops())
	}
}

func TestScopesAreParsedStrictly(t *testing.T) {
	for in, want := range map[string]string{
		"all": "all", "issuer:le": "issuer:le", "team:web": "team:web", "account:a/b/c": "account:a/b/c",
		"uri:https://ca.example/1": "uri:https://ca.example/1", "domain:Bücher.Example.": "domain:xn--bcher-kva.example",
	} {
		if s, err := policy.ParseScope(in); err != nil || s.String() != want {
			t.Errorf("%s: expected %s, got %v and %v", in, want, s, err)
		}
	}
	for in, want := range map[string]string{
		"domain:*.Example.com":                       "it would stop Example.com itself as well, and everything below: write domain:Example.com if",
		"domain:_validation-persist.example.com":     "write domain:example.com",
		"domain:_Validation-Persist.www.example.com": "write domain:www.example.com",
	} {
		if s, err := policy.ParseScope(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: expected %q, got %v and %v", in, want, s, err)
		}
	}
	for _, in := range []string{"", "all:x", "everything", "issuer:", "team:A", "account:a/b", "uri:a b", "domain:a..b", "Team:web"} {
		if s, err := policy.ParseScope(in); err == nil || !strings.Contains(err.Error(), "write all") {
			t.Errorf("%q: expected an error that says what to write, got %v and %v", in, s, err)
		}
	}
}
