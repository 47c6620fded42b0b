package persist

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// startOverlay serves example.com from the given records, and over them the
// names that documents grant.
func startOverlay(t *testing.T, d policytest.Documents, records string, more ...string) *server {
	t.Helper()
	site := newSite(t, d)
	zone := filepath.Join(site.dir, "zone")
	records = "example.com. 3600 SOA ns1.example.net. host.example.net. 1 2 3 4 60\nexample.com. 60 NS ns1.example.net.\n" + records
	if err := os.WriteFile(zone, []byte(records), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, block(append(more, site.overlay(), "file "+zone+" example.com")...))
}

// Whatever the other plugin has at a granted name, a NODATA says how long it
// holds (RFC 2308 section 3).
func TestOverlayDeniesWithAnSOA(t *testing.T) {
	stopped := documents().With(policytest.Documents{"control": `{"stop": "all"}`})
	for what, c := range map[string]struct {
		documents policytest.Documents
		records   string
		qtype     uint16
	}{
		"nothing":      {documents(), "", dns.TypeA},
		"another type": {documents(), owner + " 60 A 192.0.2.1", dns.TypeA},
		"a wildcard":   {documents(), "*.example.com. 60 A 192.0.2.1", dns.TypeA},
		"a CNAME":      {documents(), owner + " 60 CNAME www.example.net.", dns.TypeA},
		"a manual TXT": {stopped, owner + " 60 TXT manual", dns.TypeTXT},
	} {
		r := startOverlay(t, c.documents, c.records).ask(t, question(owner, c.qtype))
		if r.Rcode != dns.RcodeSuccess || len(r.Answer) != 0 || len(r.Ns) != 1 {
			t.Errorf("%s: expected NODATA with an SOA record, got %v", what, r)
			continue
		}
		if soa, ok := r.Ns[0].(*dns.SOA); !ok || soa.Hdr.Name != "example.com." || soa.Hdr.Ttl > 60 {
			t.Errorf("%s: expected the zone's SOA record with its negative TTL, got %v", what, r.Ns)
		}
	}
}

// An SOA record that a CNAME led to is another zone's.
func TestOverlayDeniesWithTheSOAOfTheName(t *testing.T) {
	for name, want := range map[string]bool{"example.com.": true, owner: true, "example.org.": false, "com.": false} {
		soa := &dns.SOA{Hdr: dns.RR_Header{Name: "Example.com.", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60}, Minttl: 60}
		if got := soaAbove([]dns.RR{soa}, name) != nil; got != want {
			t.Errorf("%s: expected one %t, got %t", name, want, got)
		}
	}
}

// The file plugin drops a NOTIFY and looks at no class. Over an overlay it does
// so too.
func TestOverlayHandsOnWhatIsNoQuery(t *testing.T) {
	s := startOverlay(t, documents(), "", "chaos")
	conn, err := dns.Dial("tcp", s.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	chaos := question(owner, dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	for _, m := range []*dns.Msg{new(dns.Msg).SetNotify("example.com."), chaos} { // the first gets no answer
		if err := conn.WriteMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := conn.ReadMsg(); err != nil || r.Opcode != dns.OpcodeQuery || r.Rcode != dns.RcodeNameError {
		t.Errorf("Expected the file plugin's NXDOMAIN, got %v, %v", r, err)
	}
}

// A DNAME says that everything below it lies elsewhere, in whatever case it is
// written, and nothing of its own name.
func TestNamesBelowADNAMEAreTheirs(t *testing.T) {
	for _, c := range []struct {
		dname, name string
		want        bool
	}{
		{"a.example.com.", "_validation-persist.a.example.com.", true},
		{"A.Example.COM.", "_validation-persist.a.example.com.", true},
		{"A.Example.COM.", "a.example.com.", false},
		{"b.example.com.", "_validation-persist.a.example.com.", false}, // a CNAME led there
	} {
		m := &dns.Msg{Answer: []dns.RR{&dns.DNAME{Hdr: dns.RR_Header{Name: c.dname, Rrtype: dns.TypeDNAME, Class: dns.ClassINET}, Target: "example.net."}}}
		if got := delegated(m, c.name); got != c.want {
			t.Errorf("DNAME at %s: expected %t for %s, got %t", c.dname, c.want, c.name, got)
		}
	}
}
