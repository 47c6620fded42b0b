package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/google/go-cmp/cmp"
)

// The new account stands beside the old one until the instant, with the keys that
// the document had, and nothing else in it is another.
func TestAReplacedAccountKeepsTheOldOneInAnOverlap(t *testing.T) {
	const body = `{"x_ticket": [1.50, null], "account_uri": "` + formerURI + `", "thumbprints": "` + formerKey + `", "forms": ["hash"],
		"domains": {"example.com": {"wildcard": "true"}}, "note": "CHG-1"}`
	is, err := policy.ReplaceAccount([]byte(body), uri, thumbprint, ends, read)
	if err != nil {
		t.Fatal(err)
	}
	d := changing("").With(documents{"accounts/web/ca/a": string(is)})
	b := compile(t, d)
	for at, want := range map[time.Time][]string{
		read: {hashOf("example.com", thumbprint, uri), hashOf("example.com", formerKey, formerURI)},
		ends: {hashOf("example.com", thumbprint, uri)},
	} {
		if got := named(b, "example.com", at); len(got) != len(want) || !contains(got, want) {
			t.Errorf("At %v: expected %q, got %q", at, want, got)
		}
	}
	for _, part := range []string{`1.50`, `"note": "CHG-1"`, `"wildcard": "true"`} {
		if !strings.Contains(string(is), part) {
			t.Errorf("Expected %s to stay, got %s", part, is)
		}
	}
	if len(b.Rejections()) > 0 {
		t.Error(b.Rejections())
	}
}

func contains(list, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(strings.Join(list, "\n"), part) {
			return false
		}
	}
	return true
}

func TestAReplacedAccountGoesAtOnceWithoutAnOverlap(t *testing.T) {
	is, err := policy.ReplaceAccount([]byte(`{"account_uri": "`+formerURI+`", "thumbprints": ["`+formerKey+`"], "domains": {"example.com": {}}}`), uri, "", time.Time{}, read)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(is); strings.Contains(text, formerURI) || strings.Contains(text, formerKey) || strings.Contains(text, "overlap") {
		t.Errorf("Expected nothing of the old account, got %s", text)
	}
}

// What an overlap keeps that is not over would end too early.
func TestARunningOverlapIsNotReplaced(t *testing.T) {
	body := func(until time.Time) []byte {
		return []byte(`{"account_uri": "` + formerURI + `", "overlap": {"until": "` + until.Format(time.RFC3339) + `", "forms": ["hash"]}, "domains": {"example.com": {}}}`)
	}
	if _, err := policy.ReplaceAccount(body(ends), uri, "", ends.AddDate(0, 0, 1), ends.Add(-time.Second)); err == nil || !strings.Contains(err.Error(), "has an overlap until 2026-11-10T00:00:00Z") {
		t.Errorf("Expected a refusal, got %v", err)
	}
	if _, err := policy.ReplaceAccount(body(ends), uri, "", ends.AddDate(0, 0, 1), ends); err != nil {
		t.Errorf("Expected one that is over to be replaced, got %v", err)
	}
	for _, broken := range []string{"", "[]", `{"account_uri": 5}`, `{"account_uri": "x", "overlap": 1}`} {
		if _, err := policy.ReplaceAccount([]byte(broken), uri, "", ends, read); err == nil {
			t.Errorf("Expected a refusal of %q", broken)
		}
	}
}

// An account has records by the first of its thumbprints, and an overlap by all of its
// own: it keeps that one.
func TestAnAccountThatIsReplacedHasNoMoreRecordsThanBefore(t *testing.T) {
	const body = `{"account_uri": "` + uri + `", "thumbprints": ["` + thumbprint + `", "` + earlier1 + `"], "forms": ["hash"], "domains": {"example.com": {}}}`
	is, err := policy.ReplaceAccount([]byte(body), formerURI, formerKey, ends, read)
	if err != nil {
		t.Fatal(err)
	}
	b := compile(t, changing("").With(documents{"accounts/web/ca/a": string(is)}))
	want := []string{hashOf("example.com", formerKey, formerURI), hashOf("example.com", thumbprint, uri)}
	if got := named(b, "example.com", read); len(got) != len(want) || !contains(got, want) {
		t.Errorf("Expected %q, got %q", want, got)
	}
	if _, err := policy.ReplaceAccount(is, uri, "", ends, read); err != nil {
		t.Errorf("Expected that it can be gone back to, got %v", err)
	}
}

// The accounts change places, each with the key that it had, and neither has a record
// less.
func TestAnAccountOfARunningOverlapIsGoneBackTo(t *testing.T) {
	const body = `{"account_uri": "` + uri + `", "thumbprints": ["` + thumbprint + `"], "forms": ["hash"],
		"overlap": {"until": "2026-11-10T00:00:00Z", "account_uri": "` + formerURI + `", "thumbprints": ["` + formerKey + `"]}, "domains": {"example.com": {}}}`
	until := ends.AddDate(0, 0, 1)
	is, err := policy.ReplaceAccount([]byte(body), formerURI, "", until, read)
	if err != nil {
		t.Fatal(err)
	}
	b := compile(t, changing("").With(documents{"accounts/web/ca/a": string(is)}))
	for at, want := range map[time.Time][]string{
		read:  {hashOf("example.com", formerKey, formerURI), hashOf("example.com", thumbprint, uri)},
		ends:  {hashOf("example.com", formerKey, formerURI), hashOf("example.com", thumbprint, uri)},
		until: {hashOf("example.com", formerKey, formerURI)},
	} {
		if got := named(b, "example.com", at); len(got) != len(want) || !contains(got, want) {
			t.Errorf("At %v: expected %q, got %q", at, want, got)
		}
	}
	if again, err := policy.ReplaceAccount([]byte(body), formerURI, formerKey, until, read); err != nil || string(again) != string(is) {
		t.Errorf("Expected the same by the thumbprint that it had, got %s, %v", again, err)
	}
}

// What would go with the overlap is not gone back over.
func TestAnOverlapThatKeepsMoreIsNotGoneBackOver(t *testing.T) {
	for kept, c := range map[string]struct{ to, key, says string }{
		`"account_uri": "` + formerURI + `"`:                                                             {"https://ca.example/acct/9", "", "the records of " + formerURI + " with it"},
		`"account_uri": "` + formerURI + `", "forms": ["hash"]`:                                          {formerURI, "", "has forms too"},
		`"account_uri": "` + formerURI + `", "thumbprints": ["` + formerKey + `", "` + thumbprint + `"]`: {formerURI, "", "several thumbprints"},
		`"account_uri": "` + formerURI + `", "thumbprints": "` + formerKey + `"`:                         {formerURI, thumbprint, "leave out the thumbprint, or do it after that"},
	} {
		body := `{"account_uri": "` + uri + `", "overlap": {"until": "2026-11-10T00:00:00Z", ` + kept + `}, "domains": {"example.com": {}}}`
		if _, err := policy.ReplaceAccount([]byte(body), c.to, c.key, ends, read); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected a refusal with %q, got %v", kept, c.says, err)
		}
	}
}

func TestAnApprovalIsAddedToWhatIsApproved(t *testing.T) {
	const team = `{"domains": ["example.com"], "issuers": ["ca"], "accounts": {"` + formerURI + `": {"thumbprints": "` + formerKey + `", "proof": {"verified_at": 1790000000}}}, "x_a": 1}`
	for name, c := range map[string]struct {
		body, uri, thumbprint string
		want                  map[string][]string
	}{
		"another account":          {team, uri, thumbprint, map[string][]string{formerURI: {formerKey}, uri: {thumbprint}}},
		"one without a key":        {team, uri, "", map[string][]string{formerURI: {formerKey}, uri: nil}},
		"another key":              {team, formerURI, thumbprint, map[string][]string{formerURI: {formerKey, thumbprint}}},
		"what is approved already": {team, formerURI, formerKey, map[string][]string{formerURI: {formerKey}}},
		"where all are approved":   {`{"domains": ["example.com"], "issuers": ["ca"]}`, uri, thumbprint, nil},
	} {
		is, err := policy.ApproveAccount([]byte(c.body), c.uri, c.thumbprint)
		if err != nil {
			t.Fatal(err)
		}
		got := compile(t, standard().With(documents{"teams/web": string(is)})).Teams()[0].Approved
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: what is approved differs (-want +got):\n%s", name, diff)
		}
		if strings.Contains(c.body, "proof") && !strings.Contains(string(is), "1790000000") {
			t.Errorf("%s: expected the proof to stay, got %s", name, is)
		}
	}
}
