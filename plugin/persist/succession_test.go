package persist

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// own serves a zone from the site, with the keys that are said, and with more
// properties.
func (s site) own(zone, keys string, more ...string) string {
	return fmt.Sprintf("persist %s {\npolicies %s\nkeys %s\nns ns1.example.net\n%s\n}", zone, s.policies(), keys, strings.Join(more, "\n"))
}

// A zone that was signed stays a zone that is signed by the same keys, whether a
// stanza names it or it is the cut of a granted name: its parent may have a DS.
func TestAReloadKeepsEveryZoneWhateverItsShape(t *testing.T) {
	setClock(t, noon)
	impatient(t)
	t.Setenv("VAULT_TOKEN", "none")
	const label, none = "_validation-persist.example.com", "none"
	s, other := newSite(t, documents()), newSite(t, documents())
	for _, keys := range []string{s.keys(), other.keys()} {
		if err := dnssec.InitDir(keys, filepath.Base(filepath.Dir(keys)), 13, noon, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	same, others, empty := "dir "+s.keys(), "dir "+other.keys(), filepath.Join(t.TempDir(), "empty")
	zone := func(name, keys string) string { return block(s.own(name, keys)) }
	cuts := func(name, keys string) string { return block(s.own(name, keys, "cuts")) }
	away := block(strings.Replace(s.own(".", "vault keys/zone", "cuts"), "policies "+s.policies(), "vault http://127.0.0.1:1", 1)) // where nobody is
	const otherKeys, unsigned, noZone, noKeys, unread = "signed so far with other keys", "would be bogus without keys", "no zone of its own any more", "holds no keys", "cannot be read yet"
	for i, c := range []struct{ before, after, refused string }{
		{cuts(".", same), zone(label, others), otherKeys},
		{cuts(".", same), zone(label, "dir "+empty), noKeys},
		{cuts(".", same), zone(label, none), unsigned},
		{cuts(".", same), zone(label, same), ""},
		{cuts(".", same), zone("_validation-persist.b.example.com", others), ""}, // nobody grants it
		{cuts(".", same), zone("_validation-persist.b.example.com", none), ""},
		{cuts(".", none), zone(label, others), ""},
		{cuts(".", same), cuts("example.com", others), otherKeys},
		{cuts(".", same), cuts("example.com", none), unsigned},
		{cuts(".", same), cuts("example.com", same), ""},
		{cuts(".", same), cuts("example.org", others), ""},
		{cuts("a.b.example.com", same), cuts(".", others), otherKeys},
		{cuts("a.b.example.com", same), cuts(".", same), ""},
		{cuts("a.b.example.com", same), cuts(".", others) + only("a.b.example.com", s.own("a.b.example.com", same, "cuts")), ""},
		{cuts(".", others) + only("a.b.example.com", s.own("a.b.example.com", same, "cuts")), cuts(".", others), otherKeys},
		{zone(label, same), cuts(".", others), otherKeys},
		{zone(label, same), cuts("example.com", "dir "+empty), noKeys},
		{zone(label, same), cuts(".", none), unsigned},
		{zone(label, same), away, unread},
		{zone(label, same), cuts(".", same), ""},
		{zone(label, same), cuts(".", others) + only(label, s.own(label, same)), ""}, // which answers there
		{zone(label, none), cuts(".", others), ""},
		{zone("example.com", same), cuts(".", same), noZone},
		{zone("example.com", same), cuts("example.com", same), noZone},
		{cuts(".", same), zone("example.com", same), noZone},
		{cuts(".", same), zone(label+" a.b.example.com", same), noZone},
		{cuts(".", same), zone("a.b.example.com "+label, same), noZone},
		{cuts(".", same), zone(label+" _validation-persist.a.b.example.com", same), ""},
		{zone(label, same), zone("example.com", same), noZone},
		{zone(label, same), block(s.overlay(), "whoami"), noZone},
		{zone("example.com", same), zone(label, others), ""}, // example.com is nobody's any more
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			err := start(t, c.before).reload(t, c.after)
			if (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("From\n%s\nto\n%s\nexpected the refusal %q, got %v", c.before, c.after, c.refused, err)
			}
		})
	}
	if _, err := os.Stat(empty); !os.IsNotExist(err) {
		t.Errorf("Expected no keys to be made in place of those in use, got %v", err)
	}
}

// Each view that had a zone keeps it signed, whatever its shape, and one that is
// new need not be.
func TestAReloadKeepsCutsSignedInEachView(t *testing.T) {
	setClock(t, noon)
	site := newSite(t, documents())
	shapes := func(keys string) (cuts, label string) {
		return site.own(".", keys, "cuts"), site.own("_validation-persist.example.com", keys)
	}
	cuts, label := shapes("dir " + site.keys())
	bareCuts, bareLabel := shapes("none")
	s := start(t, view("a", inside, cuts))
	for _, c := range []struct {
		what, corefile string
		refused        bool
	}{
		{"a view that is new without keys", view("a", inside, cuts) + view("b", outside, bareCuts), false},
		{"a zone with the keys, and one without where there were none", view("a", inside, label) + view("b", outside, bareLabel), false},
		{"no keys where there were some", view("a", inside, bareLabel) + view("b", outside, label), true},
		{"cuts again", view("a", inside, cuts) + view("b", outside, bareLabel), false},
		{"cuts without keys", view("a", inside, bareCuts) + view("b", outside, label), true},
	} {
		err := s.reload(t, c.corefile)
		if refused := err != nil && strings.Contains(err.Error(), "is signed so far"); refused != c.refused || err != nil && !refused {
			t.Errorf("%s: expected a refusal %t, got %v", c.what, c.refused, err)
		}
	}
}
