package policy_test

import (
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyTheMemberItselfMakesItUnsound(t *testing.T) {
	b := next(compile(t, threeNames()), 2, threeNames().Account(`"domains": {"a.example.com": {}}, "domains_note": 1, "domain": 1`))
	if diff := cmp.Diff([]string{"a.example.com"}, names(t, b)); diff != "" {
		t.Errorf("Expected the names left out to be withdrawn (-want +got):\n%s", diff)
	}
	b = next(compile(t, threeNames()), 2, threeNames().Account(`"domains": ["a.example.com", 5]`))
	if len(names(t, b)) != 3 {
		t.Errorf("Expected domains that cannot be read to withdraw nothing, got %q", names(t, b))
	}
}

func TestRepeatedMemberLosesNoRestriction(t *testing.T) {
	freeze := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for name, body := range map[string]string{
		"stops":       `{"stop": {"domain:other.net": {}}, "stop": {"all": {}}}`,
		"freeze":      `{"freeze_at": "2030-01-01T00:00:00Z", "freeze_at": "2026-12-01T00:00:00Z", "freeze_at": "soon"}`,
		"freeze back": `{"freeze_at": "2026-12-01T00:00:00Z", "freeze_at": "2030-01-01T00:00:00Z"}`,
	} {
		for kind, b := range map[string]*policy.Book{
			"first": compile(t, threeNames().With(documents{"control": body})),
			"later": next(compile(t, threeNames()), 2, threeNames().With(documents{"control": body})),
		} {
			if name == "stops" && len(names(t, b)) != 0 {
				t.Errorf("%s %s: expected both to stop, got %v", kind, name, b.Stops())
			}
			if name != "stops" && !b.Freeze().Equal(freeze) {
				t.Errorf("%s %s: expected the earlier, got %v", kind, name, b.Freeze())
			}
		}
	}
	for _, domains := range []string{
		`"domains": "a.example.com b.example.com c.example.com", "domains": {"c.example.com": {"enabled": false}}`,
		`"domains": {"c.example.com": {"enabled": false}}, "domains": "a.example.com"`,
	} {
		b := next(compile(t, threeNames()), 2, threeNames().Account(domains))
		if diff := cmp.Diff([]string{"a.example.com", "b.example.com"}, names(t, b)); diff != "" {
			t.Errorf("%s: served names differ (-want +got):\n%s", domains, diff)
		}
	}
}

// Each second version is invalid by its unknown member, and written a minute
// after the first, at the beginning of November 2026.
func TestInvalidVersionShortensUntilAndNeverLengthensIt(t *testing.T) {
	const hour = time.Hour
	day := func(month time.Month, day int) time.Time { return time.Date(2026, month, day, 0, 0, 0, 0, time.UTC) }
	rolling := func(floor, step int) policy.Until {
		return policy.Until{Mode: policy.Rolling, Floor: time.Duration(floor) * hour, Step: time.Duration(step) * hour}
	}
	fixed := func(at time.Time) policy.Until {
		return policy.Until{Mode: policy.Fixed, Floor: 96 * hour, Step: 24 * hour, At: at}
	}
	none := policy.Until{Mode: policy.None, Floor: 96 * hour, Step: 24 * hour}
	const quick = `{"until": {"floor": "2h", "step": "1h"}}`
	for _, c := range []struct {
		name, before, after string
		want                policy.Until
	}{
		{"none to fixed", `{"until": "none"}`, `{"until": "2026-11-20T00:00:00Z"}`, fixed(day(11, 20))},
		{"none to rolling", `{"until": "none"}`, quick, rolling(2, 1)},
		{"none to the issuer's", `{"until": "none"}`, `{}`, rolling(96, 24)},
		{"rolling to none", quick, `{"until": "none"}`, rolling(2, 1)},
		{"rolling to shorter", `{"until": {"floor": "200h", "step": "24h"}}`, quick, rolling(2, 1)},
		{"rolling to longer", quick, `{"until": {"floor": "200h", "step": "24h"}}`, rolling(2, 1)},
		{"rolling to fixed soon", `{"until": "rolling"}`, `{"until": "2026-11-03T00:00:00Z"}`, fixed(day(11, 3))},
		{"rolling to fixed late", `{"until": "rolling"}`, `{"until": "2026-12-24T00:00:00Z"}`, rolling(96, 24)},
		{"fixed to rolling", `{"until": "2026-11-20T00:00:00Z"}`, quick, fixed(day(11, 20))},
		{"fixed to none", `{"until": "2026-11-20T00:00:00Z"}`, `{"until": "none"}`, fixed(day(11, 20))},
		{"fixed to earlier", `{"until": "2026-11-20T00:00:00Z"}`, `{"until": "2026-11-10T00:00:00Z"}`, fixed(day(11, 10))},
		{"fixed to later", `{"until": "2026-11-20T00:00:00Z"}`, `{"until": "2026-11-30T00:00:00Z"}`, fixed(day(11, 20))},
		{"issuer's to shorter", `{}`, quick, rolling(2, 1)},
		{"issuer's to longer", `{}`, `{"until": {"floor": "200h", "step": "24h"}}`, rolling(96, 24)},
		{"issuer's to none", `{}`, `{"until": "none"}`, rolling(96, 24)},
		{"shorter than the issuer's to it", quick, `{}`, rolling(2, 1)},
		{"longer than the issuer's to it", `{"until": {"floor": "200h", "step": "24h"}}`, `{}`, rolling(96, 24)},
		{"what cannot be read", `{"until": "none"}`, `{"until": "soon"}`, none},
	} {
		d := standard().With(documents{"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "allow_none": true}`})
		b := next(compile(t, d.Account(`"domains": {"example.com": `+c.before+`}`)), 2, d.Account(`"typo": 1, "domains": {"example.com": `+c.after+`}`))
		g := b.Lookup("example.com")[0]
		if diff := cmp.Diff(c.want, g.Until); diff != "" || g.Withheld != "" {
			t.Errorf("%s: until differs (-want +got), withheld %q:\n%s", c.name, g.Withheld, diff)
		}
	}
}

// Two versions that are not valid, one after the other, both count.
func TestInvalidVersionsShortenUntilOneAfterTheOther(t *testing.T) {
	b := compile(t, standard())
	for i, until := range []string{`{"floor": "50h", "step": "1h"}`, `{"floor": "20h", "step": "1h"}`, `{"floor": "30h", "step": "1h"}`} {
		b = next(b, 2+i, standard().Account(`"typo": 1, "until": `+until+`, "domains": "example.com"`))
	}
	if got := b.Lookup("example.com")[0].Until.Floor; got != 20*time.Hour {
		t.Errorf("Expected the shortest, 20 hours, got %v", got)
	}
}

// A fixed until is held against when the version was written that it is from.
func TestUntilOfALaterVersionIsNotTooLongForTheFirst(t *testing.T) {
	d := standard().With(documents{"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "allow_none": true, "max_until": "30d"}`})
	s := d.Account(`"typo": 1, "domains": {"example.com": {"until": "2027-02-20T00:00:00Z"}}`).Snapshot(2, read)
	for i := range s.Documents {
		s.Documents[i].Created = time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	}
	b := policy.Compile(compile(t, d.Account(`"domains": {"example.com": {"until": "none"}}`)), s, policy.Brakes{})
	if g := b.Lookup("example.com")[0]; g.Withheld != "" || g.Until.Mode != policy.Fixed {
		t.Errorf("Expected the grant to end in February 2027, got %+v", g)
	}
}

func TestInvalidVersionNarrowsScopeAndBeginning(t *testing.T) {
	wide := standard().Account(`"domains": {"example.com": {"subtree": true, "not_before": "2026-11-05T00:00:00Z"}}`)
	later, early := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		domain, typo string
		subtree      bool
		notBefore    time.Time
	}{
		{`{"not_before": "2026-12-01T00:00:00Z"}`, `"typo": 1`, false, later},
		{`{"subtree": "false", "not_before": "2026-11-04T00:00:00Z"}`, `"typo": 1`, false, early},
		{`{"subtree": true}`, `"typo": 1`, true, early},
		{`{}`, `"subtree": "maybe"`, true, early},
		{`{"typo": 1, "not_before": "2026-12-01T00:00:00Z"}`, `"typo": 1`, true, early},
	} {
		b := next(compile(t, wide), 2, standard().Account(c.typo+`, "domains": {"example.com": `+c.domain+`}`))
		g := b.Lookup("example.com")[0]
		if g.Subtree != c.subtree || !g.NotBefore.Equal(c.notBefore) {
			t.Errorf("%s with %s: expected subtree %t from %v, got %t from %v", c.domain, c.typo, c.subtree, c.notBefore, g.Subtree, g.NotBefore)
		}
	}
}

func TestInvalidIssuerNarrowsWhatGrantsLeaveToIt(t *testing.T) {
	const base = `"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://ca.example/acct/", "account_hash_prefix": "https://ca.example/h/"`
	d := standard().Account(`"thumbprints": ["` + thumbprint + `"], "domains": {"example.com": {}}`).With(documents{"issuers/ca": `{` + base + `, "forms": ["uri", "hash"]}`})
	for _, c := range []struct {
		members string
		floor   time.Duration
		records int
	}{
		{`"forms": ["uri"], "until": {"floor": "20h", "step": "1h"}`, 20 * time.Hour, 1},
		{`"forms": ["uri", "hash", "opaque"], "until": {"floor": "200h", "step": "1h"}`, 96 * time.Hour, 2},
		{`"forms": ["uri", "url"], "until": {"floor": "20h", "step": "never"}`, 96 * time.Hour, 2},
	} {
		b := next(compile(t, d), 2, d.With(documents{"issuers/ca": `{` + base + `, "typo": 1, ` + c.members + `}`}))
		g := b.Lookup("example.com")[0]
		if g.Until.Floor != c.floor || len(g.Records(read)) != c.records {
			t.Errorf("%s: expected floor %v and %d records, got %+v", c.members, c.floor, c.records, g)
		}
	}
}

func TestInvalidTeamApprovesNoMoreThanBefore(t *testing.T) {
	const proof = `"proof": {"verified_at": "2026-10-01T00:00:00Z"}`
	approve := func(members, accounts string) documents {
		return standard().Account(`"thumbprints": "` + thumbprint + `", "domains": "example.com"`).With(documents{
			"issuers/ca": `{"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://ca.example/acct/", "require_proof": true}`,
			"teams/web":  `{` + members + `"domains": "example.com", "issuers": "ca", "accounts": {` + accounts + `}}`,
		})
	}
	whole := `"` + uri + `": {"thumbprints": "` + thumbprint + `", ` + proof + `}`
	for name, c := range map[string]struct {
		before, after string
		served        int
	}{
		"the same":         {whole, whole, 1},
		"another account":  {whole, `"https://ca.example/acct/9": {` + proof + `}`, 0},
		"no thumbprint":    {whole, `"` + uri + `": {` + proof + `}`, 0},
		"no proof":         {whole, `"` + uri + `": {"thumbprints": "` + thumbprint + `"}`, 0},
		"one account more": {`"https://ca.example/acct/9": {` + proof + `}`, whole, 0},
		"cannot be read":   {whole, `"no URI": {}`, 1},
	} {
		b := next(compile(t, approve("", c.before)), 2, approve(`"typo": 1, `, c.after))
		if n := len(served(t, b, "example.com")); n != c.served {
			t.Errorf("%s: expected %d records, got %d", name, c.served, n)
		}
	}
}
