package policy_test

import (
	"fmt"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/google/go-cmp/cmp"
)

func TestStopsOfNothing(t *testing.T) {
	d := standard().Account(`"domains": {"a.example.com": {}, "b.example.com": {"enabled": false}, "c.example.com": {"wildcard": true},
		"d.example.com": {"wildcard": true, "enabled": false}, "e.example.com": {"subtree": true}, "f.example.com": {"until": "none"}}`).
		With(documents{"accounts/web/ca/none": `{"account_uri": "https://ca.example/acct/1", "domains": {}}`})
	for stop, idle := range map[string]bool{
		"all": false, "issuer:ca": false, "team:web": false, "account:web/ca/a": false, "uri:https://ca.example/acct/123": false,
		"domain:example.com": false, "domain:a.example.com": false, "domain:b.example.com": false, "domain:x.c.example.com": false, "domain:y.x.c.example.com": false, "domain:x.e.example.com": false,
		"issuer:ac": true, "team:wbe": true, "account:web/ca/b": true, "account:web/ca/none": true, "uri:https://ca.example/acct/1": true, "uri:https://ca.example/acct/2": true,
		"domain:exmple.com": true, "domain:x.example.com": true, "domain:x.a.example.com": true, "domain:x.b.example.com": true, "domain:x.d.example.com": true, "domain:f.example.com": true,
	} {
		b := policy.Compile(nil, d.Snapshot(1, read), policy.Brakes{Stops: []policy.Scope{scope(t, stop)}})
		want := "[]"
		if idle {
			want = "[" + stop + "]"
		}
		if diff := cmp.Diff(want, fmt.Sprint(b.Idle())); diff != "" {
			t.Errorf("%s: idle stops differ (-want +got):\n%s", stop, diff)
		}
	}
}

// A stop that another one covers is no slip: lifting the other one must not tell
// news of it.
func TestAStopIsIdleWhateverElseIsStopped(t *testing.T) {
	d := standard().Account(`"domains": {"a.example.com": {"wildcard": true}}`)
	for _, other := range []string{"all", "team:web", "domain:example.com"} {
		b := policy.Compile(nil, d.Snapshot(1, read), policy.Brakes{Stops: []policy.Scope{scope(t, other), scope(t, "domain:x.a.example.com"), scope(t, "domain:b.example.com")}})
		if want, got := "[domain:b.example.com]", fmt.Sprint(b.Idle()); got != want {
			t.Errorf("Beside %s: expected the idle stops %s, got %s", other, want, got)
		}
	}
}
