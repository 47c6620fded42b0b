package persist

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	golog "log"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// A document under which nothing would validate is not served from, however
// well it reads: here the proof fails, which it never should.
func TestKeysThatAreNotProvenDoNotTakeOver(t *testing.T) {
	clock := setClock(t, noon)
	site := newSite(t, documents())
	if err := dnssec.InitDir(site.keys(), "example", dns.ED25519, noon, rand.Reader); err != nil {
		t.Fatal(err)
	}
	s := start(t, block(site.stanza()))
	ring := keyrings.all()[0]
	ring.prove = func(k *dnssec.KeySet, origin string, at time.Time) error {
		return errors.Join(k.Prove(origin, at), errors.New("no luck"))
	}
	before := ring.set.Load()
	unproven := testutil.ToFloat64(keyLoadsTotal.WithLabelValues(ring.location, "unproven"))
	raw, err := dnssec.LoadDir(site.keys())
	if err != nil {
		t.Fatal(err)
	}
	held, err := dnssec.Hold(raw, "", noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := dnssec.ReplaceDir(site.keys(), raw, held); err != nil {
		t.Fatal(err)
	}

	ring.refresh(t.Context())
	if ring.set.Load() != before {
		t.Error("Expected the keys of before to stay in use")
	}
	if got := testutil.ToFloat64(keyLoadsTotal.WithLabelValues(ring.location, "unproven")) - unproven; got < 1 { // one more where the first of its own came late
		t.Errorf("Expected an unproven load to be counted, got %v", got)
	}
	clock.advance(time.Minute)
	if r := s.ask(t, question(owner, dns.TypeTXT)); text(r) == "" {
		t.Errorf("Expected an answer by the keys of before, got %v", r)
	}
	ring.prove = (*dnssec.KeySet).Prove
	ring.refresh(t.Context())
	if ring.set.Load() == before {
		t.Error("Expected the document to be taken over once it is proven")
	}
}

// A roll-over waits for the parents of the zones that its first run was told of.
// One that came later would lose its chain of trust unseen.
func TestAZoneThatARollWouldForgetIsNamed(t *testing.T) {
	setClock(t, noon)
	raw, err := dnssec.GenerateKeys("example", 13, noon.Add(-4*week), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	begins := noon.Add(-2 * week)
	zones, err := dnssec.BeginRoll(raw, []string{"example.com."}, time.Hour, begins, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cuts, err := dnssec.BeginCutsRoll(raw, nil, []string{"."}, time.Hour, begins, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		keys   []byte
		forget []string
	}{{zones, []string{"later.example."}}, {cuts, []string{"example.com.", "later.example."}}} {
		site := newSite(t, documents())
		write(t, site.keys(), dnssec.KeyFile, c.keys)
		var out bytes.Buffer
		golog.SetOutput(&out)
		defer golog.SetOutput(io.Discard)
		start(t, block(strings.Replace(site.stanza(), "persist example.com", "persist example.com later.example", 1)))
		const told = "a roll-over of the KSK does not wait for the parent of "
		if got := strings.Count(out.String(), told); got != len(c.forget) {
			t.Errorf("Expected %d zones to be named, got:\n%s", len(c.forget), out.String())
		}
		for _, zone := range c.forget {
			if !strings.Contains(out.String(), told+zone+",") {
				t.Errorf("Expected %s to be named, got:\n%s", zone, out.String())
			}
		}
	}
}
