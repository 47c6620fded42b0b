package main

import (
	"slices"
	"strings"
	"testing"
)

// The parent delegates to a server that does not serve the zone, so the resolver has
// no answer, and is not to blame.
func TestALameDelegationNamesTheServer(t *testing.T) {
	const above = "example.com."
	w := newLiveWorld(t, "unused.example.") // nothing but the delegation leads to the servers
	w.nsd(1, map[string]string{"example.org.": static("example.org.")})
	w.nsd(3, map[string]string{above: above + " 300 IN SOA ns3.example.net. hostmaster.example.net. 1 7200 1800 86400 60\n" +
		above + " 300 IN NS ns3.example.net.\n" + owner + " 300 IN NS ns1.example.net.\n" +
		"_validation-persist.away.example.com. 300 IN NS ns2.example.net.\n"})
	w.unbound = append(w.unbound, `local-data: "ns3.example.net. A 127.0.0.13"`, "stub-zone:", `name: "`+above+`"`, "stub-addr: "+strings.Replace(w.address(3), ":", "@", 1))
	resolver := w.resolver()
	for _, tt := range []struct {
		server string
		args   []string
	}{
		{"ns1.example.net. (" + w.address(1) + ")", nil},
		{w.address(1), []string{"--server", w.address(1)}},
	} {
		c := checkLive(t, w, resolver, slices.Concat([]string{"example.com"}, tt.args)...)
		c.expect(t, "dns_error", "lame delegation at "+tt.server+": it answers REFUSED for "+owner, "dns_error")
		if !strings.HasPrefix(c.Advice, "have that server serve the zone of "+owner) || len(c.Delegation) > 0 {
			t.Errorf("Expected advice on the server, and no more, got %+v", c)
		}
		if !strings.Contains(c.Advice, "with cuts, one of its documents must list the name, whether or not its grant has begun") {
			t.Errorf("Expected a cut to need no more than to be listed, got %q", c.Advice)
		}
	}
	// Nor is it where the server is away.
	c := checkLive(t, w, resolver, "away.example.com")
	c.expect(t, "dns_error", "ns2.example.net. ("+w.address(2)+"): ", "dns_error")
	if !strings.HasPrefix(c.Advice, "have that server answer") {
		t.Errorf("Expected advice on the server, got %+v", c)
	}
}
