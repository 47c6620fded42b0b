package policy_test

import (
	"fmt"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/google/go-cmp/cmp"
)

func TestStopsThatOnlyNarrow(t *testing.T) {
	d := standard().Account(`"domains": {"a.example.com": {}, "b.a.example.com": {"enabled": false}, "c.example.com": {"wildcard": true}, "www.c.example.com": {},
		"d.example.com": {"wildcard": true, "enabled": false}, "e.example.com": {"subtree": true, "wildcard": true}, "f.example.com": {"until": "none"}}`)
	for stop, narrowed := range map[string]string{
		"all": "", "team:web": "", "domain:a.example.com": "", "domain:b.a.example.com": "", "domain:c.example.com": "",
		"domain:wwww.c.example.com": "c.example.com", "domain:x.y.c.example.com": "c.example.com", "domain:x.www.c.example.com": "c.example.com",
		"domain:www.c.example.com": "", // which is granted
		"domain:x.d.example.com":   "", // whose grant is disabled
		"domain:x.e.example.com":   "", // which has a record by the subtree
		"domain:x.f.example.com":   "", "domain:exmple.com": "",
	} {
		for _, other := range []string{"", "all", "domain:example.com"} { // which must not hide it
			brakes := policy.Brakes{Stops: []policy.Scope{scope(t, stop)}}
			if other != "" && other != stop {
				brakes.Stops = append(brakes.Stops, scope(t, other))
			}
			b := policy.Compile(nil, d.Snapshot(1, read), brakes)
			got := ""
			for _, s := range b.Narrowing() {
				if got += fmt.Sprint(b.Narrowed(s)[0]); s.String() != stop {
					t.Errorf("%s: expected no other stop, got %s", stop, s)
				}
			}
			if got != narrowed {
				t.Errorf("%s beside %q: expected %q to be narrowed, got %q", stop, other, narrowed, got)
			}
		}
	}
}

// What takes a wildcard is told, at each name of its subtree too.
func TestWhatTakesTheWildcardOfAGrant(t *testing.T) {
	d := standard().Account(`"domains": {"c.example.com": {"wildcard": true}, "www.c.example.com": {}, "e.example.com": {"subtree": true, "wildcard": true}, "f.example.com": {"wildcard": true}}`)
	b := policy.Compile(nil, d.Snapshot(1, read), policy.Brakes{Stops: []policy.Scope{
		scope(t, "domain:z.c.example.com"), scope(t, "domain:www.c.example.com"), scope(t, "domain:x.e.example.com"), scope(t, "domain:f.example.com"), scope(t, "domain:x.f.example.com"),
	}})
	for name, want := range map[record.FQDN]string{
		"c.example.com":     "[domain:www.c.example.com domain:z.c.example.com]",
		"www.c.example.com": "[]", // it is withheld
		"e.example.com":     "[domain:x.e.example.com]",
		"y.e.example.com":   "[domain:x.e.example.com]",
		"x.e.example.com":   "[]",
		"f.example.com":     "[]",
	} {
		grants := b.At(name)
		if len(grants) != 1 {
			t.Fatalf("%s: expected one grant, got %d", name, len(grants))
		}
		if diff := cmp.Diff(want, fmt.Sprint(b.NarrowedBy(grants[0]))); diff != "" {
			t.Errorf("%s: what takes its wildcard differs (-want +got):\n%s", name, diff)
		}
	}
}
