package persist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	golog "log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/request"

	"github.com/google/go-cmp/cmp"
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
	opts := question(owner, dns.TypeTXT)
	opts.Extra = append(opts.Extra, opts.Extra[0])
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
		{"two OPT records", opts, []int{dns.RcodeFormatError}},
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

// The size is that of the packet, whatever parts of CoreDNS it has come through.
func TestAnswersOverUDPHaveTheirSize(t *testing.T) {
	s := start(t, block(newSite(t, documents()).stanza(), "prometheus 127.0.0.1:0"))
	names := append(make([]string, 0, 116), owner, "x.example.com.", "*.x.example.com.", "example.com.")
	for n := range 56 { // from 200 to 255 octets
		names = append(names, longName(200+n), "*."+longName(198+n))
	}
	for size, want := range map[uint16]int{100: 512, 512: 512, 1200: 1200, 1232: 1232, 1233: 1232, 4096: 1232, 65535: 1232} {
		for _, name := range names {
			for _, qtype := range []uint16{dns.TypeTXT, dns.TypeDNSKEY, dns.TypeNS} {
				wire := wireResponse(t, s, new(dns.Msg).SetQuestion(name, qtype).SetEdns0(size, true))
				if len(wire) > want {
					t.Errorf("%s %s, size %d: expected at most %d octets, got %d", name, dns.Type(qtype), size, want, len(wire))
				}
				r := new(dns.Msg)
				if err := r.Unpack(wire); err != nil || r.IsEdns0() == nil || int(r.IsEdns0().UDPSize()) != want {
					t.Errorf("%s %s, size %d: expected %d to be advertised, got %v, %v", name, dns.Type(qtype), size, want, r.IsEdns0(), err)
				}
			}
		}
	}
	r := exchange(t, "tcp", s.tcp, new(dns.Msg).SetQuestion(owner, dns.TypeTXT).SetEdns0(4096, true))
	if got := r.IsEdns0().UDPSize(); got != 1232 {
		t.Errorf("TCP: expected 1232 to be advertised, got %d", got)
	}
}

// longName is a name of n octets in wire form below example.com.
func longName(n int) string {
	name := "example.com."
	for left := n - 13; left > 1; {
		label := min(left-1, 61)
		name = strings.Repeat("x", label) + "." + name
		left -= label + 1
	}
	return name
}

// CoreDNS gives clients of QUIC and HTTP/3 a UDP address.
func TestAnswersOverStreamsAreNeverCut(t *testing.T) {
	c, err := parseStanza(newSite(t, large()).stanza("denial compact 1"))
	if err != nil {
		t.Fatal(err)
	}
	p := newPersist(c)
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.stop() }()
	for address, want := range map[string]int{"quic://127.0.0.1:853": 14, "https3://127.0.0.1:443": 14, "dns://127.0.0.1:53": 0, "": 0} {
		ctx := context.WithValue(t.Context(), dnsserver.Key{}, &dnsserver.Server{Addr: address})
		q, w := question(owner, dns.TypeTXT), &kept{}
		if _, err := p.ServeDNS(ctx, request.NewScrubWriter(q, w), q); err != nil {
			t.Fatal(err)
		}
		if len(w.m.Answer) != want || w.m.Truncated != (want == 0) {
			t.Errorf("%q: expected %d records, got %v", address, want, w.m)
		}
	}
}

// kept is a client with a UDP address that keeps the answer.
type kept struct {
	overUDP

	m *dns.Msg
}

func (k *kept) WriteMsg(m *dns.Msg) error {
	k.m = m
	return nil
}

func TestFailureToSignIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	golog.SetOutput(&out)
	defer golog.SetOutput(io.Discard)
	c, err := parseStanza(newSite(t, documents()).stanza())
	if err != nil {
		t.Fatal(err)
	}
	p := newPersist(c)
	before := total(t, "coredns_persist_answers_total", "outcome", "failed")
	for range 10 {
		q := question(owner, dns.TypeTXT)
		failed := answer.Response{Outcome: answer.Failed, Rcode: dns.RcodeServerFailure, Err: errors.New("no such luck")}
		if _, err := p.reply(t.Context(), p.authorities["example.com."], request.Request{W: &kept{}, Req: q}, answer.Query{}, failed); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "no such luck"); n != 1 {
		t.Errorf("Expected one line, got %d:\n%s", n, out.String())
	}
	if got := total(t, "coredns_persist_answers_total", "outcome", "failed") - before; got != 10 {
		t.Errorf("Expected all 10 failures to be counted, got %v", got)
	}
}

// A resolver that is told to come back over TCP gets what it asks for there,
// until the reserve is spent too.
func TestBudgetTruncatesOverUDPAndDropsOverTCP(t *testing.T) {
	setClock(t, noon)
	s := start(t, block(newSite(t, documents()).stanza("denial compact 1")))
	if r := s.ask(t, question("*.x.y.example.com.", dns.TypeTXT)); r.Truncated {
		t.Errorf("Expected the first unknown name to be denied, got %v", r)
	}
	over := new(dns.Msg).SetQuestion("x2.example.com.", dns.TypeTXT).SetEdns0(4096, true)
	if r := s.ask(t, over); !r.Truncated || len(r.Ns) != 0 || r.IsEdns0().UDPSize() != 1232 {
		t.Errorf("Expected TC beyond the budget, and our size, got %v", r)
	}
	conn, err := dns.Dial("tcp", s.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, name := range []string{"x2.example.com.", "x3.example.com.", "x4.example.com.", owner} { // x4 gets no answer
		if err := conn.WriteMsg(question(name, dns.TypeTXT)); err != nil {
			t.Fatal(err)
		}
	}
	answered := map[string]int{}
	for range 3 {
		r, err := conn.ReadMsg()
		if err != nil {
			t.Fatal(err)
		}
		answered[r.Question[0].Name] = len(r.Answer) + len(r.Ns)
	}
	if diff := cmp.Diff(map[string]int{"x2.example.com.": 4, "x3.example.com.": 4, owner: 2}, answered); diff != "" {
		t.Errorf("Expected signed denials from the reserve, then none, and the granted name (-want +got):\n%s", diff)
	}
}

func TestBudgetIsTheStanzas(t *testing.T) {
	setClock(t, noon)
	stanza := strings.Replace(newSite(t, documents()).stanza("denial compact 2"), "persist example.com", "persist example.com example.org", 1)
	s := start(t, block(stanza))
	for _, name := range []string{"x1.example.com.", "x2.example.org."} {
		if r := s.ask(t, question(name, dns.TypeTXT)); r.Truncated {
			t.Errorf("%s: expected a denial within the budget, got %v", name, r)
		}
	}
	for _, name := range []string{"x3.example.com.", "x3.example.org."} {
		if r := s.ask(t, question(name, dns.TypeTXT)); !r.Truncated {
			t.Errorf("%s: expected TC beyond the budget of both zones, got %v", name, r)
		}
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
