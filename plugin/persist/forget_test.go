package persist

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"weak"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// A server that runs for years must not keep what it once served.
func TestAGrantThatIsGoneLeavesTheMemory(t *testing.T) {
	setClock(t, noon)
	s := newSite(t, documents())
	server := start(t, block(s.stanza()))
	for _, name := range []string{"example.com.", "a.b.example.com."} {
		if r := server.ask(t, question("_validation-persist."+name, dns.TypeTXT)); text(r) == "" {
			t.Fatalf("Expected a record, got\n%v", r)
		}
	}
	book := backends.all()[0].last()
	gone, kept := weak.Make(book.Lookup("a.b.example.com")[0]), weak.Make(book.Lookup("example.com")[0])

	documents().Account(`"domains": {"example.com": {"wildcard": true}}`).Write(t, s.policies())
	rescan(t)
	runtime.GC()
	if gone.Value() != nil {
		t.Error("Expected nothing to be left of a grant that is gone")
	}
	if kept.Value() == nil {
		t.Error("Expected the other grant to be the same as before")
	}
}

// subtreesAtApexes are n subtrees, with a zone at one name of each.
func subtreesAtApexes(n int, members string) (zones []string, d policytest.Documents) {
	domains := make([]string, 0, n)
	for i := range n {
		zones = append(zones, fmt.Sprintf("_validation-persist.x.d%d.example.com", i))
		domains = append(domains, fmt.Sprintf(`"d%d.example.com": {"subtree": true%s}`, i, members))
	}
	return zones, policytest.Standard().Account(`"domains": {` + strings.Join(domains, ", ") + `}`)
}

// serving is the stanza of the site, for these zones.
func (s site) serving(zones []string) string {
	return strings.Replace(s.stanza(), "persist example.com", "persist "+strings.Join(zones, " "), 1)
}

// A zone whose apex lies in a subtree has nothing of its own that could be gone.
func TestASubtreeThatIsGoneLeavesTheMemoryOfItsZones(t *testing.T) {
	setClock(t, noon)
	zones, d := subtreesAtApexes(2, "")
	s := newSite(t, d)
	server := start(t, block(s.serving(zones)))
	for _, zone := range zones {
		if r := server.ask(t, question(zone+".", dns.TypeTXT)); text(r) == "" {
			t.Fatalf("Expected a record, got\n%v", r)
		}
	}
	book := backends.all()[0].last()
	gone, kept := weak.Make(book.Lookup("d0.example.com")[0]), weak.Make(book.Lookup("d1.example.com")[0])

	d.Account(`"domains": {"d1.example.com": {"subtree": true}}`).Write(t, s.policies())
	rescan(t)
	runtime.GC()
	if gone.Value() != nil {
		t.Error("Expected nothing to be left of a subtree that is gone")
	}
	if kept.Value() == nil {
		t.Error("Expected the other to be the same as before")
	}
}

// What it costs that all of many subtrees change in one scan, where each has a
// zone whose apex lies in it.
func BenchmarkForgetSubtrees(b *testing.B) {
	for _, n := range []int{250, 1000, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			zones, d := subtreesAtApexes(n, "")
			c, err := parseStanza(newSite(b, d).serving(zones))
			if err != nil {
				b.Fatal(err)
			}
			p := newPersist(c)
			keys, err := dnssec.GenerateKeys("test", dns.ED25519, noon, rand.Reader)
			if err != nil {
				b.Fatal(err)
			}
			set, err := dnssec.ParseKeys(keys)
			if err != nil {
				b.Fatal(err)
			}
			_, changed := subtreesAtApexes(n, `, "wildcard": true`)
			before := policy.Compile(nil, d.Snapshot(1, noon), policy.Brakes{})
			after := policy.Compile(before, changed.Snapshot(2, noon), policy.Brakes{})
			for b.Loop() {
				b.StopTimer()
				p.served = before
				for origin, a := range p.authorities {
					a.Update(before, set)
					if r := a.Answer(answer.Query{Name: origin, Type: dns.TypeTXT, DO: true}, noon); r.Outcome != answer.Record {
						b.Fatalf("%s: expected a record, got %+v", origin, r)
					}
				}
				b.StartTimer()
				for _, a := range p.authorities {
					a.Update(after, set)
				}
				p.forget(after)
			}
		})
	}
}
