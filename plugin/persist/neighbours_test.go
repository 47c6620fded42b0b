package persist

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// neighbour is a plugin after persist that serves example.com.
type neighbour struct {
	stanza  string
	replace func(text string)    // has it serve the zone from another zone file
	settle  func(address string) // has a server that has been started notice that
}

// neighbours have a plugin that an overlay lies over serve a zone file.
var neighbours = map[string]func(t *testing.T, text string) neighbour{
	"file":      serveByFile,
	"auto":      serveByAuto,
	"secondary": serveBySecondary,
	"forward":   serveByForward,
}

func serveByFile(t *testing.T, text string) neighbour {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zone")
	putFile(t, path, text)
	return neighbour{
		stanza:  "file " + path + " example.com {\nreload 20ms\n}",
		replace: func(text string) { putFile(t, path, text) },
		settle:  func(string) {},
	}
}

func serveByAuto(t *testing.T, text string) neighbour {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.example.com")
	putFile(t, path, text)
	return neighbour{
		stanza:  "auto example.com {\ndirectory " + filepath.Dir(path) + "\nreload 20ms\n}",
		replace: func(text string) { putFile(t, path, text) },
		settle:  func(string) {},
	}
}

func serveBySecondary(t *testing.T, text string) neighbour {
	t.Helper()
	nsd := parts.NewNSD(t, parts.NSDOptions{Zones: map[string]string{"example.com": text}})
	return neighbour{
		stanza:  "secondary example.com {\ntransfer from " + nsd.Address + "\n}",
		replace: replacer(t, nsd),
		settle: func(address string) {
			if r := exchange(t, "udp", address, new(dns.Msg).SetNotify("example.com.")); r.Rcode != dns.RcodeSuccess {
				t.Errorf("Expected the NOTIFY to be taken, got %v", r)
			}
		},
	}
}

func serveByForward(t *testing.T, text string) neighbour {
	t.Helper()
	nsd := parts.NewNSD(t, parts.NSDOptions{Zones: map[string]string{"example.com": text}})
	return neighbour{
		stanza:  "forward example.com " + nsd.Address,
		replace: replacer(t, nsd),
		settle:  func(string) {},
	}
}

// putFile replaces a file in one step, as whoever reads it at any time needs.
func putFile(t *testing.T, path, text string) {
	t.Helper()
	next := filepath.Join(t.TempDir(), "next")
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

func replacer(t *testing.T, nsd *parts.NSD) func(string) {
	t.Helper()
	return func(text string) {
		t.Helper()
		if err := nsd.Replace(t.Context(), "example.com", text); err != nil {
			t.Fatal(err)
		}
	}
}

// serves waits until s has a version of example.com.
func (s *server) serves(t *testing.T, serial uint32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		r := s.ask(t, question("example.com.", dns.TypeSOA))
		if len(r.Answer) > 0 {
			if soa, ok := r.Answer[0].(*dns.SOA); ok && soa.Serial == serial {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("Expected serial %d of example.com, got %v", serial, r)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// over is an overlay over example.com as a neighbour serves it, and beside it
// the neighbour alone.
type over struct {
	t *testing.T
	neighbour
	*server
	alone *server
	clock *manualClock
}

// startOver serves version 1 of a zone, at noon.
func startOver(t *testing.T, plugin string, site site, records string) over {
	t.Helper()
	clock, n := setClock(t, noon), neighbours[plugin](t, zoneFile(1, records))
	o := over{t, n, start(t, block(site.overlay(), n.stanza)), start(t, block(n.stanza)), clock}
	o.serves(t, 1)
	o.alone.serves(t, 1)
	return o
}

// become has both serve another version.
func (o over) become(t *testing.T, serial uint32, records string) {
	t.Helper()
	o.replace(zoneFile(serial, records))
	for _, s := range []*server{o.server, o.alone} {
		o.settle(s.udp)
		s.serves(t, serial)
	}
}

// zoneFile is a version of example.com.
func zoneFile(serial uint32, records string) string {
	return fmt.Sprintf("$ORIGIN example.com.\n@ 3600 SOA ns1.example.net. host.example.net. %d 3600 600 86400 60\n@ 3600 NS ns1.example.net.\n%s\n",
		serial, strings.TrimSpace(records))
}

// overlay adds what the documents grant to another plugin's example.com.
func (s site) overlay() string {
	return "persist example.com {\npolicies " + s.policies() + "\nfallthrough\n}"
}
