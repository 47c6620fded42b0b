package policy_test

import (
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/google/go-cmp/cmp"
)

func TestWhatSwitchesOnAgainIsNamed(t *testing.T) {
	const account = "accounts/web/ca/a"
	for _, c := range []struct {
		path, held, body string
		want             []string
	}{
		{"teams/web", `{"enabled": false}`, `{}`, []string{"enabled"}},
		{"teams/web", `{"enabled": "false", "domains": "example.com"}`, `{"enabled": "true"}`, []string{"enabled"}},
		{"teams/web", `{"enabled": false}`, `{"enabled": "false"}`, nil},
		{"teams/web", `{"enabled": true}`, `{}`, nil},
		{"issuers/ca", `{"enabled": 0}`, `{}`, []string{"enabled"}},
		{account, `{"account_uri": "` + uri + `", "domains": {"example.com": {}}, "enabled": false}`, `{"account_uri": "` + uri + `", "domains": "example.com"}`, []string{"enabled"}},
		{account, `{"domains": {"Example.com.": {"enabled": false}, "b.example.com": {"enabled": false}}}`, `{"domains": ["example.com"]}`, []string{`domains["example.com"].enabled`}},
		{account, `{"domains": {"example.com": {"enabled": false}}}`, `{"enabled": false, "domains": ["example.com"]}`, nil},
		{account, `{"domains": {"example.com": {"enabled": false}}}`, `{"domains": {"example.com": {"enabled": false}, "new.example.com": {}}}`, nil},
	} {
		if diff := cmp.Diff(c.want, policy.Enables(c.path, []byte(c.held), []byte(c.body))); diff != "" {
			t.Errorf("%s, %s after %s (-want +got):\n%s", c.path, c.body, c.held, diff)
		}
	}
}
