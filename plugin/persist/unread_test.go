package persist

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// A server that starts with a document that it cannot read knows that it does not
// know what that grants: nobody has been silent for long, and no zone is misspelt.
func TestAStartWithoutADocumentIsNotReadyForWhatItMayGrant(t *testing.T) {
	for shape, property := range map[string]string{"compact": "", "nsec": "denial nsec", "cuts": "cuts", "unsigned": "keys none", "targets": "targets", "overlay": ""} {
		t.Run(shape, func(t *testing.T) {
			setClock(t, noon)
			s := newSite(t, documents())
			file := filepath.Join(s.policies(), "accounts", "web", "ca", "a.json")
			aside := filepath.Join(s.dir, "aside")
			if err := os.Rename(file, aside); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(file, 0o700); err != nil { // as unreadable as a file gets, for root too
				t.Fatal(err)
			}
			keys := "dir " + s.keys()
			if shape == "unsigned" {
				keys, property = "none", ""
			}
			stanzas, name := []string{s.own("example.com", keys, property)}, cut
			switch shape {
			case "targets":
				name = "example.com.example.com."
			case "overlay":
				below := filepath.Join(s.dir, "zone")
				if err := os.WriteFile(below, []byte(zoneFile(1, "")), 0o600); err != nil {
					t.Fatal(err)
				}
				stanzas = []string{s.overlay(), "file " + below + " example.com"}
			}
			log := listen(t)
			server := start(t, block(stanzas...))
			r := server.ask(t, question(name, dns.TypeTXT))
			if r.Rcode != dns.RcodeServerFailure || ede(r) != int(dns.ExtendedErrorCodeNotReady) {
				t.Errorf("Expected SERVFAIL and Not Ready, got %v", r)
			}
			log.expect(t, "WARNING", "a.json is no regular file")
			log.expect(t, "WARNING", "zone example.com.", "could not be read, as said above")
			if strings.Contains(log.String(), "spelt right") || strings.Contains(log.String(), "right one") {
				t.Errorf("Expected no doubt of the zone or the store, got\n%s", log)
			}
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(aside, file); err != nil {
				t.Fatal(err)
			}
			rescan(t)
			// A chained zone goes on with the version that there is while the next is made.
			r = server.ask(t, question(name, dns.TypeTXT))
			for began := time.Now(); text(r) == "" && shape == "nsec" && time.Since(began) < 20*time.Second; {
				r = server.ask(t, question(name, dns.TypeTXT))
			}
			if text(r) == "" {
				t.Errorf("Expected the record as soon as the document is read, got %v", r)
			}
		})
	}
}

// Once everything is read, and grants nothing, the zone may be misspelt after all.
func TestAZoneWithoutAGrantIsInDoubtWhenEverythingIsRead(t *testing.T) {
	setClock(t, noon)
	s := newSite(t, granting("example.com"))
	file := filepath.Join(s.policies(), "accounts", "web", "ca", "b.json")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	log := listen(t)
	start(t, block(s.own("a.example.com", "none")))
	log.expect(t, "zone a.example.com.", "could not be read")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		rescan(t)
	}
	if n := strings.Count(log.String(), "is the zone spelt right?"); n != 1 {
		t.Errorf("Expected one doubt, got %d in\n%s", n, log)
	}
}

// A zone that has lost its last grant was spelt right until then.
func TestAZoneThatLosesItsLastGrantIsInNoDoubt(t *testing.T) {
	setClock(t, noon)
	s := newSite(t, granting("example.com"))
	log := listen(t)
	start(t, block(s.own("example.com", "none")))
	policytest.Standard().Account(`"domains": {"exam ple.com": {}}`).Write(t, s.policies())
	for range 3 {
		rescan(t)
	}
	log.expect(t, "WARNING", "accounts/web/ca/", "exam ple.com")
	log.expect(t, "WARNING", "no document grants a name in zone example.com. any more", "what took the last grant away is said above")
	if n := strings.Count(log.String(), "no document grants a name"); n != 1 {
		t.Errorf("Expected it to be said once, and no doubt, got %d in\n%s", n, log)
	}
}

// Of as many zones without a grant as nobody would read of one by one the log counts
// most, and each of them once.
func TestZonesWithoutAGrantAreCountedWhereThereAreMany(t *testing.T) {
	setClock(t, noon)
	s := newSite(t, granting("example.com"))
	zones := make([]string, 0, 2*mostTold+1)
	for i := range cap(zones) {
		zones = append(zones, fmt.Sprintf("_validation-persist.n%d.example.com", i))
	}
	log := listen(t)
	start(t, block(s.serving(zones)))
	rescan(t)
	if n := strings.Count(log.String(), "is the zone spelt right?"); n != mostTold {
		t.Errorf("Expected %d zones to be named, got %d", mostTold, n)
	}
	if n := strings.Count(log.String(), fmt.Sprintf("and likewise %d zones more have no grant", mostTold+1)); n != 1 {
		t.Errorf("Expected the others to be counted once, got %d in\n%s", n, log)
	}
}
