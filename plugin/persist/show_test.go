package persist

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// What persistctl says will be served at an instant is what is served then:
// before and after a rotation, a new signature and a roll of the zone signing
// key.
func TestServerAnswersAsPersistctlForetold(t *testing.T) {
	persistctl, err := parts.Program("persistctl")
	if err != nil {
		t.Fatal(err)
	}
	for _, denial := range []string{"compact", "nsec"} {
		t.Run(denial, func(t *testing.T) { foretell(t, persistctl, denial) })
	}
}

func foretell(t *testing.T, persistctl, denial string) {
	t.Helper()
	c := setClock(t, noon)
	site := newSite(t, documents())
	s := start(t, block(site.stanza("denial "+denial)))
	const days = 24 * time.Hour
	seen := map[string]bool{}
	for _, after := range []time.Duration{
		0, 12 * time.Hour, 12*time.Hour + time.Second, 40 * time.Hour,
		28 * days, 30*days - time.Second, 30 * days, 31 * days, 32 * days, 45 * days, 61 * days, 400 * days,
	} {
		at := noon.Add(after)
		c.set(at)
		rescan(t)
		for _, q := range []struct {
			name  string
			qtype uint16
		}{{owner, dns.TypeTXT}, {"example.com.", dns.TypeDNSKEY}, {"example.com.", dns.TypeSOA}, {"example.com.", dns.TypeNS}} {
			if q.qtype == dns.TypeSOA && denial == "nsec" {
				continue // the serial is the server's own
			}
			foretold := show(t, persistctl, site, denial, at, dns.Type(q.qtype).String())
			served := records(s.ask(t, question(q.name, q.qtype)).Answer)
			if diff := cmp.Diff(foretold, served); diff != "" {
				t.Errorf("At %v %s differs (-foretold +served):\n%s", at, dns.Type(q.qtype), diff)
			}
			seen[strings.Join(served, "")] = true
		}
	}
	if len(seen) < 20 {
		t.Errorf("Expected the instants to bring different answers, got %d of them", len(seen))
	}
}

// show returns the records that persistctl prints.
func show(t *testing.T, persistctl string, s site, denial string, at time.Time, qtype string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), persistctl, "show", "example.com", s.policies(),
		"--keys", s.keys(), "--zone", "example.com", "--denial", denial, "--ns", "ns1.example.net", "--type", qtype, "--at", at.Format(time.RFC3339))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	var rrs []dns.RR
	zone := dns.NewZoneParser(strings.NewReader(string(out)), ".", "")
	for rr, ok := zone.Next(); ok; rr, ok = zone.Next() {
		rrs = append(rrs, rr)
	}
	if err := zone.Err(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return records(rrs)
}

func records(rrs []dns.RR) []string {
	list := make([]string, len(rrs))
	for i, rr := range rrs {
		list[i] = rr.String()
	}
	return list
}
