package persist

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

const owner = "_validation-persist.example.com."

func TestSignedAnswerIsServed(t *testing.T) {
	setClock(t, noon)
	s := start(t, block(newSite(t, documents()).stanza()))
	for _, network := range []string{"udp", "tcp"} {
		address := map[string]string{"udp": s.udp, "tcp": s.tcp}[network]
		r := exchange(t, network, address, question(owner, dns.TypeTXT))
		if got, want := text(r), "ca.example; accounturi=https://ca.example/acct/123; policy=wildcard; persistUntil=1795996800"; got != want {
			t.Errorf("%s: expected %q, got %v", network, want, r)
		}
		if !r.Authoritative || r.RecursionAvailable || r.AuthenticatedData || len(r.Answer) != 2 || len(r.Ns) != 0 {
			t.Errorf("%s: expected an authoritative answer of TXT and RRSIG, got %v", network, r)
		}
	}
}

// Servers that read the same documents and keys need not know of each other.
func TestTwoServersAnswerAlike(t *testing.T) {
	c := setClock(t, noon)
	site := newSite(t, documents())
	one := start(t, block(site.stanza()))
	other := start(t, block(site.stanza("refresh 30s")))
	for _, name := range []string{owner, "b.example.com.", "x.example.com.", "*.example.com.", "example.com."} {
		for _, qtype := range []uint16{dns.TypeTXT, dns.TypeDNSKEY, dns.TypeSOA, dns.TypeNS, dns.TypeNSEC} {
			m := question(name, qtype)
			a, b := one.ask(t, m), other.ask(t, m)
			if a.String() != b.String() {
				t.Errorf("Two servers differ:\n%v\n%v", a, b)
			}
		}
		c.advance(1)
	}
}

func TestFlagsAndEDNSOfTheAnswer(t *testing.T) {
	s := start(t, block(newSite(t, documents()).stanza()))
	m := question(owner, dns.TypeTXT)
	m.RecursionDesired, m.CheckingDisabled = true, true
	opt := m.IsEdns0()
	opt.SetCo()
	opt.Hdr.Ttl |= 0x3fff // every undefined flag
	opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")})
	r := s.ask(t, m)
	if !r.RecursionDesired || r.CheckingDisabled {
		t.Errorf("Expected RD copied and CD cleared, got %v", r)
	}
	got := r.IsEdns0()
	if got == nil || got.Hdr.Ttl != 0xc000 || len(got.Option) != 0 {
		t.Errorf("Expected DO and CO alone in the OPT record, got %v", got)
	}
	plain := s.ask(t, new(dns.Msg).SetQuestion(owner, dns.TypeTXT))
	if plain.IsEdns0() != nil || len(plain.Answer) != 1 {
		t.Errorf("Expected no OPT and no signature without EDNS, got %v", plain)
	}
	m = question(owner, dns.TypeTXT)
	m.IsEdns0().SetVersion(1)
	if r := s.ask(t, m); r.Rcode&0xf|int(r.IsEdns0().Hdr.Ttl>>24)<<4 != dns.RcodeBadVers || r.IsEdns0().Version() != 0 || len(r.Answer) != 0 {
		t.Errorf("Expected BADVERS with version 0, got %v", r)
	}
}

// A name that asks in mixed case is echoed as it is, and costs no signature of
// its own.
func TestMixedCaseIsEchoed(t *testing.T) {
	setClock(t, noon)
	s := start(t, block(newSite(t, documents()).stanza()))
	r := s.ask(t, question("_VaLiDaTiOn-PeRsIsT.eXaMpLe.CoM.", dns.TypeTXT))
	if r.Question[0].Name != "_VaLiDaTiOn-PeRsIsT.eXaMpLe.CoM." {
		t.Errorf("Expected the question as it was asked, got %v", r.Question)
	}
	lower := s.ask(t, question(owner, dns.TypeTXT))
	if len(r.Answer) != 2 || r.Answer[1].(*dns.RRSIG).Signature != lower.Answer[1].(*dns.RRSIG).Signature {
		t.Errorf("Expected the same signature for every spelling, got %v", r.Answer)
	}
}

func TestOnlyQueriesInClassINAreAnswered(t *testing.T) {
	s := start(t, block(newSite(t, documents()).stanza(), "chaos"))
	chaos := question(owner, dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	notify := question("example.com.", dns.TypeSOA)
	notify.Opcode = dns.OpcodeNotify
	update := question("example.com.", dns.TypeSOA)
	update.Opcode = dns.OpcodeUpdate
	unknown := question(owner, dns.TypeTXT)
	unknown.Opcode = 9
	two := question(owner, dns.TypeTXT)
	two.Question = append(two.Question, two.Question[0])
	none := question(owner, dns.TypeTXT)
	none.Question = nil
	for _, c := range []struct {
		name   string
		query  *dns.Msg
		rcodes []int
	}{
		{"class CH", chaos, []int{dns.RcodeRefused}},
		{"NOTIFY", notify, []int{dns.RcodeNotImplemented}},
		{"UPDATE", update, []int{dns.RcodeNotImplemented}},
		{"opcode 9", unknown, []int{dns.RcodeNotImplemented}},
		{"two questions", two, []int{dns.RcodeFormatError}},
		{"no question", none, []int{dns.RcodeFormatError}},
		{"NXNAME", question(owner, dns.TypeNXNAME), []int{dns.RcodeFormatError}},
		{"type 200", question(owner, 200), []int{dns.RcodeNotImplemented}},
		{"AXFR", question("example.com.", dns.TypeAXFR), []int{dns.RcodeRefused}},
		{"IXFR", question("example.com.", dns.TypeIXFR), []int{dns.RcodeRefused}},
		{"another zone", question("example.org.", dns.TypeTXT), []int{dns.RcodeRefused}},
	} {
		r := exchange(t, "tcp", s.tcp, c.query)
		if !slices.Contains(c.rcodes, r.Rcode) || len(r.Answer) != 0 || len(r.Ns) != 0 {
			t.Errorf("%s: expected one of the rcodes %d and nothing else, got %v", c.name, c.rcodes, r)
		}
	}
}

func TestOtherZonesGoToTheNextPlugin(t *testing.T) {
	site := newSite(t, documents())
	zone := filepath.Join(site.dir, "zone")
	if err := os.WriteFile(zone, []byte("example.org. 60 SOA ns1.example.net. host.example.net. 1 2 3 4 5\nexample.org. 60 TXT theirs\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, block(site.stanza(), "file "+zone+" example.org"))
	if got := text(s.ask(t, question("example.org.", dns.TypeTXT))); got != "theirs" {
		t.Errorf("Expected the next plugin's record, got %q", got)
	}
}

// large grants one name to so many accounts that its RRset outgrows UDP.
func large() policytest.Documents {
	d := documents()
	for i := range 12 {
		d[fmt.Sprintf("accounts/web/ca/x%d", i)] = fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%d", "domains": "example.com"}`, 1000+i)
	}
	return d
}

func TestAnswerThatDoesNotFitIsTruncatedToNothing(t *testing.T) {
	s := start(t, block(newSite(t, large()).stanza()))
	for _, size := range []uint16{512, 1232, 4096, 65535} {
		m := new(dns.Msg).SetQuestion(owner, dns.TypeTXT).SetEdns0(size, true)
		r := s.ask(t, m)
		if !r.Truncated || len(r.Answer)+len(r.Ns) != 0 || r.IsEdns0() == nil || r.Rcode != 0 {
			t.Errorf("Size %d: expected TC, the question and OPT alone, got %v", size, r)
		}
	}
	r := exchange(t, "tcp", s.tcp, question(owner, dns.TypeTXT))
	if r.Truncated || len(r.Answer) != 14 {
		t.Errorf("Expected all 13 records and their signature over TCP, got %v", r)
	}
}

func TestSmallAnswersRespectTheClientsSize(t *testing.T) {
	s := start(t, block(newSite(t, documents()).stanza()))
	conn, err := net.Dial("udp", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, name := range []string{owner, "x.example.com.", "*.x.example.com.", "example.com."} {
		for _, qtype := range []uint16{dns.TypeTXT, dns.TypeDNSKEY, dns.TypeNS} {
			wire, err := new(dns.Msg).SetQuestion(name, qtype).SetEdns0(512, true).Pack()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(wire); err != nil {
				t.Fatal(err)
			}
			buffer := make([]byte, 4096)
			n, err := conn.Read(buffer)
			if err != nil {
				t.Fatal(err)
			}
			if n > 512 {
				t.Errorf("%s %s: expected at most 512 octets, got %d", name, dns.Type(qtype), n)
			}
		}
	}
}

func TestBudgetTruncatesOverUDPAndDropsOverTCP(t *testing.T) {
	setClock(t, noon)
	s := start(t, block(newSite(t, documents()).stanza("denial compact 1")))
	if r := s.ask(t, question("x1.example.com.", dns.TypeTXT)); r.Truncated {
		t.Errorf("Expected the first unknown name to be denied, got %v", r)
	}
	if r := s.ask(t, question("x2.example.com.", dns.TypeTXT)); !r.Truncated || len(r.Ns) != 0 {
		t.Errorf("Expected TC beyond the budget, got %v", r)
	}
	conn, err := dns.Dial("tcp", s.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, name := range []string{"x3.example.com.", owner} { // the first gets no answer
		if err := conn.WriteMsg(question(name, dns.TypeTXT)); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := conn.ReadMsg(); err != nil || r.Question[0].Name != owner {
		t.Errorf("Expected the granted name to be answered next, got %v, %v", r, err)
	}
}

func TestCacheStepsAside(t *testing.T) {
	c := setClock(t, noon)
	s := start(t, block(newSite(t, documents()).stanza(), "cache"))
	first := text(s.ask(t, question(owner, dns.TypeTXT)))
	c.advance(13 * time.Hour)
	rescan(t)
	if second := text(s.ask(t, question(owner, dns.TypeTXT))); second == first || second == "" {
		t.Errorf("Expected the answer of the new instant and not a cached one, got %q", second)
	}
}

func TestOverlayAddsGrantedNamesToAnothersZone(t *testing.T) {
	site := newSite(t, documents())
	zone := filepath.Join(site.dir, "zone")
	records := `example.com. 60 SOA ns1.example.net. host.example.net. 1 2 3 4 5
example.com. 60 NS ns1.example.net.
www.example.com. 60 A 192.0.2.1
deleg.example.com. 60 NS ns.deleg.example.com.
ns.deleg.example.com. 60 A 192.0.2.2
`
	if err := os.WriteFile(zone, []byte(records), 0o600); err != nil {
		t.Fatal(err)
	}
	d := policytest.Standard().Account(`"domains": "example.com a.b.example.com x.deleg.example.com"`)
	d.Write(t, site.policies())
	s := start(t, block("persist example.com {\npolicies "+site.policies()+"\nfallthrough\n}", "file "+zone+" example.com"))
	for _, c := range []struct {
		name  string
		qtype uint16
		rcode int
		text  bool
	}{
		{owner, dns.TypeTXT, dns.RcodeSuccess, true},
		{owner, dns.TypeA, dns.RcodeSuccess, false},
		{"b.example.com.", dns.TypeA, dns.RcodeSuccess, false}, // the file says NXDOMAIN
		{"nope.example.com.", dns.TypeA, dns.RcodeNameError, false},
		{"_validation-persist.www.example.com.", dns.TypeTXT, dns.RcodeNameError, false},
		{"_validation-persist.x.deleg.example.com.", dns.TypeTXT, dns.RcodeSuccess, false}, // below a delegation
	} {
		r := s.ask(t, question(c.name, c.qtype))
		if r.Rcode != c.rcode || (text(r) != "") != c.text {
			t.Errorf("%s %s: expected rcode %d and a record %t, got %v", c.name, dns.Type(c.qtype), c.rcode, c.text, r)
		}
		delegated := strings.Contains(c.name, "deleg")
		if len(r.Answer) == 0 && has(r.Ns, dns.TypeSOA) == delegated {
			t.Errorf("%s: expected an SOA in an empty answer and none in a referral, got %v", c.name, r)
		}
	}
	if r := s.ask(t, question("www.example.com.", dns.TypeA)); len(r.Answer) != 1 {
		t.Errorf("Expected the file's own names to be served, got %v", r)
	}
}
