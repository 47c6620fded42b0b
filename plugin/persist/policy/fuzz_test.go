package policy_test

import (
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

func checkBook(t *testing.T, b *policy.Book) {
	t.Helper()
	for g := range b.Grants() {
		if name := string(g.FQDN); name != "example.com" && !strings.HasSuffix(name, ".example.com") {
			t.Errorf("Grant outside the team's suffix: %q", name)
		}
		if (len(g.Records) == 0) != (g.Withheld != "") {
			t.Errorf("Expected records exactly where nothing is withheld: %+v", g)
		}
		for _, r := range g.Records {
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
