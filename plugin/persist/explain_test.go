package persist

import (
	"bytes"
	"fmt"
	"io"
	golog "log"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
	"golang.org/x/net/dns/dnsmessage"
)

// optionsOf are the EDNS options of a response by their codes, as another
// library than the one that packed it reads them; nil without EDNS.
func optionsOf(t *testing.T, wire []byte) map[uint16]string {
	t.Helper()
	var m dnsmessage.Message
	if err := m.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	for _, rr := range m.Additionals {
		if opt, ok := rr.Body.(*dnsmessage.OPTResource); ok {
			found := map[uint16]string{}
			for _, o := range opt.Options {
				if found[o.Code] != "" {
					t.Errorf("Option %d stands twice", o.Code)
				}
				found[o.Code] = string(o.Data)
			}
			return found
		}
	}
	return nil
}

const (
	errorOption  = 15 // RFC 8914 section 2
	reportOption = 18 // RFC 9567 section 5
)

func TestResponsesNameWhoReceivesReports(t *testing.T) {
	for _, denial := range []string{"compact", "nsec"} {
		s := start(t, block(newSite(t, documents()).stanza("report Report.Example.NET", "denial "+denial)))
		checkReports(t, s)
	}
	s := start(t, block(newSite(t, documents()).stanza()))
	if got := optionsOf(t, wireResponse(t, s, question(owner, dns.TypeTXT))); len(got) != 0 {
		t.Errorf("Expected no option where none is asked for, got %v", got)
	}
}

func checkReports(t *testing.T, s *server) {
	t.Helper()
	for _, name := range []string{owner, "x.example.com.", "*.example.com.", "b.example.com.", "example.com."} {
		for _, qtype := range []uint16{dns.TypeTXT, dns.TypeSOA, dns.TypeNXNAME} {
			got := optionsOf(t, wireResponse(t, s, question(name, qtype)))
			if got[reportOption] != "\x06report\x07example\x03net\x00" {
				t.Errorf("%s %s: expected the agent domain uncompressed, got %v", name, dns.Type(qtype), got)
			}
		}
		if got := optionsOf(t, wireResponse(t, s, new(dns.Msg).SetQuestion(name, dns.TypeSOA))); got != nil {
			t.Errorf("%s: expected no EDNS where the client has none, got %v", name, got)
		}
	}
}

// Whatever the size, what is good to know is no reason to ask again over TCP.
func TestOptionsNeverCauseTruncation(t *testing.T) {
	d := graded()
	d["accounts/web/ca/off"] = fmt.Sprintf(`{"account_uri": %q, "enabled": false, "domains": "off.example.com %s.example.com"}`, policytest.AccountURI, strings.Repeat("o", 60))
	setClock(t, noon)
	site := newSite(t, d)
	plain := start(t, block(site.stanza()))
	reporting := start(t, block(site.stanza("report report-agent.example.net")))
	with, without := 0, 0
	names := append(make([]string, 0, 124), "_validation-persist.off.example.com.", "_validation-persist."+strings.Repeat("o", 60)+".example.com.", "x.example.com.", "*.x.example.com.")
	for i := range 120 {
		names = append(names, fmt.Sprintf("_validation-persist.p%03d.example.com.", i))
	}
	for _, name := range names {
		for size := uint16(512); size <= 1232; size += 24 {
			query := new(dns.Msg).SetQuestion(name, dns.TypeTXT).SetEdns0(size, true)
			r, wire := plain.ask(t, query), wireResponse(t, reporting, query)
			got := new(dns.Msg)
			if err := got.Unpack(wire); err != nil || len(wire) > int(size) || got.Truncated != r.Truncated || len(got.Answer) != len(r.Answer) {
				t.Fatalf("%s, size %d: expected the answer of a server without options, got %v, %v", name, size, got, err)
			}
			switch _, ok := optionsOf(t, wire)[reportOption]; {
			case ok:
				with++
			case !got.Truncated:
				without++
			}
		}
	}
	if with == 0 || without == 0 {
		t.Errorf("Expected answers with room for the option and without, got %d and %d", with, without)
	}
}

// Whoever sees no record at a granted name is told that this is the policy's
// will, and nothing of who is behind it.
func TestWithheldGrantsAreExplained(t *testing.T) {
	setClock(t, noon)
	d := policytest.Standard().Account(`"domains": {
		"off.example.com": {"enabled": false},
		"stopped.example.com": {},
		"soon.example.com": {"not_before": "2026-11-26T00:00:00Z"},
		"over.example.com": {"until": "2026-11-25T11:00:00Z"},
		"on.example.com": {}}`).With(policytest.Documents{"control": `{"stop": {"domain:stopped.example.com": {"by": "somebody"}}}`})
	for _, denial := range []string{"compact", "nsec"} {
		checkExplained(t, start(t, block(newSite(t, d).stanza("denial "+denial))))
	}
	overlay := startOverlay(t, d, "")
	if got := optionsOf(t, wireResponse(t, overlay, question("_validation-persist.off.example.com.", dns.TypeTXT)))[errorOption]; got != withheld {
		t.Errorf("Expected the same of an overlay, got %q", got)
	}
}

const (
	withheld   = "\x00\x00the policy withholds every grant of this name"
	notInForce = "\x00\x00no grant of this name is in force at this time"
)

func checkExplained(t *testing.T, s *server) {
	t.Helper()
	for _, c := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"_validation-persist.off.example.com.", dns.TypeTXT, withheld},
		{"_validation-persist.stopped.example.com.", dns.TypeTXT, withheld},
		{"_validation-persist.soon.example.com.", dns.TypeTXT, notInForce},
		{"_validation-persist.over.example.com.", dns.TypeTXT, notInForce},
		{"_validation-persist.on.example.com.", dns.TypeTXT, ""},
		{"_validation-persist.off.example.com.", dns.TypeA, ""},
		{"_validation-persist.off.example.com.", dns.TypeNSEC, ""},
		{"off.example.com.", dns.TypeTXT, ""},
		{"_validation-persist.nobody.example.com.", dns.TypeTXT, ""},
		{"example.com.", dns.TypeTXT, ""},
	} {
		if got := optionsOf(t, wireResponse(t, s, question(c.name, c.qtype)))[errorOption]; got != c.want {
			t.Errorf("%s %s: expected %q, got %q", c.name, dns.Type(c.qtype), c.want, got)
		}
	}
}

// A name whose answer has outgrown UDP is counted and logged once, however often
// it is asked for and signed anew, and again only if it was smaller meanwhile.
func TestNamesThatOutgrowUDPAreCountedOnce(t *testing.T) {
	for _, denial := range []string{"compact", "nsec"} {
		t.Run(denial, func(t *testing.T) { checkOutgrown(t, denial) })
	}
}

func checkOutgrown(t *testing.T, denial string) {
	t.Helper()
	var out bytes.Buffer
	golog.SetOutput(&out)
	defer golog.SetOutput(io.Discard)
	c, site := setClock(t, noon), newSite(t, large())
	s := start(t, block(site.stanza("denial "+denial)))
	before := total(t, "coredns_persist_oversize_total", "zone", "example.com.")
	expect := func(want int, large bool) {
		t.Helper()
		for s.ask(t, question(owner, dns.TypeTXT)).Truncated != large { // until the new version is served
		}
		for range 10 {
			s.ask(t, question(owner, dns.TypeTXT))
			s.ask(t, question("_validation-persist.a.b.example.com.", dns.TypeTXT))
		}
		if got := total(t, "coredns_persist_oversize_total", "zone", "example.com.") - before; got != float64(want) {
			t.Errorf("Expected %d to be counted, got %v", want, got)
		}
		if got := strings.Count(out.String(), "the answer at "+owner+" has "); got != want {
			t.Errorf("Expected %d lines, got:\n%s", want, out.String())
		}
	}
	expect(1, true)
	c.advance(30 * time.Hour)
	rescan(t)
	expect(1, true)
	smaller := documents()
	for path := range large() {
		if _, ok := smaller[path]; !ok {
			smaller[path] = `{"account_uri": "https://ca.example/acct/1", "domains": "b.example.com"}`
		}
	}
	smaller.Write(t, site.policies())
	c.advance(time.Minute)
	rescan(t)
	expect(1, false)
	large().Write(t, site.policies())
	c.advance(time.Minute)
	rescan(t)
	expect(2, true)
}
