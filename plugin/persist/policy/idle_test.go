package policy_test

import (
	"fmt"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/google/go-cmp/cmp"
)

func TestStopsOfNothing(t *testing.T) {
	d := standard().Account(`"domains": {"a.example.com": {}, "b.example.com": {"enabled": false}}`)
	for stop, idle := range map[string]bool{
		"all": false, "issuer:ca": false, "team:web": false, "account:web/ca/a": false, "uri:https://ca.example/acct/123": false,
		"domain:example.com": false, "domain:a.example.com": false, "domain:x.a.example.com": false,
		"issuer:ac": true, "team:wbe": true, "account:web/ca/b": true, "uri:https://ca.example/acct/2": true,
		"domain:exmple.com": true, "domain:x.example.com": true, "domain:x.b.example.com": true,
	} {
		scope, err := policy.ParseScope(stop)
		if err != nil {
			t.Fatal(err)
		}
		b := policy.Compile(nil, d.Snapshot(1, read), policy.Brakes{Stops: []policy.Scope{scope}})
		want := "[]"
		if idle {
			want = "[" + stop + "]"
		}
		if diff := cmp.Diff(want, fmt.Sprint(b.Idle())); diff != "" {
			t.Errorf("%s: idle stops differ (-want +got):\n%s", stop, diff)
		}
	}
}
