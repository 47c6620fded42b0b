package persist

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/audit"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

// The audit log speaks of the zone in the Corefile, and a rotation of all cuts is
// one line: from the lines alone follows what each cut answers, with a chain too.
func TestTheAuditLogTellsWhatCutsAnswer(t *testing.T) {
	for _, denial := range []string{"compact", "nsec"} {
		t.Run(denial, func(t *testing.T) {
			c := setClock(t, noon)
			site := newSite(t, documents())
			path := filepath.Join(site.dir, "audit.log")
			s := start(t, block(site.cuts(".", "audit "+path, "denial "+denial)))
			for hour := range 30 {
				var r audit.Replay
				all := audited(t, path)
				for _, line := range all {
					r.Take(line)
				}
				if zones := r.Zones(); !slices.Equal(zones, []string{"."}) {
					t.Fatalf("%s: expected one zone, got %v", denial, zones)
				}
				for fqdn, origin := range map[record.FQDN]string{"example.com": cut, "a.b.example.com": deepCut} {
					if told, got := r.Served(".")[fqdn], text(s.ask(t, question(origin, dns.TypeTXT))); !slices.Equal(told, []string{got}) {
						t.Fatalf("%s, hour %d: %s answers %q, and the log tells %q", denial, hour, origin, got, told)
					}
				}
				if rotations := told(all, audit.Rotated); hour == 29 && len(rotations) != 1 && len(rotations) != 2 {
					t.Fatalf("%s: expected one line for each day's rotation, got %+v", denial, rotations)
				}
				c.advance(time.Hour)
				rescan(t)
			}
		})
	}
}
