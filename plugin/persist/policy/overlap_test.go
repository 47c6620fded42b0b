package policy_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/google/go-cmp/cmp"
)

// The account that is replaced, keys of it and of the standard one, and when
// overlaps end.
const (
	formerURI = "https://ca.example/acct/7"
	earlier1  = "5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw"
	earlier2  = "NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug"
	formerKey = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
)

var ends = time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)

// changing is an issuer with a hash prefix, a team that approves all of these
// accounts and keys, and an account of the given members.
func changing(members string) documents {
	return standard().With(documents{
		"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "account_hash_prefix": "https://ca.example/account-hash/", "wildcard": true}`,
		"teams/web": fmt.Sprintf(`{"domains": ["example.com"], "issuers": ["ca"], "wildcard": true, "accounts": {%q: {"thumbprints": [%q, %q, %q]}, %q: {"thumbprints": [%q]}}}`,
			uri, thumbprint, earlier1, earlier2, formerURI, formerKey),
	}).Account(strings.ReplaceAll(members, "$ENDS", ends.Format(time.RFC3339)))
}

// hashOf is the hashed URI as draft-ietf-acme-dns-persist-02 section 4.1 words
// it, by nothing of this project.
func hashOf(name, key, account string) string {
	sum := sha256.Sum256(slices.Concat([]byte{byte(len(name))}, []byte(name), []byte(key), []byte(account)))
	return "https://ca.example/account-hash/sha-256/" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// named are the account URIs of the records at name, sorted.
func named(b *policy.Book, name record.FQDN, at time.Time) []string {
	list := []string{}
	for _, g := range b.Lookup(name) {
		for _, r := range g.Records(at) {
			list = append(list, r.AccountURI)
		}
	}
	slices.Sort(list)
	return list
}

func TestAnOverlapIsPublishedBesidesUntilItsInstantAndNoLonger(t *testing.T) {
	hash := func(key, account string) string { return hashOf("example.com", key, account) }
	for name, c := range map[string]struct {
		members       string
		during, after []string
	}{
		"another key": {
			fmt.Sprintf(`"thumbprints": [%q], "forms": ["hash"], "overlap": {"until": "$ENDS", "thumbprints": [%q]}`, thumbprint, earlier1),
			[]string{hash(thumbprint, uri), hash(earlier1, uri)}, []string{hash(thumbprint, uri)},
		},
		"two keys after another": {
			fmt.Sprintf(`"forms": ["hash"], "overlap": {"until": "$ENDS", "thumbprints": [%q, %q, %q]}`, earlier1, thumbprint, earlier2),
			[]string{hash(thumbprint, uri), hash(earlier1, uri), hash(earlier2, uri)}, []string{hash(thumbprint, uri)},
		},
		"another key where no record has it": {
			fmt.Sprintf(`"overlap": {"until": "$ENDS", "thumbprints": [%q]}`, earlier1),
			[]string{uri}, []string{uri},
		},
		"from uri to hash": {
			`"forms": ["hash"], "overlap": {"until": "$ENDS", "forms": ["uri"]}`,
			[]string{uri, hash(thumbprint, uri)}, []string{hash(thumbprint, uri)},
		},
		"from hash to uri": {
			`"overlap": {"until": "$ENDS", "forms": ["hash"]}`,
			[]string{uri, hash(thumbprint, uri)}, []string{uri},
		},
		"from uri to opaque, which looks the same": {
			`"forms": ["opaque"], "overlap": {"until": "$ENDS", "forms": ["uri"]}`,
			[]string{uri}, []string{uri},
		},
		"another account": {
			`"overlap": {"until": "$ENDS", "account_uri": "` + formerURI + `"}`,
			[]string{uri, formerURI}, []string{uri},
		},
		"another account by its hash, with the key that is approved": {
			`"forms": ["hash"], "overlap": {"until": "$ENDS", "account_uri": "` + formerURI + `"}`,
			[]string{hash(thumbprint, uri), hash(formerKey, formerURI)}, []string{hash(thumbprint, uri)},
		},
		"the same account as before": {
			`"overlap": {"until": "$ENDS", "account_uri": "` + uri + `"}`,
			[]string{uri}, []string{uri},
		},
		"another account and another form": {
			`"forms": ["hash"], "overlap": {"until": "$ENDS", "forms": ["uri"], "account_uri": "` + formerURI + `"}`,
			[]string{uri, hash(thumbprint, uri), formerURI, hash(formerKey, formerURI)}, []string{hash(thumbprint, uri)},
		},
	} {
		b := compile(t, changing(c.members+`, "domains": {"example.com": {}}`))
		for at, want := range map[time.Time][]string{read: c.during, ends.Add(-1): c.during, ends: c.after, ends.AddDate(10, 0, 0): c.after} {
			slices.Sort(want)
			if diff := cmp.Diff(want, named(b, "example.com", at)); diff != "" {
				t.Errorf("%s, at %v: the records differ (-want +got):\n%s", name, at, diff)
			}
		}
		g := b.Lookup("example.com")[0]
		changes := len(c.during) != len(c.after)
		if next := g.Changes(read); next.Equal(ends) != changes || !g.Changes(ends).IsZero() {
			t.Errorf("%s: expected the records to change at %v and never again, got %v and %v", name, ends, next, g.Changes(ends))
		}
		if last := g.Changed(ends); !g.Changed(ends.Add(-1)).IsZero() || last.Equal(ends) != changes {
			t.Errorf("%s: expected a change at %v to be behind from then on, got %v", name, ends, last)
		}
		if len(b.Rejections()) > 0 {
			t.Errorf("%s: %v", name, b.Rejections())
		}
	}
}

// The test vector of draft-ietf-acme-dns-persist-02 section 10.2, as the key of
// before and as the one that counts.
func TestTheHashOfAnOverlapIsThatOfTheVectors(t *testing.T) {
	const vector = "https://ca.example/account-hash/sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw"
	for _, keys := range [][2]string{{thumbprint, earlier2}, {earlier2, thumbprint}} {
		b := compile(t, changing(fmt.Sprintf(`"thumbprints": [%q], "forms": ["hash"], "overlap": {"until": "$ENDS", "thumbprints": [%q]}, "domains": {"example.com": {}}`, keys[0], keys[1])))
		if got := named(b, "example.com", read); !slices.Contains(got, vector) || len(got) != 2 {
			t.Errorf("Expected %s among two, got %q", vector, got)
		}
	}
}

func TestADomainMayChangeItsFormByItself(t *testing.T) {
	b := compile(t, changing(fmt.Sprintf(`"thumbprints": [%q], "overlap": {"until": "$ENDS", "thumbprints": [%q]}, "domains": {
		"example.com": {"forms": ["hash"], "overlap": {"until": "2026-11-05T00:00:00Z", "forms": ["uri"]}},
		"a.example.com": {"forms": ["hash"]},
		"b.example.com": {}}`, thumbprint, earlier1)))
	both := func(name string) []string {
		return []string{hashOf(name, thumbprint, uri), hashOf(name, earlier1, uri)}
	}
	own := time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name record.FQDN
		at   time.Time
		want []string
	}{
		{"example.com", read, append(both("example.com"), uri)},
		{"example.com", own, both("example.com")},
		{"example.com", ends, both("example.com")[:1]},
		{"a.example.com", own, both("a.example.com")},
		{"a.example.com", ends, both("a.example.com")[:1]},
		{"b.example.com", read, []string{uri}},
	} {
		slices.Sort(c.want)
		if diff := cmp.Diff(c.want, named(b, c.name, c.at)); diff != "" {
			t.Errorf("%s at %v: the records differ (-want +got):\n%s", c.name, c.at, diff)
		}
	}
	if g := b.Lookup("example.com")[0]; !g.Changes(read).Equal(own) || !g.Changes(own).Equal(ends) {
		t.Errorf("Expected changes at %v and %v, got %v and %v", own, ends, g.Changes(read), g.Changes(own))
	}
}

// What an admin does not approve of an overlap, or takes back, costs the overlap
// and nothing else, at once.
func TestAnOverlapIsApprovedAsTheAccountIs(t *testing.T) {
	rolls := fmt.Sprintf(`"thumbprints": [%q], "forms": ["hash"], "overlap": {"until": "$ENDS", "thumbprints": [%q, %q]}, "domains": {"example.com": {}}`, thumbprint, earlier1, earlier2)
	replaces := `"overlap": {"until": "$ENDS", "account_uri": "` + formerURI + `"}, "domains": {"example.com": {}}`
	for name, c := range map[string]struct {
		members, file, from, to string
		want                    []string
		rejection               []string
	}{
		"a key": {rolls, "teams/web", `, "` + earlier1 + `"`, "", []string{hashOf("example.com", thumbprint, uri), hashOf("example.com", earlier2, uri)}, []string{"overlap.thumbprints", earlier1}},
		"the account": {
			replaces, "teams/web", `, "` + formerURI + `": {"thumbprints": ["` + formerKey + `"]}`, "",
			[]string{uri},
			[]string{"overlap.account_uri", formerURI, "not among the accounts that teams/web approves"},
		},
		"an account of another CA": {replaces, "issuers/ca", `"https://ca.example/acct/"`, `"https://ca.example/acct/1"`, []string{uri}, []string{"overlap.account_uri", "account_uri_prefixes of issuers/ca"}},
		"an account without proof": {
			replaces, "teams/web", `"accounts": {"` + uri + `": {`, `"accounts": {"` + uri + `": {"proof": {"verified_at": 1790000000}, `,
			[]string{uri},
			[]string{"overlap.account_uri", "has no proof"},
		},
	} {
		d := changing(c.members)
		before := compile(t, d)
		if n := len(named(before, "example.com", read)); n <= len(c.want) {
			t.Fatalf("%s: expected more than %q to begin with, got %d", name, c.want, n)
		}
		changed := strings.Replace(d[c.file], c.from, c.to, 1)
		if changed == d[c.file] {
			t.Fatalf("%s: nothing is changed in %s", name, changed)
		}
		d = d.With(documents{c.file: changed})
		if strings.Contains(name, "proof") {
			d["issuers/ca"] = strings.Replace(d["issuers/ca"], "{", `{"require_proof": true, `, 1)
		}
		for _, b := range []*policy.Book{compile(t, d), next(before, 2, d)} {
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, named(b, "example.com", read)); diff != "" {
				t.Errorf("%s: the records differ (-want +got):\n%s", name, diff)
			}
			expectRejection(t, b, c.rejection...)
			if len(b.Rejections()) != 1 {
				t.Errorf("%s: expected one rejection, got %v", name, b.Rejections())
			}
		}
	}
}

func TestAStopOfTheFormerAccountWithdrawsItAloneAtOnce(t *testing.T) {
	d := changing(`"overlap": {"until": "$ENDS", "account_uri": "` + formerURI + `"}, "domains": {"example.com": {}}`)
	before := compile(t, d)
	for scope, want := range map[string][]string{
		"uri:" + formerURI:       {uri},
		"uri:" + uri:             {},
		"account:web/ca/a":       {},
		"domain:example.com":     {},
		"uri:" + formerURI + "7": {uri, formerURI},
	} {
		stopped := d.With(documents{"control": `{"stop": {"` + scope + `": {}}}`})
		for _, b := range []*policy.Book{compile(t, stopped), next(before, 2, stopped)} {
			if diff := cmp.Diff(want, named(b, "example.com", read)); diff != "" {
				t.Errorf("%s: the records differ (-want +got):\n%s", scope, diff)
			}
			if idle := len(b.Idle()) > 0; idle != (len(want) == 2) {
				t.Errorf("%s: expected it to be idle only where it stops nothing, got %v", scope, b.Idle())
			}
		}
		if b := next(next(before, 2, stopped), 3, d.With(documents{"control": `{}`})); len(named(b, "example.com", read)) != 2 {
			t.Errorf("%s: expected both accounts once it is lifted, got %q", scope, named(b, "example.com", read))
		}
	}
}

// A newer version that is not valid restricts the overlap and widens nothing.
func TestAnInvalidVersionNarrowsTheOverlap(t *testing.T) {
	overlap := fmt.Sprintf(`"forms": ["hash"], "overlap": {"until": "$ENDS", "forms": ["uri"], "thumbprints": [%q, %q]}`, earlier1, earlier2)
	before := compile(t, changing(overlap+`, "domains": {"example.com": {}}`))
	all := named(before, "example.com", read)
	if len(all) != 4 {
		t.Fatalf("Expected four records, got %q", all)
	}
	for name, c := range map[string]struct {
		members string
		want    int
		until   time.Time
	}{
		"the same":                    {overlap, 4, ends},
		"none":                        {`"forms": ["hash"]`, 2, ends}, // forms lend nobody anything
		"an earlier end":              {strings.ReplaceAll(overlap, "$ENDS", "2026-11-05T00:00:00Z"), 4, time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC)},
		"a later end":                 {strings.ReplaceAll(overlap, "$ENDS", "2026-12-05T00:00:00Z"), 4, ends},
		"a key less":                  {strings.ReplaceAll(overlap, `, "`+earlier2+`"`, ""), 3, ends},
		"another account":             {strings.ReplaceAll(overlap, `"forms": ["uri"],`, `"forms": ["uri"], "account_uri": "`+formerURI+`",`), 2, ends},
		"an overlap nobody can read":  {strings.ReplaceAll(overlap, "$ENDS", "soon"), 4, ends},
		"another key for the current": {fmt.Sprintf(`"thumbprints": [%q], `, earlier1) + strings.ReplaceAll(overlap, earlier1, thumbprint), 4, ends},
	} {
		b := next(before, 2, changing(c.members+`, "typo": 1, "domains": {"example.com": {}}`))
		got := named(b, "example.com", read)
		if len(got) != c.want || slices.ContainsFunc(got, func(uri string) bool { return !slices.Contains(all, uri) }) {
			t.Errorf("%s: expected %d of %q, got %q", name, c.want, all, got)
		}
		if changes := b.Lookup("example.com")[0].Changes(read); !changes.Equal(c.until) {
			t.Errorf("%s: expected the overlap to end at %v, got %v", name, c.until, changes)
		}
	}
}

// A newer version that is not valid, and names another account, withdraws the one
// that counts as it would if it were valid: when its overlap ends.
func TestAnInvalidVersionThatReplacesTheAccountEndsItWithTheOverlap(t *testing.T) {
	const rest = `"typo": 1, "domains": {"example.com": {}}`
	former := changing(`"domains": {}`).With(documents{"accounts/web/ca/a": `{"account_uri": "` + formerURI + `", "domains": {"example.com": {}}}`})
	b := next(compile(t, former), 2, changing(`"overlap": {"until": "$ENDS", "account_uri": "`+formerURI+`"}, `+rest))
	later := next(b, 3, changing(`"overlap": {"until": "2026-12-05T00:00:00Z", "account_uri": "`+formerURI+`"}, `+rest))
	for _, b := range []*policy.Book{b, later} {
		g := b.Lookup("example.com")[0]
		if got := named(b, "example.com", ends.Add(-time.Second)); !slices.Equal(got, []string{formerURI}) || !g.Changes(read).Equal(ends) {
			t.Errorf("Expected the former account until %v, got %q until %v", ends, got, g.Changes(read))
		}
		if got := named(b, "example.com", ends); len(got) > 0 || len(g.AccountURIs(ends)) > 0 || !g.Changed(ends).Equal(ends) {
			t.Errorf("Expected no record from then on, got %q, and accounts %q", got, g.AccountURIs(ends))
		}
	}
	if again := next(later, 4, former); len(named(again, "example.com", ends)) != 1 {
		t.Error("Expected a valid version to count for all that it says")
	}
}

func TestAnOverlapThatSaysNothingIsAFault(t *testing.T) {
	for overlap, parts := range map[string][]string{
		`{"until": "$ENDS"}`:                          {"overlap", "names nothing"},
		`{"forms": ["uri"]}`:                          {"overlap.until", "is missing"},
		`{"until": "soon", "forms": ["uri"]}`:         {"overlap.until", "soon"},
		`{"until": "$ENDS", "forms": []}`:             {"overlap.forms", "names no form"},
		`{"until": "$ENDS", "thumbprints": ["x"]}`:    {"overlap.thumbprints", "32 octets"},
		`{"until": "$ENDS", "account_uri": "acct/1"}`: {"overlap.account_uri", "scheme"},
		`{"until": "$ENDS", "account": "acct/1"}`:     {"overlap.account", "is unknown here, write account_uri: the members are account_uri, forms, thumbprints, until"},
		`"$ENDS"`: {"overlap", "write an object"},
	} {
		d := changing(`"overlap": ` + overlap + `, "domains": {"example.com": {}}`)
		b := policy.Compile(nil, d.Snapshot(1, read), policy.Brakes{})
		expectRejection(t, b, parts...)
		if got := named(b, "example.com", read); len(got) > 0 {
			t.Errorf("%s: expected a document with a fault to count for nothing, got %q", overlap, got)
		}
	}
	b := compile(t, changing(`"domains": {"example.com": {"overlap": {"until": "$ENDS"}}, "a.example.com": {}}`))
	expectRejection(t, b, `domains["example.com"].overlap`, "names nothing")
	if got := named(b, "a.example.com", read); len(got) != 1 {
		t.Errorf("Expected the fault of a domain to cost it alone, got %q", got)
	}
}

// The hash form that an overlap asks for and that cannot be is its own loss.
func TestAnOverlapThatIsNotPossibleIsRejectedByItself(t *testing.T) {
	d := changing(`"overlap": {"until": "$ENDS", "forms": ["hash"]}, "domains": {"example.com": {}}`)
	d["issuers/ca"] = strings.Replace(d["issuers/ca"], "account_hash_prefix", "x_account_hash_prefix", 1)
	b := compile(t, d)
	expectRejection(t, b, `domains["example.com"]`, "has an overlap with the hash form", "account_hash_prefix")
	if got := named(b, "example.com", read); !slices.Equal(got, []string{uri}) {
		t.Errorf("Expected the account's URI alone, got %q", got)
	}
	d = changing(`"forms": ["hash"], "overlap": {"until": "$ENDS", "account_uri": "` + formerURI + `"}, "domains": {"example.com": {}}`)
	d["teams/web"] = strings.Replace(d["teams/web"], `["`+formerKey+`"]`, `[]`, 1)
	b = compile(t, d)
	expectRejection(t, b, "overlap.thumbprints", "the hash form cannot name", formerURI)
	if got := named(b, "example.com", read); !slices.Equal(got, []string{hashOf("example.com", thumbprint, uri)}) {
		t.Errorf("Expected the hash of the new account alone, got %q", got)
	}
}

// Several accounts of one issuer at one name are records of their own, each with
// its own overlap, and one that says the same stands once.
func TestSeveralAccountsOfAnIssuerStandAtOneName(t *testing.T) {
	d := changing(`"forms": ["uri", "hash"], "overlap": {"until": "$ENDS", "thumbprints": ["` + earlier1 + `"]}, "domains": {"example.com": {}}`)
	d["accounts/web/ca/b"] = `{"account_uri": "` + formerURI + `", "forms": ["uri", "hash"], "domains": {"example.com": {}}}`
	b := compile(t, d)
	want := []string{uri, hashOf("example.com", thumbprint, uri), hashOf("example.com", earlier1, uri), formerURI, hashOf("example.com", formerKey, formerURI)}
	slices.Sort(want)
	if diff := cmp.Diff(want, named(b, "example.com", read)); diff != "" {
		t.Errorf("The records differ (-want +got):\n%s", diff)
	}
	if got := named(b, "example.com", ends); len(got) != 4 {
		t.Errorf("Expected the overlap of one account to end, and no more, got %q", got)
	}
	if got := b.Thumbprints(uri); !slices.Equal(got, []string{earlier1, thumbprint, earlier2}) {
		t.Errorf("Expected a CA to know all keys of the account, got %q", got)
	}
}
