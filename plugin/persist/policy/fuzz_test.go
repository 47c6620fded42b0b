package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// FuzzDocuments holds whatever an account document says against what must
// never happen: a grant outside the team's suffix, a record that does not
// render or is for another issuer, a private key in a message, and a book that
// depends on how it was reached.
func FuzzDocuments(f *testing.F) {
	f.Add(`{"account_uri": "https://ca.example/acct/123", "domains": {"example.com": {"wildcard": true}}}`, `{}`)
	f.Add(`{"account_uri": "https://ca.example/acct/123", "domains": "*.a.example.com,example.org"}`, `{"stop": {"all": {}}}`)
	f.Add(`{"enabled": "no", "domains": {"a.example.com": {"until": {"floor": "1h", "step": 3600}}}}`, `{"freeze_at": 1798761600}`)
	f.Add(`{"x": "-----BEGIN PRIVATE KEY-----SECRET"}`, `{"stop": ["domain:example.com"]}`)
	f.Fuzz(func(t *testing.T, account, control string) {
		d := threeNames().With(documents{"accounts/web/ca/a": "x" + account, "control": "x" + control})
		d["accounts/web/ca/a"], d["control"] = account, control
		for _, b := range []*policy.Book{
			policy.Compile(nil, d.Snapshot(2, read), policy.Brakes{}),
			next(compile(t, threeNames()), 2, d),
		} {
			checkBook(t, b)
		}
	})
}

// FuzzControl adds a stop to whatever control document there is, after whatever
// was there before: the stop counts, and nothing is lifted by it.
func FuzzControl(f *testing.F) {
	f.Add(`{"stop": {"issuer:ca": {}}, "freeze_at": 1798761600}`, `{"stop": "team:a,domain:example.com"}`)
	f.Add(`{"stop": ["all"]}`, `{"stop": {"nonsense": 1}, "stop": {}, "x_a": [1.50, "\u00e9", null]}`)
	f.Add(`{}`, `{"stop": "-----BEGIN PRIVATE KEY-----", "freeze_at": "soon"}`)
	f.Fuzz(func(t *testing.T, first, second string) {
		d := standard().With(documents{"control": "x"})
		d["control"] = first
		before := next(compile(t, standard()), 2, d)
		d["control"] = second
		before = next(before, 3, d)
		c, err := policy.ParseControl([]byte(second))
		if err != nil {
			return
		}
		scope, _ := policy.ParseScope("team:web")
		if _, err := c.Stop(scope, policy.Reason{By: "alice"}); err != nil {
			return
		}
		d["control"] = string(c.JSON())
		after := next(before, 4, d)
		for _, s := range append(slices.Clone(before.Stops()), scope) {
			if !slices.Contains(after.Stops(), s) {
				t.Errorf("The stop of %v is lifted by %s", s, c.JSON())
			}
		}
		if !after.Freeze().Equal(before.Freeze()) {
			t.Errorf("The freeze moves from %v to %v by %s", before.Freeze(), after.Freeze(), c.JSON())
		}
	})
}

func checkBook(t *testing.T, b *policy.Book) {
	t.Helper()
	for g := range b.Grants() {
		if name := string(g.FQDN); name != "example.com" && !strings.HasSuffix(name, ".example.com") {
			t.Errorf("Grant outside the team's suffix: %q", name)
		}
		if (len(g.Records(read)) == 0) != (g.Withheld != "") {
			t.Errorf("Expected records exactly where nothing is withheld: %+v", g)
		}
		for _, r := range g.Records(read) {
			text, err := r.Render()
			if err != nil || !strings.HasPrefix(text, "ca.example; accounturi=https://ca.example/acct/") {
				t.Errorf("Record %q: %v", text, err)
			}
		}
	}
	for _, r := range b.Rejections() {
		if strings.Contains(r.Error(), "SECRET") {
			t.Errorf("A message shows a private key: %v", r)
		}
	}
}
