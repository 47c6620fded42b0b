package persist

import (
	"fmt"
	"testing"
)

// However the zone of a name is found, it is the one that CoreDNS itself finds.
func TestNameBelongsToTheZoneThatCoreDNSFinds(t *testing.T) {
	site := newSite(t, documents())
	stanza := "persist example.com _validation-persist.example.org 2.0.192.in-addr.arpa {\npolicies %s\nkeys dir %s\nns ns1.example.net\n}"
	c, err := parseIn(fmt.Sprintf(stanza, site.policies(), site.keys()), "dns://.:53")
	if err != nil {
		t.Fatal(err)
	}
	p := newPersist(c)
	for _, name := range []string{
		".", "com.", "example.com.", "a.b.example.com.", `a\.example.com.`, `example\.com.`, "badexample.com.", "example.com.net.",
		"example.org.", "_validation-persist.example.org.", "x._validation-persist.example.org.", "1.2.0.192.in-addr.arpa.",
	} {
		if got, want := p.authority(name), p.authorities[p.origins.Matches(name)]; got != want {
			t.Errorf("Expected %s to belong to %v, got %v", name, want, got)
		}
	}
}
