package persist

import (
	"runtime"
	"testing"
	"weak"

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
