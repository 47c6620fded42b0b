package persist

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// The log says what the parent shall have, as CDS does.
func TestTheParentIsToldToRemoveItsDSWhereTheZoneGoesInsecure(t *testing.T) {
	secure, err := dnssec.GenerateKeys("example", 13, noon, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	insecure, err := dnssec.GoInsecure(secure, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		raw  []byte
		want string
	}{
		{secure, "DS for the parent of example.com.: example.com. 3600 IN DS "},
		{insecure, "example.com. goes insecure: its parent shall remove the DS records"},
	} {
		keys, err := dnssec.ParseKeys(c.raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := forParent(keys, "example.com.", noon); len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("Expected %q, got %q", c.want, got)
		}
	}
}
