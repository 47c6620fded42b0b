package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// rolling is an account document of these members that publishes both forms, with
// a mistake in it where it is not valid.
func rolling(members string, valid bool) documents {
	mistake := ""
	if !valid {
		mistake = `"typo": 1, `
	}
	return changing(mistake + members + `"forms": ["uri", "hash"], "domains": {"example.com": {}}`)
}

func keys(thumbprints ...string) string {
	return `"thumbprints": ["` + strings.Join(thumbprints, `", "`) + `"], `
}

func outgoing(until, members string) string {
	return fmt.Sprintf(`"overlap": {"until": %q, %s}, `, until, strings.TrimSuffix(members, ", "))
}

// A newer version that is not valid, and names another key, withdraws the one that
// counts as it would if it were valid: when its overlap ends, or at once.
func TestAnInvalidVersionThatReplacesTheKeyEndsItWithTheOverlap(t *testing.T) {
	const soon = "2026-11-05T00:00:00Z"
	current, never := hashOf("example.com", thumbprint, uri), time.Time{}
	for name, c := range map[string]struct {
		newer []string // versions, none of them valid
		end   time.Time
	}{
		"an overlap":                     {[]string{keys(earlier1) + outgoing("$ENDS", keys(thumbprint))}, ends},
		"and a later one":                {[]string{keys(earlier1) + outgoing("$ENDS", keys(thumbprint)), keys(earlier1) + outgoing("2026-12-05T00:00:00Z", keys(thumbprint))}, ends},
		"and an earlier one":             {[]string{keys(earlier1) + outgoing("$ENDS", keys(thumbprint)), keys(earlier1) + outgoing(soon, keys(thumbprint))}, time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC)},
		"and back":                       {[]string{keys(earlier1) + outgoing("$ENDS", keys(thumbprint)), keys(thumbprint)}, ends},
		"back and forth":                 {[]string{keys(thumbprint), keys(earlier1) + outgoing("$ENDS", keys(thumbprint))}, ends},
		"and then without":               {[]string{keys(earlier1) + outgoing("$ENDS", keys(thumbprint)), keys(earlier1)}, read},
		"a new key that nobody can read": {[]string{keys("x") + outgoing("$ENDS", keys(thumbprint))}, ends},
		"an overlap nobody can read":     {[]string{keys(earlier1) + outgoing("soon", keys(thumbprint))}, never},
		"another key":                    {[]string{keys(earlier1)}, read},
		"another key, and back":          {[]string{keys(earlier1), keys(thumbprint)}, read},
		"one key more":                   {[]string{keys(earlier1, thumbprint)}, never},
		"the same key before too":        {[]string{keys(thumbprint) + outgoing("$ENDS", keys(thumbprint, earlier2))}, never},
		"the key is left to the team":    {[]string{""}, never},
		"it, and an overlap":             {[]string{outgoing("$ENDS", keys(thumbprint))}, ends},
		"an account nobody can read":     {[]string{`"account_uri": "x", ` + keys(thumbprint)}, never},
	} {
		for _, before := range []string{keys(thumbprint), ""} { // the admin has it approved as the first
			b := compile(t, rolling(before, true))
			for i, members := range c.newer {
				b = next(b, 2+i, rolling(members, false))
			}
			for _, at := range []time.Time{read, ends.Add(-time.Second), ends, ends.AddDate(1, 0, 0)} {
				want := []string{uri}
				if c.end.IsZero() || at.Before(c.end) {
					want = append(want, current)
				}
				slices.Sort(want)
				if got := named(b, "example.com", at); !slices.Equal(got, want) {
					t.Errorf("%s, %q before: expected %q at %v, got %q", name, before, want, at, got)
				}
			}
			if g := b.Lookup("example.com")[0]; c.end.After(read) && (!g.Changes(read).Equal(c.end) || !g.Changed(ends).Equal(c.end)) {
				t.Errorf("%s, %q before: expected a change at %v, got %v and %v", name, before, c.end, g.Changes(read), g.Changed(ends))
			}
			again := next(b, 9, rolling(keys(thumbprint), true))
			if got := named(again, "example.com", ends); len(got) != 2 {
				t.Errorf("%s, %q before: expected a valid version to count for all that it says, got %q", name, before, got)
			}
		}
	}
}

// A grant that is left without any record is withheld, and its document to blame
// for no more than what is wrong in it.
func TestAnInvalidVersionThatReplacesTheKeyWithholdsAGrantOfTheHashAlone(t *testing.T) {
	const hash = `"forms": ["hash"], "domains": {"example.com": {}}`
	b := next(compile(t, changing(keys(thumbprint)+hash)), 2, changing(`"typo": 1, `+keys(earlier1)+hash))
	if g := b.Lookup("example.com")[0]; !strings.HasPrefix(g.Withheld, "withdrawn: the newest version names other thumbprints") || len(b.Rejections()) != 1 {
		t.Errorf("Expected the grant to be withheld, got %q with %v", g.Withheld, b.Rejections())
	}
}

// What an invalid version leaves of a document's keys, no other is lent instead.
func TestAnInvalidVersionLendsNoKeyOfTheTeams(t *testing.T) {
	reversed := func(d documents) documents {
		d["teams/web"] = strings.Replace(d["teams/web"], `"`+thumbprint+`", "`+earlier1+`"`, `"`+earlier1+`", "`+thumbprint+`"`, 1)
		return d
	}
	b := compile(t, reversed(rolling(keys(thumbprint), true)))
	b = next(b, 2, reversed(rolling(keys(earlier1), false)))
	if got := named(b, "example.com", read); !slices.Equal(got, []string{uri}) {
		t.Errorf("Expected no hash, got %q", got)
	}
	former := outgoing("$ENDS", `"account_uri": "`+formerURI+`", `+keys(formerKey))
	b = compile(t, rolling(keys(thumbprint)+former, true))
	if got := named(b, "example.com", read); len(got) != 4 {
		t.Fatalf("Expected both accounts in both forms, got %q", got)
	}
	b = next(b, 2, rolling(keys(thumbprint)+strings.Replace(former, formerKey, earlier2, 1), false))
	if got := named(b, "example.com", read); len(got) != 3 || slices.Contains(got, hashOf("example.com", formerKey, formerURI)) {
		t.Errorf("Expected the former account without its hash, got %q", got)
	}
}

// A key that the team's document lends a former account goes too, once a newer
// version of the account names others for it.
func TestAnInvalidVersionThatNamesTheFormersKeysWithdrawsThatOfTheTeam(t *testing.T) {
	former := func(members string) string {
		return keys(thumbprint) + outgoing("$ENDS", `"account_uri": "`+formerURI+`", `+members)
	}
	lent := hashOf("example.com", formerKey, formerURI)
	before := compile(t, rolling(former(""), true))
	for name, c := range map[string]struct {
		newer []string // versions, none of them valid
		still bool
	}{
		"the same":              {[]string{former("")}, true},
		"the key itself":        {[]string{former(keys(formerKey))}, true},
		"another key":           {[]string{former(keys(earlier2))}, false},
		"another key, and back": {[]string{former(keys(earlier2)), former("")}, false},
	} {
		b := before
		for i, members := range c.newer {
			b = next(b, 2+i, rolling(members, false))
		}
		if got := named(b, "example.com", read); slices.Contains(got, lent) != c.still || !slices.Contains(got, formerURI) {
			t.Errorf("%s: expected the former account, with its hash: %t, got %q", name, c.still, got)
		}
	}
}

// Keys of another account that nobody can read leave none to the one that it
// replaces but those that the overlap names.
func TestAnInvalidVersionWithUnreadableKeysOfAnotherAccountWithdrawsTheKey(t *testing.T) {
	for name, members := range map[string]string{
		"readable":   keys(formerKey),
		"unreadable": keys("x"),
	} {
		d := rolling(members+outgoing("$ENDS", `"account_uri": "`+uri+`", `+keys(earlier1)), false)
		d["accounts/web/ca/a"] = strings.Replace(d["accounts/web/ca/a"], uri, formerURI, 1)
		b := next(compile(t, rolling(keys(thumbprint), true)), 2, d)
		if got := named(b, "example.com", read); !slices.Equal(got, []string{uri}) {
			t.Errorf("%s: expected no hash, got %q", name, got)
		}
		if got := named(b, "example.com", ends); len(got) != 0 {
			t.Errorf("%s: expected nothing once the overlap is over, got %q", name, got)
		}
	}
}

// Whatever versions say that are not valid, in whatever order: no record comes by them
// that was not there before.
func TestInvalidVersionsAddNoRecord(t *testing.T) {
	former := `"account_uri": "` + formerURI + `", `
	said := []string{
		"",
		keys(thumbprint),
		keys(earlier1),
		keys(thumbprint, earlier1),
		keys(earlier1, thumbprint),
		outgoing("$ENDS", keys(thumbprint)),
		keys(earlier1) + outgoing("$ENDS", keys(thumbprint)),
		keys(thumbprint) + outgoing("$ENDS", keys(earlier1, earlier2)),
		keys(thumbprint) + outgoing("2026-11-05T00:00:00Z", keys(earlier1)),
		keys(thumbprint) + outgoing("$ENDS", former),
		keys(thumbprint) + outgoing("$ENDS", former+keys(formerKey)),
		keys(thumbprint) + outgoing("$ENDS", former+keys(earlier2)),
	}
	seen := 0
	for _, first := range said {
		counts := compile(t, rolling(first, true))
		for _, second := range said {
			narrowed := next(counts, 2, rolling(second, false))
			for _, third := range said {
				again := next(narrowed, 3, rolling(third, false))
				for _, at := range []time.Time{read, ends.AddDate(0, 0, -1), ends} {
					before, then := named(counts, "example.com", at), named(narrowed, "example.com", at)
					seen += len(then)
					if !within(then, before) || !within(named(again, "example.com", at), then) {
						t.Fatalf("At %v, %q, then %q and %q: expected no record to come, got %q, %q and %q", at, first, second, third, before, then, named(again, "example.com", at))
					}
				}
			}
		}
	}
	if seen == 0 {
		t.Error("Nothing was left at all")
	}
}

// Neither does one by versions of the team's document that are not valid, which may
// lend keys and proof to accounts.
func TestInvalidVersionsOfATeamAddNoRecord(t *testing.T) {
	approving := func(approved string, valid bool, proof bool) documents {
		d := rolling("", true)
		d["teams/web"] = `{"domains": ["example.com"], "issuers": ["ca"], ` + approved + `"typo": 1}`
		if valid {
			d["teams/web"] = strings.Replace(d["teams/web"], `"typo"`, `"x_typo"`, 1)
		}
		if proof {
			d["issuers/ca"] = strings.Replace(d["issuers/ca"], `"wildcard"`, `"require_proof": true, "wildcard"`, 1)
		}
		return d
	}
	said := append(make([]string, 0, 9), "")
	for _, list := range []string{keys(thumbprint), keys(earlier1), keys(thumbprint, earlier1), keys(earlier1, thumbprint)} {
		for _, proof := range []string{`"proof": {"verified_at": "2026-10-01T00:00:00Z"}`, ""} {
			said = append(said, `"accounts": {"`+uri+`": {`+strings.TrimSuffix(list+proof, ", ")+`}}, `)
		}
	}
	for _, proof := range []bool{false, true} {
		seen := 0
		for _, first := range said {
			counts := compile(t, approving(first, true, proof))
			before := named(counts, "example.com", read)
			if seen += len(before); !proof && len(before) == 0 && first != "" {
				t.Errorf("%q: expected records before", first)
			}
			for _, second := range said {
				narrowed := next(counts, 2, approving(second, false, proof))
				if then := named(narrowed, "example.com", read); !within(then, before) {
					t.Errorf("Proof required: %t, %q, then %q: expected no record to come, got %q and %q", proof, first, second, before, then)
				}
			}
		}
		if seen == 0 {
			t.Error("There was nothing at all")
		}
	}
}

// What a version of the team's document withdraws that is not valid is the key it lent,
// whether or not it had approved others besides: the account goes on by its URI.
func TestAnInvalidVersionOfATeamThatReplacesTheLentKeyWithdrawsNothingElse(t *testing.T) {
	approving := func(list, member string) documents {
		return rolling("", true).With(documents{"teams/web": `{"domains": ["example.com"], "issuers": ["ca"], "accounts": {"` + uri + `": {` + strings.TrimSuffix(list, ", ") + `}}, "` + member + `": 1}`})
	}
	for _, first := range []string{keys(thumbprint), keys(thumbprint, earlier1)} {
		b := next(compile(t, approving(first, "x_typo")), 2, approving(keys(earlier1), "typo"))
		if got := named(b, "example.com", read); !slices.Equal(got, []string{uri}) || len(b.Rejections()) != 1 {
			t.Errorf("%s: expected the URI alone, and no grant to be rejected, got %q, %v", first, got, b.Rejections())
		}
	}
}

// within reports whether all of some are among all.
func within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
