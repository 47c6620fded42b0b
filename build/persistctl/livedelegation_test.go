package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// delegated are two servers of the zone owner, whose parent delegates it to the
// servers with names, by a server of its own. More records stand in the parent.
func (w *liveWorld) delegated(names []string, more ...string) (resolver string) {
	w.t.Helper()
	const above = "example.com."
	for n := range 2 {
		w.nsd(n+1, map[string]string{owner: static(owner, good)})
	}
	var parent strings.Builder
	fmt.Fprintf(&parent, "%[1]s 300 IN SOA ns3.example.net. hostmaster.example.net. 1 7200 1800 86400 60\n%[1]s 300 IN NS ns3.example.net.\n", above)
	for _, name := range names {
		fmt.Fprintf(&parent, "%s 300 IN NS %s\n", owner, name)
	}
	fmt.Fprintln(&parent, strings.Join(more, "\n"))
	w.nsd(3, map[string]string{above: parent.String()})
	for _, n := range []int{3, 4} {
		w.unbound = append(w.unbound, fmt.Sprintf(`local-data: "ns%d.example.net. A 127.0.0.%d"`, n, 10+n))
	}
	w.unbound = append(w.unbound, "stub-zone:", `name: "`+above+`"`, "stub-addr: "+strings.Replace(w.address(3), ":", "@", 1))
	return w.resolver()
}

// A CA's resolver comes by the delegation at the parent, whatever the zone says.
func TestTheDelegationAtTheParentIsHeldAgainstTheZone(t *testing.T) {
	for _, tt := range []struct {
		name     string
		parent   []string
		more     []string
		status   string
		servers  []string
		delegate []string // what is said of it, in part
	}{
		{"the same", []string{"ns1.example.net.", "NS2.example.net."}, nil, "ok", []string{"ok", "ok"}, nil},
		{"a server of before", []string{"ns1.example.net.", "ns2.example.net.", "ns4.example.net."}, nil, "dns_error", []string{"ok", "ok", "dns_error"},
			[]string{"the parent delegates _validation-persist.example.com. to ns4.example.net. too, which its own NS RRset does not have"}},
		{"a server that is not delegated to", []string{"ns1.example.net."}, nil, "ok", []string{"ok", "ok"},
			[]string{"the NS RRset of _validation-persist.example.com. has ns2.example.net. too, to which its parent does not delegate"}},
		{"glue of before", []string{"ns1.example.net.", "ns2.example.net.", "ns5._validation-persist.example.com."}, []string{"ns5._validation-persist.example.com. 300 IN A 127.0.0.15"}, "dns_error", []string{"ok", "ok", "dns_error"},
			[]string{"the parent delegates ", "glue that is no address of its server: ns5._validation-persist.example.com. (127.0.0.15)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newLiveWorld(t, owner)
			c := checkLive(t, w, w.delegated(tt.parent, tt.more...), "example.com")
			if c.Status != tt.status || !slices.Equal(c.statuses(), tt.servers) || len(c.Delegation) != len(tt.delegate) {
				t.Fatalf("Expected %s, %q and %q, got %+v", tt.status, tt.servers, tt.delegate, c)
			}
			for i, part := range tt.delegate {
				if !strings.Contains(c.Delegation[i], part) {
					t.Errorf("Expected %q, got %q", part, c.Delegation[i])
				}
			}
		})
	}
}

// That the parent cannot be asked is told, and hides nothing of the rest.
func TestAParentThatGivesNoAnswerIsNoted(t *testing.T) {
	w := newLiveWorld(t, owner)
	resolver := w.delegated([]string{"ns1.example.net.", "ns2.example.net."})
	c := checkLive(t, w, resolver, "example.com", "--parent-server", "127.0.0.9:9")
	c.expect(t, "ok", "", "ok", "ok")
	if len(c.Delegation) != 1 || !strings.HasPrefix(c.Delegation[0], "what the parent of _validation-persist.example.com. says of its delegation is not known: 127.0.0.9:9: ") {
		t.Errorf("Expected a note on the parent, got %q", c.Delegation)
	}
	if c = checkLive(t, w, resolver, "example.com", "--server", w.address(1)); len(c.Delegation) != 0 {
		t.Errorf("Expected no parent to be asked where servers are given, got %q", c.Delegation)
	}
}

// A server of the parent that refuses to answer says nothing of the delegation, and is
// told apart from one that does not delegate.
func TestAServerOfTheParentThatRefusesIsNoted(t *testing.T) {
	w := newLiveWorld(t, owner)
	resolver := w.delegated([]string{"ns1.example.net.", "ns2.example.net."})
	w.nsd(4, map[string]string{"example.org.": static("example.org.", good)})
	c := checkLive(t, w, resolver, "example.com", "--parent-server", w.address(3), "--parent-server", w.address(4))
	if want := w.address(4) + ": it answers REFUSED"; len(c.Delegation) != 1 || !strings.HasSuffix(c.Delegation[0], want) {
		t.Errorf("Expected %q alone, got %q", want, c.Delegation)
	}
}
