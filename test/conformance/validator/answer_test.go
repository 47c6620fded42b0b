package validator

import (
	"slices"
	"testing"

	"github.com/miekg/dns"
)

func TestAnswersAreJudgedWhole(t *testing.T) {
	s := newSigner(t, dns.ED25519, dns.ZONE)
	section := func(sets ...RRset) []dns.RR {
		var all []dns.RR
		for _, set := range sets {
			all = append(all, set.Records...)
			for _, sig := range set.Signatures {
				all = append(all, sig)
			}
		}
		return all
	}
	set := func(line string) RRset { return s.sign(t, rr[dns.RR](t, line)) }
	soa, txt := set("example.org. 60 SOA ns. host. 1 2 3 4 60"), set("a.example.org. 300 TXT a")
	absent := set(`q.example.org. 60 NSEC \000.q.example.org. RRSIG NSEC NXNAME`)
	present := set(`a.example.org. 60 NSEC \000.a.example.org. TXT RRSIG NSEC`)
	wild, around := set("*.example.org. 300 TXT w"), set("a.example.org. 60 NSEC z.example.org. TXT RRSIG NSEC")
	wild.Records[0].Header().Name, wild.Signatures[0].Hdr.Name = "q.example.org.", "q.example.org."
	stolen := set(`*.example.org. 60 NSEC \000.*.example.org. RRSIG NSEC NXNAME`)
	stolen.Records[0].Header().Name, stolen.Signatures[0].Hdr.Name = "q.example.org.", "q.example.org."

	const bogus = Kind(-1)
	for _, tt := range []struct {
		what string
		a    Answer
		want Kind
	}{
		{"a record", Answer{Name: "a.example.org.", Type: dns.TypeTXT, Answer: section(txt)}, Positive},
		{"for any type", Answer{Name: "A.example.org.", Type: dns.TypeANY, Answer: section(txt)}, Positive},
		{"for its signature", Answer{Name: "a.example.org.", Type: dns.TypeRRSIG, Answer: section(txt)[1:]}, Positive},
		{"another signature", Answer{Name: "a.example.org.", Type: dns.TypeTXT, Answer: section(txt)[1:]}, bogus},
		{"unsigned", Answer{Name: "a.example.org.", Type: dns.TypeTXT, Answer: txt.Records}, bogus},
		{"another name", Answer{Name: "b.example.org.", Type: dns.TypeTXT, Answer: section(txt)}, bogus},
		{"another type", Answer{Name: "a.example.org.", Type: dns.TypeA, Answer: section(txt)}, bogus},
		{"with NXDOMAIN", Answer{Name: "a.example.org.", Type: dns.TypeTXT, Answer: section(txt), Rcode: dns.RcodeNameError}, bogus},
		{"with SERVFAIL", Answer{Name: "a.example.org.", Type: dns.TypeTXT, Answer: section(txt), Rcode: dns.RcodeServerFailure}, bogus},
		{"from a wildcard", Answer{Name: "q.example.org.", Type: dns.TypeTXT, Answer: section(wild), Authority: section(around)}, Positive},
		{"from a wildcard, unproven", Answer{Name: "q.example.org.", Type: dns.TypeTXT, Answer: section(wild)}, bogus},
		{"from a wildcard, proven for another", Answer{Name: "q.example.org.", Type: dns.TypeTXT, Answer: section(wild), Authority: section(present)}, bogus},
		{"no data", Answer{Name: "a.example.org.", Type: dns.TypeA, Authority: section(soa, present)}, NoData},
		{"no data, unsigned SOA", Answer{Name: "a.example.org.", Type: dns.TypeA, Authority: append(slices.Clone(soa.Records), section(present)...)}, bogus},
		{"no data without SOA", Answer{Name: "a.example.org.", Type: dns.TypeA, Authority: section(present)}, bogus},
		{"no data without proof", Answer{Name: "a.example.org.", Type: dns.TypeA, Authority: section(soa)}, bogus},
		{"no data with NXDOMAIN", Answer{Name: "a.example.org.", Type: dns.TypeA, Authority: section(soa, present), Rcode: dns.RcodeNameError}, bogus},
		{"no name, compact", Answer{Name: "q.example.org.", Type: dns.TypeA, Authority: section(soa, absent)}, NoName},
		{"no name, compact with NXDOMAIN", Answer{Name: "q.example.org.", Type: dns.TypeA, Authority: section(soa, absent), Rcode: dns.RcodeNameError}, NoName},
		{"no name, from a wildcard's NSEC", Answer{Name: "q.example.org.", Type: dns.TypeA, Authority: section(soa, stolen)}, bogus},
		{"a stray signature", Answer{Name: "q.example.org.", Type: dns.TypeA, Authority: append(section(soa, absent), section(txt)[1:]...)}, bogus},
	} {
		d, err := New().Answer(tt.a, zone, []*dns.DNSKEY{s.key}, now)
		got := d.Kind
		if err != nil {
			got = bogus
		}
		if got != tt.want {
			t.Errorf("%s: got %d, want %d (%v)", tt.what, got, tt.want, err)
		}
	}
}
