package persist

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	golog "log"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/test/parts"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/nonwriter"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

const cut, deepCut = "_validation-persist.example.com.", "_validation-persist.a.b.example.com."

// cuts serves the cuts below a zone from the site, with more properties.
func (s site) cuts(zone string, more ...string) string {
	return fmt.Sprintf("persist %s {\ncuts\npolicies %s\nkeys dir %s\nns ns1.example.net\n%s\n}", zone, s.policies(), s.keys(), strings.Join(more, "\n"))
}

func TestEveryGrantedNameIsAZone(t *testing.T) {
	for _, denial := range []string{"compact", "nsec"} {
		server := start(t, block(newSite(t, documents()).cuts(".", "denial "+denial)))
		for _, origin := range []string{cut, deepCut} {
			for _, qtype := range []uint16{dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeTXT, dns.TypeNSEC} {
				r := server.ask(t, question(origin, qtype))
				if !r.Authoritative || r.Rcode != dns.RcodeSuccess || !has(r.Answer, qtype) || !has(r.Answer, dns.TypeRRSIG) {
					t.Errorf("%s, %s %s: expected a signed answer, got %v", denial, origin, dns.Type(qtype), r)
				}
			}
			if r := server.ask(t, question("x."+origin, dns.TypeTXT)); !has(r.Ns, dns.TypeSOA) || r.Ns[0].Header().Name != origin {
				t.Errorf("%s: expected the SOA of the cut, got %v", denial, r)
			}
		}
		for _, name := range []string{".", "com.", "example.com.", "b.example.com.", "_validation-persist.b.example.com.", "_ip-validation-persist.example.com."} {
			if r := server.ask(t, question(name, dns.TypeTXT)); r.Rcode != dns.RcodeRefused {
				t.Errorf("%s: expected %s to be REFUSED, got %v", denial, name, r)
			}
		}
	}
}

// Opcodes and classes that are not answered are refused at a cut, and are the next
// plugin's anywhere else.
func TestOtherThanQueriesAreRefusedAtACut(t *testing.T) {
	server := start(t, block(newSite(t, documents()).cuts("."), "whoami"))
	for name, want := range map[string]int{cut: dns.RcodeNotImplemented, "example.com.": dns.RcodeSuccess} {
		m := question(name, dns.TypeSOA)
		m.Opcode = dns.OpcodeNotify
		if r := server.ask(t, m); r.Rcode != want {
			t.Errorf("%s: expected %s, got %v", name, dns.RcodeToString[want], r)
		}
	}
}

// Between cuts the next plugin answers, and it alone knows the DS records of a cut
// whose parent it serves.
func TestTheNextPluginHasWhatLiesBetweenCuts(t *testing.T) {
	s := newSite(t, documents())
	file := filepath.Join(s.dir, "db")
	zone := "$ORIGIN example.com.\n@ 3600 SOA ns1 hostmaster 1 7200 1800 86400 60\n@ NS ns1\nns1 A 192.0.2.1\nwww A 192.0.2.2\n" +
		"_validation-persist NS ns1.example.net.\n_validation-persist DS 12345 13 2 " + strings.Repeat("ab", 32) + "\n" +
		"_validation-persist.a.b NS ns1.example.net.\n"
	if err := os.WriteFile(file, []byte(zone), 0o600); err != nil {
		t.Fatal(err)
	}
	server := start(t, block(s.cuts("."), "file "+file+" example.com"))
	if r := server.ask(t, question("www.example.com.", dns.TypeA)); len(r.Answer) != 1 {
		t.Errorf("Expected the file's record, got %v", r)
	}
	if r := server.ask(t, question(cut, dns.TypeTXT)); text(r) == "" {
		t.Errorf("Expected the record at the cut, got %v", r)
	}
	if r := server.ask(t, question(cut, dns.TypeDS)); len(r.Answer) != 1 || r.Answer[0].(*dns.DS).KeyTag != 12345 {
		t.Errorf("Expected the parent's DS record, got %v", r)
	}
	if r := server.ask(t, question(deepCut, dns.TypeDS)); len(r.Answer) != 0 || len(r.Ns) != 1 || r.Ns[0].Header().Name != "example.com." {
		t.Errorf("Expected the parent's NODATA, got %v", r)
	}
	if r := server.ask(t, question("x."+cut, dns.TypeDS)); !has(r.Ns, dns.TypeNSEC) {
		t.Errorf("Expected the cut to deny a name in it, got %v", r)
	}
	for _, next := range []string{"", "whoami"} { // neither serves a parent
		server := start(t, block(s.cuts("."), next))
		r := server.ask(t, question(cut, dns.TypeDS))
		if len(r.Answer) != 0 || !has(r.Ns, dns.TypeSOA) || r.Ns[0].Header().Name != cut {
			t.Errorf("After %q: expected NODATA of the cut, got %v", next, r)
		}
	}
}

// What the next plugin says of a cut without knowing that it is delegated is not
// the parent's word: NXDOMAIN would deny the cut with all that is in it (RFC 8020).
func TestNobodyButTheParentHasTheDSOfACut(t *testing.T) {
	rr := func(s string) dns.RR {
		r, err := dns.NewRR(s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	soa, ds := rr("example.com. 60 SOA ns1 hostmaster 1 7200 1800 86400 60"), rr(cut+" 60 DS 12345 13 2 "+strings.Repeat("ab", 32))
	apex := rr(cut + " 60 SOA ns1 hostmaster 1 7200 1800 86400 60")
	alias := rr(cut + " 60 CNAME x.example.com.") // by a wildcard
	cfg, err := parseIn(newSite(t, documents()).cuts("."), ".")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := dnssec.GenerateKeys("test", dns.ECDSAP256SHA256, time.Now().Add(-time.Hour), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := dnssec.ParseKeys(raw)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		next dns.Msg
		own  bool
	}{
		"the DS":                          {dns.Msg{MsgHdr: dns.MsgHdr{Authoritative: true}, Answer: []dns.RR{ds}}, false},
		"that there is none":              {dns.Msg{MsgHdr: dns.MsgHdr{Authoritative: true}, Ns: []dns.RR{soa}}, false},
		"the DS, from a resolver":         {dns.Msg{MsgHdr: dns.MsgHdr{RecursionAvailable: true}, Answer: []dns.RR{ds}}, false},
		"none, from a resolver":           {dns.Msg{MsgHdr: dns.MsgHdr{RecursionAvailable: true}, Ns: []dns.RR{soa}}, false},
		"no such name":                    {dns.Msg{MsgHdr: dns.MsgHdr{Authoritative: true, Rcode: dns.RcodeNameError}, Ns: []dns.RR{soa}}, true},
		"no such name, from a resolver":   {dns.Msg{MsgHdr: dns.MsgHdr{RecursionAvailable: true, Rcode: dns.RcodeNameError}, Ns: []dns.RR{soa}}, true},
		"an alias":                        {dns.Msg{MsgHdr: dns.MsgHdr{Authoritative: true}, Answer: []dns.RR{alias}, Ns: []dns.RR{soa}}, true},
		"what the child says":             {dns.Msg{MsgHdr: dns.MsgHdr{Authoritative: true}, Ns: []dns.RR{apex}}, true},
		"a referral":                      {dns.Msg{Ns: []dns.RR{rr("example.com. 60 NS ns1.example.com.")}}, true},
		"a DS, of which it has no notion": {dns.Msg{Answer: []dns.RR{ds}}, true},
	} {
		p := newPersist(cfg)
		for _, a := range p.authorities {
			a.Update(documents().Compile(t), keys)
		}
		p.Next = plugin.HandlerFunc(func(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
			m, h := c.next.Copy(), c.next.MsgHdr
			m.SetReply(r)
			m.Authoritative, m.RecursionAvailable, m.Rcode = h.Authoritative, h.RecursionAvailable, h.Rcode
			return dns.RcodeSuccess, w.WriteMsg(m)
		})
		w := nonwriter.New(overUDP{})
		if _, err := p.ServeDNS(t.Context(), w, question(cut, dns.TypeDS)); err != nil {
			t.Fatal(err)
		}
		r := w.Msg
		if own := has(r.Ns, dns.TypeNSEC) && r.Ns[0].Header().Name == cut && len(r.Answer) == 0 && r.Authoritative; own != c.own || r.Rcode != dns.RcodeSuccess {
			t.Errorf("Where the next plugin says %s: expected NODATA of the cut %t, got %v", what, c.own, r)
		}
	}
}

// The zone with the longest name wins, as everywhere in CoreDNS.
func TestServerBlocksOfTheirOwnWinOverCuts(t *testing.T) {
	port, err := parts.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	on := func(zone, plugins string) string {
		return fmt.Sprintf("%s:%d {\nbind 127.0.0.1\n%s\n}\n", zone, port, plugins)
	}
	s := newSite(t, documents())
	server := start(t, on(".", s.cuts("."))+on("b.example.com", "whoami"))
	if r := server.ask(t, question(cut, dns.TypeTXT)); text(r) == "" {
		t.Errorf("Expected a record, got %v", r)
	}
	if r := server.ask(t, question(deepCut, dns.TypeTXT)); text(r) != "" || has(r.Ns, dns.TypeSOA) {
		t.Errorf("Expected the other server block to answer, got %v", r)
	}
}

func TestCutsAppearAndGoWithTheirGrants(t *testing.T) {
	for _, denial := range []string{"compact", "nsec"} {
		s := newSite(t, documents())
		server := start(t, block(s.cuts("example.com", "denial "+denial)))
		const fresh = "_validation-persist.new.example.com."
		for _, c := range []struct {
			domains string
			there   []string
			gone    []string
		}{
			{`{"example.com": {}, "new.example.com": {}}`, []string{cut, fresh}, []string{deepCut}},
			{`{"example.com": {"enabled": false}, "a.b.example.com": {}}`, []string{cut, deepCut}, []string{fresh}},
		} {
			policytest.Standard().Account(`"domains": `+c.domains).Write(t, s.policies())
			rescan(t)
			for _, origin := range c.there {
				if r := server.ask(t, question(origin, dns.TypeSOA)); len(r.Answer) == 0 {
					t.Errorf("%s: expected a zone at %s, got %v", denial, origin, r)
				}
			}
			for _, origin := range c.gone {
				if r := server.ask(t, question(origin, dns.TypeSOA)); r.Rcode != dns.RcodeRefused {
					t.Errorf("%s: expected none at %s, got %v", denial, origin, r)
				}
			}
		}
	}
}

func TestReverseNamesAreCutsToo(t *testing.T) {
	d := policytest.Standard().With(policytest.Documents{"teams/web": `{"domains": ["in-addr.arpa"], "issuers": ["ca"]}`}).
		Account(`"domains": {"1.2.0.192.in-addr.arpa": {}}`)
	server := start(t, block(newSite(t, d).cuts(".")))
	if r := server.ask(t, question("_ip-validation-persist.1.2.0.192.in-addr.arpa.", dns.TypeTXT)); text(r) == "" {
		t.Errorf("Expected a record, got %v", r)
	}
}

// The keys of all cuts are the same, and a KSK that others sign with is refused.
func TestCutsNeedASimpleKSK(t *testing.T) {
	s := newSite(t, documents())
	raw, _ := awayKeys(t)
	if err := dnssec.Create(s.keys(), dnssec.KeyFile, raw); err != nil {
		t.Fatal(err)
	}
	if why := failToStart(t, block(s.cuts("."))); !strings.Contains(why, "cuts need one in the key document") || !strings.Contains(why, "Corefile:") {
		t.Errorf("Expected it to say what to write instead, got %s", why)
	}
}

func TestCutsAreTransferredEachByItself(t *testing.T) {
	server := start(t, block("transfer . {\nto *\n}", newSite(t, documents()).cuts(".", "denial nsec")))
	for _, origin := range []string{cut, deepCut} {
		rrs, err := server.stream(t, new(dns.Msg).SetAxfr(origin))
		if err != nil || len(rrs) < 10 || !has(rrs, dns.TypeTXT) {
			t.Errorf("%s: expected the zone, got %v, %v", origin, rrs, err)
		}
		for _, rr := range rrs {
			if rr.Header().Name != origin {
				t.Errorf("Expected nothing but %s, got %v", origin, rr)
			}
		}
	}
	for _, origin := range []string{".", "example.com.", "x." + cut, "_validation-persist.b.example.com."} {
		if rrs, err := server.stream(t, new(dns.Msg).SetAxfr(origin)); err == nil {
			t.Errorf("%s: expected the transfer to be refused, got %v", origin, rrs)
		}
	}
}

// notices is a secondary that accepts the NOTIFY messages for zones, and says for
// which they came.
func notices(t *testing.T) (address string, came <-chan string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	names := make(chan string, 100)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		if m.Opcode == dns.OpcodeNotify {
			names <- m.Question[0].Name
		}
		_ = w.WriteMsg(new(dns.Msg).SetReply(m))
	})
	secondary := &dns.Server{PacketConn: conn, Handler: handler, MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }}
	go func() { _ = secondary.ActivateAndServe() }()
	t.Cleanup(func() { _ = secondary.Shutdown() })
	return conn.LocalAddr().String(), names
}

// Secondaries hear of a cut when its grants have changed, if anybody has asked for
// it. The last change of the test is one that they hear of: so they would have
// heard of those before.
func TestSecondariesAreNotifiedOfCutsThatTheyMayHave(t *testing.T) {
	address, came := notices(t)
	granting := func(domains string) policytest.Documents {
		return policytest.Standard().Account(`"domains": {` + domains + `}`)
	}
	s := newSite(t, granting(`"heard.example.com": {}, "silent.example.com": {}`))
	const heard = "_validation-persist.heard.example.com."
	server := start(t, block("transfer . {\nto * "+address+"\n}", s.cuts(".", "denial nsec")))
	before := server.ask(t, question(heard, dns.TypeSOA)).Answer[0].(*dns.SOA).Serial
	for _, domains := range []string{
		`"heard.example.com": {}, "silent.example.com": {"wildcard": true}`,                          // nobody has asked for it
		`"heard.example.com": {}, "silent.example.com": {"wildcard": true}, "fresh.example.com": {}`, // nobody can have it
		`"heard.example.com": {"wildcard": true}, "silent.example.com": {"wildcard": true}`,
	} {
		granting(domains).Write(t, s.policies())
		rescan(t)
	}
	select {
	case name := <-came:
		if name != heard {
			t.Errorf("Expected no NOTIFY but for %s, got one for %s", heard, name)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Expected a NOTIFY")
	}
	if after := server.ask(t, question(heard, dns.TypeSOA)).Answer[0].(*dns.SOA).Serial; after <= before {
		t.Errorf("Expected a newer serial than %d, got %d", before, after)
	}
}

// What changes while its NOTIFY waits is one NOTIFY, and one that has waited until
// secondaries look by themselves is none.
func TestNotifyForCutsIsCoalescedAndNeverLate(t *testing.T) {
	at := noon
	h := &herald{now: func() time.Time { return at }, due: make(chan struct{}, 1), waiting: map[string]time.Time{}}
	for range 3 {
		h.tell("example.com")
		h.tell("example.org")
	}
	at = at.Add(pointless - time.Second)
	h.tell("example.net")
	first, _ := h.take()
	at = at.Add(time.Second)
	var rest []string
	for origin, ok := h.take(); ok; origin, ok = h.take() {
		rest = append(rest, origin)
	}
	if net := record.FQDN("example.net").Owner(); first != net && !slices.Equal(rest, []string{net}) || first == net && len(rest) > 0 {
		t.Errorf("Expected one of the first and then the last, got %s and %v", first, rest)
	}
}

// Metrics have one label for all cuts: the number of labels is not that of grants.
func TestCutsShareTheLabelOfTheirZone(t *testing.T) {
	server := start(t, block(newSite(t, documents()).cuts("example.com")))
	before := total(t, "coredns_persist_answers_total", "zone", "example.com.")
	server.ask(t, question(cut, dns.TypeTXT))
	server.ask(t, question(deepCut, dns.TypeSOA))
	if got := total(t, "coredns_persist_answers_total", "zone", "example.com.") - before; got != 2 {
		t.Errorf("Expected two answers, got %v", got)
	}
	if exported(t, "coredns_persist_answers_total", prometheus.Labels{"zone": cut}) {
		t.Error("Expected no label for a cut")
	}
}

// The log names the key whose DS the parents shall have, and the subtrees that are
// not served.
func TestTheLogTellsWhatConcernsCuts(t *testing.T) {
	var out bytes.Buffer
	golog.SetOutput(&out)
	defer golog.SetOutput(io.Discard)
	s := newSite(t, documents().Account(`"domains": {"example.com": {"subtree": true}, "a.b.example.com": {}}`))
	server := start(t, block(s.cuts(".")))
	key := slices.IndexFunc(server.ask(t, question(cut, dns.TypeDNSKEY)).Answer, func(rr dns.RR) bool {
		k, ok := rr.(*dns.DNSKEY)
		return ok && k.Flags&dns.SEP != 0 && strings.Contains(out.String(), k.PublicKey)
	})
	if key < 0 || !strings.Contains(out.String(), "the subtree of example.com is granted, and cuts do not serve it") {
		t.Errorf("Expected the key-signing key and the subtree, got %s", out.String())
	}
	out.Reset()
	policytest.Standard().Account(`"domains": {"example.com": {"subtree": true}, "a.b.example.com": {"subtree": true}}`).Write(t, s.policies())
	rescan(t)
	if !strings.Contains(out.String(), "the subtree of a.b.example.com is granted") {
		t.Errorf("Expected the new subtree alone, got %s", out.String())
	}
}

// What a roll-over does not wait for is counted, as a zone would be named.
func TestCutsThatARollOverForgetsAreCounted(t *testing.T) {
	site := newSite(t, documents())
	cfg, err := parseIn(site.cuts("."), ".")
	if err != nil {
		t.Fatal(err)
	}
	p, book := newPersist(cfg), documents().Compile(t)
	for want, zones := range map[int][]string{0: nil, 1: {cut, "_validation-persist.example.org."}, 2: {"_validation-persist.example.org."}} {
		if got := p.forgotten(&dnssec.KeySet{Zones: zones}, book); got != want {
			t.Errorf("With the zones %v: expected %d, got %d", zones, want, got)
		}
	}
	for want, cuts := range map[int][]string{0: {"."}, 1: {"b.example.com.", "net."}, 2: {"net."}} {
		if got := p.forgotten(&dnssec.KeySet{Cuts: cuts}, book); got != want {
			t.Errorf("With the cuts of %v: expected %d, got %d", cuts, want, got)
		}
	}
}
