package persist

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// only is a server block for one zone on a free port.
func only(zone, stanza string) string {
	return strings.Replace(block(stanza), ".:0", zone+":0", 1)
}

// granting are documents that grant the names.
func granting(names ...string) policytest.Documents {
	return policytest.Standard().Account(`"domains": ["` + strings.Join(names, `", "`) + `"]`)
}

const leftOut, goneWithGrants = "the reload leaves out zones that were signed", "are gone with their grants"

// What a reload leaves out is the operator's own doing; but nobody may have thought
// of the parents, whose delegations are lame from then on.
func TestAReloadTellsWhichSignedZonesItLeavesOut(t *testing.T) {
	setClock(t, noon)
	s, foreign := newSite(t, documents()), newSite(t, granting("b.example.com"))
	keys := "dir " + s.keys()
	cuts, label := s.own("example.com", keys, "cuts"), s.own(deepCut, keys)
	both := []string{", 2 of them: " + deepCut + " " + cut}
	for what, c := range map[string]struct {
		before, after string
		told          []string
	}{
		"a stanza for one of the cuts":         {block(cuts), block(label), []string{leftOut, ", 1 of them: " + cut + ":"}},
		"a server block with fewer cuts":       {only("example.com", cuts), only("b.example.com", s.own("b.example.com", keys, "cuts")), []string{leftOut, ", 1 of them: " + cut + ":"}},
		"another plugin":                       {block(cuts), block("whoami"), append(both, leftOut, "until DS and then NS are removed at the parents")},
		"another plugin for a zone":            {block(label), block("whoami"), []string{leftOut, ", 1 of them: " + deepCut + ":"}},
		"a store that grants others":           {block(cuts), block(strings.Replace(cuts, s.policies(), foreign.policies(), 1)), append(both, goneWithGrants)},
		"a cut in place of a zone, ungranted":  {block(label), block(strings.Replace(s.own("example.com", keys, "cuts"), s.policies(), foreign.policies(), 1)), []string{goneWithGrants, deepCut}},
		"the same cuts below a name above":     {block(cuts), block(s.own(".", keys, "cuts")), nil},
		"the same, with a stanza for one":      {block(cuts), block(cuts) + only(deepCut, label), nil},
		"zones that nobody has signed":         {block(s.own("example.com", "none", "cuts")), block("whoami"), nil},
		"a zone in the place of its only cut":  {block(s.own("a.b.example.com", keys, "cuts")), block(label), nil},
		"the same zone with another property":  {block(cuts), block(cuts + "\nwhoami"), nil},
		"a view with the zones for all others": {view("a", inside, cuts), block(cuts), nil},
	} {
		t.Run(what, func(t *testing.T) {
			server, log := start(t, c.before), listen(t)
			next, err := server.Restart(input(t, c.after))
			if err != nil {
				t.Fatal(err)
			}
			server.Instance = next
			if len(c.told) > 0 {
				log.expect(t, append(c.told, "WARNING")...)
			}
			if n := strings.Count(log.String(), "are lame now"); n != min(len(c.told), 1) {
				t.Errorf("Expected %q, and nothing else of the kind, got %d in\n%s", c.told, n, log)
			}
		})
	}
}

// Neither a reload that fails nor the end of the process leaves anything out.
func TestNothingIsLeftOutWithoutAReload(t *testing.T) {
	s := newSite(t, documents())
	server, log := start(t, block(s.cuts("."))), listen(t)
	if err := server.reload(t, block("whoami")+"example.org:0 {\nbind 192.0.2.1\nwhoami\n}\n"); err == nil {
		t.Fatal("Expected the reload to fail")
	}
	server.ShutdownCallbacks()
	if strings.Contains(log.String(), "are lame now") {
		t.Errorf("Expected no zone to be left out, got\n%s", log)
	}
}

// A store that a reload names, and that is not loaded until later, may grant other
// names than the one before: that is told when it is loaded.
func TestCutsThatALaterLoadDoesNotGrantAreToldThen(t *testing.T) {
	setClock(t, noon)
	impatient(t)
	s, later := newSite(t, documents()), newSite(t, granting("example.com").With(policytest.Documents{"config": ""}))
	server, log := start(t, block(s.cuts("."))), listen(t)
	if err := server.reload(t, block(strings.Replace(s.cuts("."), s.policies(), later.policies(), 1))); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), "are lame now") {
		t.Errorf("Expected nothing to be told of what is not loaded, got\n%s", log)
	}
	granting("example.com").Write(t, later.policies())
	rescan(t)
	log.expect(t, "WARNING", goneWithGrants, ", 1 of them: "+deepCut+":")
}

// A document that was never read may still grant the cut, which is answered
// SERVFAIL meanwhile.
func TestNoCutIsToldAsGoneThatADocumentNobodyHasReadMayGrant(t *testing.T) {
	setClock(t, noon)
	s, later := newSite(t, documents()), newSite(t, granting("example.com"))
	file := filepath.Join(later.policies(), "accounts", "web", "ca", "b.json")
	if err := os.Mkdir(file, 0o700); err != nil { // as unreadable as a file gets, for root too
		t.Fatal(err)
	}
	server, log := start(t, block(s.cuts("."))), listen(t)
	if err := server.reload(t, block(strings.Replace(s.cuts("."), s.policies(), later.policies(), 1))); err != nil {
		t.Fatal(err)
	}
	if r := server.ask(t, question(deepCut, dns.TypeSOA)); r.Rcode != dns.RcodeServerFailure {
		t.Errorf("Expected SERVFAIL, got %v", r)
	}
	if strings.Contains(log.String(), "are lame now") {
		t.Errorf("Expected nothing to be told as gone, got\n%s", log)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		rescan(t)
	}
	log.expect(t, "WARNING", goneWithGrants, ", 1 of them: "+deepCut+":")
}

// A name that is misspelt in a later version of a document takes its cut with it.
func TestCutsThatAreGoneWithTheirGrantsAreTold(t *testing.T) {
	setClock(t, noon)
	s := newSite(t, granting("example.com", "api.example.com"))
	server, log := start(t, block(s.cuts("example.com"))), listen(t)
	const api = "_validation-persist.api.example.com."
	for _, c := range []struct {
		documents policytest.Documents
		waiting   int
	}{
		{granting("example.com", "apo.example.com"), 0},
		{granting("example.com"), 1},                    // apo, and there was a line this minute
		{granting("example.com", "apo.example.com"), 0}, // is there again
	} {
		c.documents.Write(t, s.policies())
		rescan(t)
		if n, m := strings.Count(log.String(), goneWithGrants), len(running.all()[0].gone); n != 1 || m != c.waiting {
			t.Errorf("Expected one line and %d cuts to be told of, got %d, and\n%s", c.waiting, m, log)
		}
	}
	log.expect(t, "WARNING", goneWithGrants, ", 1 of them: "+api+":", "NS and DS")
	if r := server.ask(t, question(api, dns.TypeSOA)); r.Rcode != dns.RcodeRefused {
		t.Errorf("Expected the delegation to be lame, got %v", r)
	}
}

// A grant that is withheld keeps its cut, so there is nothing to tell.
func TestCutsWhoseGrantsAreWithheldAreNotTold(t *testing.T) {
	setClock(t, noon)
	s := newSite(t, documents())
	log := listen(t)
	start(t, block(s.cuts(".")))
	documents().Account(`"domains": {"example.com": {"enabled": false}, "a.b.example.com": {"wildcard": true}}`).Write(t, s.policies())
	rescan(t)
	if strings.Contains(log.String(), goneWithGrants) {
		t.Errorf("Expected no cut to be gone, got\n%s", log)
	}
}

// However many are gone, the log names a few, and says how many there are.
func TestTheLogNamesSomeOfManyCuts(t *testing.T) {
	setClock(t, noon)
	names := make([]string, mostTold+5)
	for i := range names {
		names[i] = fmt.Sprintf("n%02d.example.com", i)
	}
	s := newSite(t, granting(names...))
	start(t, block(s.cuts(".")))
	log := listen(t)
	granting("example.com").Write(t, s.policies())
	rescan(t)
	log.expect(t, goneWithGrants, ", 25 of them: _validation-persist.n00.example.com.", "_validation-persist.n19.example.com. and 5 more:")
	if strings.Contains(log.String(), "n20") {
		t.Errorf("Expected the first %d, got\n%s", mostTold, log)
	}
}
