package persist

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// theirRecords are example.com as the other plugin has it.
const theirRecords = `
www 60 A 192.0.2.1
alias 60 CNAME gone.example.com.
deleg 60 NS ns.deleg.example.com.
ns.deleg 60 A 192.0.2.2
d 60 DNAME example.net.
*.wild 60 A 192.0.2.3
*.wild 60 TXT wildcard
_validation-persist.manual 60 TXT manual
_validation-persist.cname 60 CNAME www.example.com.
_validation-persist.cut 60 NS ns1.example.net.
_validation-persist.cut 60 DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000
`

// ourDocuments grant names of it, one of them without a record.
func ourDocuments() policytest.Documents {
	return policytest.Standard().Account(`"domains": {"example.com": {"wildcard": true}, "a.b.example.com": {}, "www.example.com": {},
		"x.deleg.example.com": {}, "x.d.example.com": {}, "alias.example.com": {}, "x.wild.example.com": {}, "off.wild.example.com": {"enabled": false},
		"manual.example.com": {}, "cname.example.com": {}, "cut.example.com": {}}`)
}

// overEach runs a test over each plugin that serves a zone.
func overEach(t *testing.T, records string, test func(o over)) {
	t.Helper()
	for plugin := range neighbours {
		t.Run(plugin, func(t *testing.T) {
			test(startOver(t, plugin, newSite(t, ourDocuments()), records))
		})
	}
}

func TestOverlayAnswersGrantedNamesWhateverServesTheZone(t *testing.T) {
	overEach(t, theirRecords, func(o over) {
		t := o.t
		for _, fqdn := range []string{"example.com", "a.b.example.com", "www.example.com", "alias.example.com", "x.wild.example.com", "manual.example.com", "cname.example.com"} {
			name := "_validation-persist." + fqdn + "."
			r := o.ask(t, question(name, dns.TypeTXT))
			if len(r.Answer) != 1 || !strings.HasPrefix(text(r), "ca.example; accounturi="+policytest.AccountURI) || !r.Authoritative {
				t.Errorf("%s: expected the record of the grant alone, got %v", name, r)
			}
			for _, qtype := range []uint16{dns.TypeA, dns.TypeCNAME, dns.TypeDS, dns.TypeRRSIG} {
				expectNoData(t, o.ask(t, question(name, qtype)), 1)
			}
		}
	})
}

// A granted name that has no record now is not the wildcard's either.
func TestOverlayAnswersNoDataWhereAGrantHasNoRecord(t *testing.T) {
	overEach(t, theirRecords, func(o over) {
		t := o.t
		const off = "_validation-persist.off.wild.example.com."
		if got := text(o.alone.ask(t, question(off, dns.TypeTXT))); got != "wildcard" {
			t.Fatalf("Expected the wildcard to match without persist, got %q", got)
		}
		expectNoData(t, o.ask(t, question(off, dns.TypeTXT)), 1)
	})
}

// RFC 8020: where a name is denied, resolvers ask for nothing below it.
func TestOverlayDeniesNoNameAboveAnOwner(t *testing.T) {
	overEach(t, theirRecords, func(o over) {
		t := o.t
		for _, name := range []string{"b.example.com.", "a.b.example.com."} {
			if r := o.alone.ask(t, question(name, dns.TypeA)); r.Rcode != dns.RcodeNameError {
				t.Fatalf("Expected %s not to be there without persist, got %v", name, r)
			}
			expectNoData(t, o.ask(t, question(name, dns.TypeA)), 1)
		}
	})
}

// expectNoData fails unless r says that the name has no such records, for as long
// as version serial of the zone says.
func expectNoData(t *testing.T, r *dns.Msg, serial uint32) {
	t.Helper()
	if r.Rcode != dns.RcodeSuccess || len(r.Answer) != 0 || len(r.Ns) != 1 {
		t.Errorf("Expected NODATA with one record, got %v", r)
		return
	}
	if soa, ok := r.Ns[0].(*dns.SOA); !ok || soa.Hdr.Name != "example.com." || soa.Hdr.Ttl != 60 || soa.Serial != serial {
		t.Errorf("Expected the SOA record of version %d with its negative TTL, got %v", serial, r.Ns)
	}
}

// Everything else is the other plugin's, to the octet: also what persist would
// grant below a delegation, a DNAME, or at a cut, an alias that leads nowhere
// above a granted name, and what a wildcard makes above one.
func TestOverlayHandsOnEverythingElseToTheOctet(t *testing.T) {
	names := []string{
		"example.com.", "www.example.com.", "WWW.example.com.", "nope.example.com.", "alias.example.com.", "wild.example.com.",
		"deleg.example.com.", "x.deleg.example.com.", "_validation-persist.x.deleg.example.com.", "_validation-persist.deleg.example.com.",
		"d.example.com.", "x.d.example.com.", "_validation-persist.x.d.example.com.", "_validation-persist.d.example.com.",
		"x.wild.example.com.", "y.wild.example.com.", "_validation-persist.y.wild.example.com.", "off.wild.example.com.",
		"_validation-persist.cut.example.com.", "x._validation-persist.cut.example.com.",
		"_validation-persist.mail.example.com.", "x._validation-persist.example.com.", "_validation-persist.", "example.org.",
	}
	types := []uint16{dns.TypeA, dns.TypeTXT, dns.TypeNS, dns.TypeSOA, dns.TypeDS, dns.TypeDNSKEY, dns.TypeCNAME, dns.TypeANY, dns.TypeAXFR}
	overEach(t, theirRecords, func(o over) {
		t := o.t
		for _, name := range names {
			for _, qtype := range types {
				plain := new(dns.Msg).SetQuestion(name, qtype)
				for _, m := range []*dns.Msg{plain, question(name, qtype)} {
					if theirs, ours := wireResponse(t, o.alone, m), wireResponse(t, o.server, m); !bytes.Equal(theirs, ours) {
						t.Errorf("%s %s differs from\n%v, got\n%v", name, dns.Type(qtype), unpacked(t, theirs), unpacked(t, ours))
					}
				}
			}
		}
	})
}

func unpacked(t *testing.T, wire []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	return m
}

// The zone may change at any time: what is delegated then is not ours any more.
func TestOverlayFollowsTheZoneWhileItIsServed(t *testing.T) {
	overEach(t, theirRecords, func(o over) {
		t := o.t
		const granted, delegated = owner, "_validation-persist.a.b.example.com."
		before := text(o.ask(t, question(delegated, dns.TypeTXT)))
		o.become(t, 7, theirRecords+"b 60 NS ns1.example.net.\nnew 60 A 192.0.2.9\n")
		if r := o.ask(t, question("new.example.com.", dns.TypeA)); len(r.Answer) != 1 {
			t.Errorf("Expected the new name, got %v", r)
		}
		if r := o.ask(t, question(delegated, dns.TypeTXT)); before == "" || len(r.Answer) != 0 || !has(r.Ns, dns.TypeNS) {
			t.Errorf("Expected a referral after the record %q, got %v", before, r)
		}
		if got := text(o.ask(t, question(granted, dns.TypeTXT))); got == "" {
			t.Error("Expected the granted name to be served on")
		}
		expectNoData(t, o.ask(t, question(granted, dns.TypeA)), 7)
	})
}

// signedRecords are those of a zone that is signed with keys so long that they do
// not fit into a UDP response without EDNS.
func signedRecords() string {
	long := "AwEAAb" + strings.Repeat("A", 682) // a modulus of 4096 bits
	return theirRecords + fmt.Sprintf("@ 60 DNSKEY 257 3 8 %s\n@ 60 DNSKEY 256 3 8 %s\n", long, strings.Replace(long, "Ab", "Ac", 1))
}

// What is added to a signed zone is bogus, so once it is signed nothing is.
func TestWhenTheOtherPluginSignsItsZoneAnOverlayAddsNothing(t *testing.T) {
	overEach(t, theirRecords, func(o over) {
		t := o.t
		logged := listen(t)
		before := total(t, "coredns_persist_yielded_total", "reason", "signed")
		if got := text(o.ask(t, question(owner, dns.TypeTXT))); got == "" {
			t.Fatal("Expected the record while the zone is unsigned")
		}
		o.become(t, 2, signedRecords())
		o.clock.advance(lookAgain)
		for _, q := range []*dns.Msg{question(owner, dns.TypeTXT), question("b.example.com.", dns.TypeA)} {
			if theirs, ours := wireResponse(t, o.alone, q), wireResponse(t, o.server, q); !bytes.Equal(theirs, ours) {
				t.Errorf("Expected %v, got %v", unpacked(t, theirs), unpacked(t, ours))
			}
		}
		logged.expect(t, "now serves a DNSKEY for example.com.", "delegate _validation-persist labels")
		if got := total(t, "coredns_persist_yielded_total", "reason", "signed"); got != before+2 {
			t.Errorf("Expected 2 queries to be counted, got %v", got-before)
		}
		o.become(t, 3, theirRecords)
		o.clock.advance(lookAgain)
		if got := text(o.ask(t, question(owner, dns.TypeTXT))); got == "" {
			t.Error("Expected the record once the zone is unsigned again")
		}
		logged.expect(t, "serves no DNSKEY for example.com. any more")
	})
}

// A zone that is there at the start is refused; one that comes later is noticed
// by the first query for a granted name.
func TestOverlayOverASignedZoneIsRefusedOrAddsNothing(t *testing.T) {
	for plugin, serve := range neighbours {
		t.Run(plugin, func(t *testing.T) {
			n := serve(t, zoneFile(1, signedRecords()))
			corefile := block(newSite(t, ourDocuments()).overlay(), n.stanza)
			if slices.Contains([]string{"file", "forward"}, plugin) {
				if got := failToStart(t, corefile); !strings.Contains(got, "serves a DNSKEY for example.com.") || !strings.Contains(got, "delegate _validation-persist.example.com.") {
					t.Errorf("Expected a refusal that says what to do, got %s", got)
				}
				return
			}
			s := start(t, corefile)
			s.serves(t, 1)
			if r := s.ask(t, question(owner, dns.TypeTXT)); r.Rcode != dns.RcodeNameError {
				t.Errorf("Expected the other plugin's NXDOMAIN, got %v", r)
			}
		})
	}
}

// What the other plugin refuses, fails at or cuts off tells nothing of the zone,
// so persist does not know whose the name is.
func TestOverlayHandsOnWhatIsNoAnswer(t *testing.T) {
	site, large := newSite(t, ourDocuments()), "_validation-persist 60 TXT"+strings.Repeat(" "+strings.Repeat("x", 250), 8)
	for what, c := range map[string]struct {
		zone  string
		text  string
		rcode int
		cut   bool
	}{
		"another server's refusal": {"example.org", "@ 60 SOA ns1.example.net. host.example.net. 1 2 3 4 5\n", dns.RcodeRefused, false},
		"what needs TCP":           {"example.com", zoneFile(1, large), dns.RcodeSuccess, true},
	} {
		nsd := parts.NewNSD(t, parts.NSDOptions{Zones: map[string]string{c.zone: c.text}})
		s := start(t, block(site.overlay(), "forward example.com "+nsd.Address))
		if r := s.ask(t, question(owner, dns.TypeTXT)); r.Rcode != c.rcode || r.Truncated != c.cut || len(r.Answer) != 0 {
			t.Errorf("%s: expected it as it is, got %v", what, r)
		}
		if r := exchange(t, "tcp", s.tcp, question(owner, dns.TypeTXT)); r.Rcode != c.rcode || c.cut != strings.Contains(text(r), policytest.AccountURI) {
			t.Errorf("%s: expected our record over TCP %t, got %v", what, c.cut, r)
		}
	}
}

// Where the other plugin serves a zone below as well, that has an SOA record of its
// own, and may be signed while the one above is not.
func TestOverlayTellsZonesApart(t *testing.T) {
	site := newSite(t, policytest.Standard().Account(`"domains": {"example.com": {}, "sub.example.com": {}, "x.wild.sub.example.com": {}}`))
	outer, inner := filepath.Join(site.dir, "outer"), filepath.Join(site.dir, "inner")
	sub := strings.Replace(zoneFile(5, "*.wild 60 A 192.0.2.1"), "example.com.", "sub.example.com.", 1)
	putFile(t, outer, zoneFile(1, ""))
	putFile(t, inner, sub)
	files := "file " + outer + " example.com\nfile " + inner + " sub.example.com"
	s := start(t, block(site.overlay(), files))
	for _, name := range []string{"_validation-persist.sub.example.com.", "_validation-persist.x.wild.sub.example.com."} {
		r := s.ask(t, question(name, dns.TypeA))
		if len(r.Ns) != 1 || r.Ns[0].Header().Name != "sub.example.com." || len(r.Answer) != 0 {
			t.Errorf("Expected NODATA with the SOA record of the zone that %s lies in, got %v", name, r)
		}
	}

	putFile(t, inner, sub+signedRecords())
	s = start(t, block(site.overlay(), files))
	for name, want := range map[string]bool{owner: true, "_validation-persist.sub.example.com.": false} {
		if got := text(s.ask(t, question(name, dns.TypeTXT))) != ""; got != want {
			t.Errorf("Expected a record at %s %t, got %t", name, want, got)
		}
	}

	putFile(t, outer, zoneFile(1, signedRecords()))
	below := strings.Replace(site.overlay(), "persist example.com", "persist b.example.com", 1)
	if got := failToStart(t, block(below, files)); !strings.Contains(got, "serves a DNSKEY for example.com.") {
		t.Errorf("Expected an overlay inside a signed zone to be refused, got %s", got)
	}
}

// Records that somebody wrote by hand are not served beside ours, so whoever
// wrote them is told.
func TestOverlayTellsOfRecordsThatItHides(t *testing.T) {
	for name, want := range map[string]string{
		"manual": "has a TXT record at _validation-persist.manual.example.com.",
		"cname":  "has a CNAME record at _validation-persist.cname.example.com.",
	} {
		t.Run(name, func(t *testing.T) {
			o := startOver(t, "file", newSite(t, ourDocuments()), theirRecords)
			logged := listen(t)
			for range 2 {
				o.ask(t, question("_validation-persist."+name+".example.com.", dns.TypeTXT))
			}
			logged.expect(t, want)
			if got := strings.Count(logged.String(), "It is not served"); got != 1 {
				t.Errorf("Expected one line, got %d", got)
			}
		})
	}
}
