package persist

import (
	"bytes"
	"crypto/rand"
	"io"
	golog "log"
	"strings"
	"testing"
	"time"

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

// A reload finds its store opened long ago, and has no time left to wait.
func TestAHandlerThatIsReadyDoesNotWarnThatItIsNot(t *testing.T) {
	setClock(t, noon)
	c, err := parseStanza(newSite(t, documents()).stanza())
	if err != nil {
		t.Fatal(err)
	}
	p := newPersist(c)
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.stop() })
	var out bytes.Buffer
	golog.SetOutput(&out)
	defer golog.SetOutput(io.Discard)
	for range 100 {
		p.await(-time.Hour)
	}
	if out.Len() > 0 {
		t.Errorf("Expected no warning, got %s", out.String())
	}
}
