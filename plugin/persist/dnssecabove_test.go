package persist

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// startSignedAbove has the dnssec plugin of CoreDNS sign an overlay over an
// unsigned file, with a key that its trust anchors are made of. Validators go by
// the clock of the system, so these tests do too.
func startSignedAbove(t *testing.T) (s *server, ds *dns.DS) {
	t.Helper()
	site := newSite(t, ourDocuments())
	key := site.keygen(t, "-a", "13", "-f", "KSK")
	path := filepath.Join(site.dir, "db")
	putFile(t, path, zoneFile(1, theirRecords))
	s = start(t, block("dnssec example.com {\nkey file "+key+"\n}", site.overlay(), "file "+path+" example.com"))
	return s, dsOf(t, key)
}

func TestDelvValidatesAnOverlayUnderDNSSEC(t *testing.T) {
	s, ds := startSignedAbove(t)
	anchor := filepath.Join(t.TempDir(), "anchor")
	text := fmt.Sprintf("trust-anchors { example.com. static-ds %d %d %d %q; };\n", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
	if err := os.WriteFile(anchor, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(s.udp, ":")
	const valid, denied = "; fully validated", "; negative response, fully validated"
	for _, q := range []struct{ name, qtype, want string }{
		{owner, "TXT", valid},
		{owner, "A", denied},
		{"_validation-persist.off.wild.example.com.", "TXT", denied}, // granted, without a record
		{"b.example.com.", "A", denied},                              // above an owner
		{"_validation-persist.mail.example.com.", "TXT", denied},     // not granted
		{"www.example.com.", "A", valid},
	} {
		out, err := exec.CommandContext(t.Context(), "delv", "@"+host, "-p", port, "-a", anchor, "+root=example.com", q.name, q.qtype).CombinedOutput() // #nosec G204 -- our own server
		if err != nil || !strings.Contains(string(out), q.want) {
			t.Errorf("%s %s: expected %q, got %v\n%s", q.name, q.qtype, q.want, err, out)
		}
	}
}

func TestUnboundValidatesAnOverlayUnderDNSSEC(t *testing.T) {
	s, ds := startSignedAbove(t)
	unbound := parts.NewUnbound(t, parts.UnboundOptions{Zone: "example.com", Server: s.udp, Anchor: ds.String()})
	for _, q := range []struct {
		name    string
		qtype   uint16
		answers int
	}{
		{owner, dns.TypeTXT, 1},
		{owner, dns.TypeA, 0},
		{"b.example.com.", dns.TypeA, 0},
		{"_validation-persist.a.b.example.com.", dns.TypeTXT, 1}, // below what was just denied
		{"_validation-persist.off.wild.example.com.", dns.TypeTXT, 0},
		{"_validation-persist.mail.example.com.", dns.TypeTXT, 0},
		{"www.example.com.", dns.TypeA, 1},
	} {
		r := exchange(t, "udp", unbound.Address, question(q.name, q.qtype))
		answers := slices.DeleteFunc(r.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
		if r.Rcode != dns.RcodeSuccess || !r.AuthenticatedData || len(answers) != q.answers {
			t.Errorf("%s %s: expected %d records, validated, got %v", q.name, dns.Type(q.qtype), q.answers, r)
		}
	}
}

// dnssec appends signatures to the answer it gets, which is one that persist
// keeps for all who ask.
func TestSignaturesOfDNSSECDoNotStayInTheAnswer(t *testing.T) {
	s, _ := startSignedAbove(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				for _, do := range []bool{true, false} {
					m := new(dns.Msg).SetQuestion(owner, dns.TypeTXT).SetEdns0(1232, do)
					if r := s.ask(t, m); len(r.Answer) != 1 && !do || len(r.Answer) != 2 && do {
						t.Errorf("Expected one record, signed %t, got %v", do, r)
					}
				}
			}
		})
	}
	group.Wait()
}

// What the guide says against dnssec. Where it does so no more, the guide is to
// be changed.
func TestWeaknessesOfDNSSECAreThoseOfTheGuide(t *testing.T) {
	s, _ := startSignedAbove(t)
	nsec := func(name string, qtype uint16) *dns.NSEC {
		t.Helper()
		r := s.ask(t, question(name, qtype))
		for _, rr := range r.Ns {
			if n, ok := rr.(*dns.NSEC); ok && r.Rcode == dns.RcodeSuccess {
				return n
			}
		}
		t.Fatalf("Expected NOERROR with an NSEC record, got %v", r)
		return nil
	}
	if n := nsec("nope.example.com.", dns.TypeA); slices.Contains(n.TypeBitMap, dns.TypeNXNAME) {
		t.Errorf("Expected a denial without NXNAME, got %v", n)
	}
	if n := nsec(owner, dns.TypeA); !slices.Contains(n.TypeBitMap, dns.TypeHINFO) || slices.Contains(n.TypeBitMap, dns.TypeA) {
		t.Errorf("Expected a denial that has types which are not there, got %v", n)
	}
	if n := nsec(owner, dns.TypeDS); !slices.Contains(n.TypeBitMap, dns.TypeNS) || slices.Contains(n.TypeBitMap, dns.TypeSOA) {
		t.Errorf("Expected a denial of DS that looks like a delegation, got %v", n)
	}
	for _, rr := range s.ask(t, question(owner, dns.TypeTXT)).Answer {
		if sig, ok := rr.(*dns.RRSIG); ok {
			if life := time.Until(time.Unix(int64(sig.Expiration), 0)); life < 6*24*time.Hour || life > 8*24*time.Hour {
				t.Errorf("Expected a signature of up to eight days, got %v", life)
			}
		}
	}
}
