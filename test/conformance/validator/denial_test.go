package validator

import (
	"slices"
	"testing"

	"github.com/miekg/dns"
)

func TestNamesSortAsRFC4034(t *testing.T) {
	names := []string{ // RFC 4034 section 6.1
		"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.",
		"z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`,
	}
	for i, a := range names {
		for j, b := range names {
			if got := Compare(a, b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("Compare(%s, %s) is %d", a, b, got)
			}
		}
	}
}

// The chain is that of RFC 4035 appendix A and the first cases are the answers
// of its appendix B; the rest are what these proofs must not prove.
var chain = map[string]string{
	"example.":       "example. 3600 NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY",
	"a.example.":     "a.example. 3600 NSEC ai.example. NS DS RRSIG NSEC",
	"b.example.":     "b.example. 3600 NSEC ns1.example. NS RRSIG NSEC",
	"ns1.example.":   "ns1.example. 3600 NSEC ns2.example. A RRSIG NSEC",
	"*.w.example.":   "*.w.example. 3600 NSEC x.w.example. MX RRSIG NSEC",
	"x.y.w.example.": "x.y.w.example. 3600 NSEC xx.example. MX RRSIG NSEC",
	"xx.example.":    "xx.example. 3600 NSEC example. A HINFO AAAA RRSIG NSEC",
	"ns2.example.":   "ns2.example. 3600 NSEC *.w.example. A RRSIG NSEC",
	"compact":        `q.example. 60 NSEC \000.q.example. RRSIG NSEC NXNAME`,
	"compact, more":  `q.example. 60 NSEC \000.q.example. A RRSIG NSEC NXNAME`,
	"wild compact":   `*.example. 60 NSEC \000.*.example. RRSIG NSEC NXNAME`,
	"around q":       `p.example. 60 NSEC r.example. A RRSIG NSEC`,
	"empty":          `q.example. 60 NSEC \000.q.example. RRSIG NSEC`,
	"alias":          `q.example. 60 NSEC \000.q.example. CNAME RRSIG NSEC`,
	"renamed":        `q.example. 60 NSEC r.example. DNAME RRSIG NSEC`,
}

func TestProofsProveWhatTheySay(t *testing.T) {
	const none = Kind(-1)
	for _, tt := range []struct {
		what  string
		proof []string
		name  string
		qtype uint16
		want  Kind
	}{
		{"B.2 name error", []string{"b.example.", "example."}, "ml.example.", dns.TypeA, NoName},
		{"B.3 no data", []string{"ns1.example."}, "ns1.example.", dns.TypeMX, NoData},
		{"B.5 referral to unsigned", []string{"b.example."}, "b.example.", dns.TypeDS, NoData},
		{"B.7 wildcard no data", []string{"x.y.w.example.", "*.w.example."}, "a.z.w.example.", dns.TypeAAAA, NoData},
		{"empty non-terminal", []string{"ns2.example."}, "w.example.", dns.TypeA, NoData},
		{"empty non-terminal below", []string{"*.w.example."}, "y.w.example.", dns.TypeA, none},
		{"name error without the wildcard", []string{"b.example."}, "ml.example.", dns.TypeA, none},
		{"wildcard without the name", []string{"example."}, "ml.example.", dns.TypeA, none},
		{"the last of the zone", []string{"xx.example.", "example."}, "zz.example.", dns.TypeA, NoName},
		{"outside the zone", []string{"xx.example.", "example."}, "zz.other.", dns.TypeA, none},
		{"a type that is there", []string{"ns1.example."}, "ns1.example.", dns.TypeA, none},
		{"any type", []string{"ns1.example."}, "ns1.example.", dns.TypeANY, none},
		{"wildcard has the type", []string{"x.y.w.example.", "*.w.example."}, "a.z.w.example.", dns.TypeMX, none},
		{"below a delegation", []string{"b.example.", "example."}, "x.b.example.", dns.TypeA, none},
		{"at a delegation", []string{"b.example."}, "b.example.", dns.TypeA, none},
		{"other name", []string{"ns1.example."}, "ns2.example.", dns.TypeA, none},
		{"nothing", nil, "ns2.example.", dns.TypeA, none},
		{"RFC 9824 no name", []string{"compact"}, "q.example.", dns.TypeA, NoName},
		{"RFC 9824 no name, upper case", []string{"compact"}, "Q.Example.", dns.TypeA, NoName},
		{"RFC 9824 no name, and more", []string{"compact, more"}, "q.example.", dns.TypeTXT, none},
		{"RFC 9824 empty non-terminal", []string{"empty"}, "q.example.", dns.TypeA, NoData},
		{"RFC 9824 replayed from a wildcard", []string{"wild compact", "around q"}, "q.example.", dns.TypeA, none},
		{"an alias", []string{"alias"}, "q.example.", dns.TypeA, none},
		{"below a DNAME", []string{"renamed", "example."}, "a.q.example.", dns.TypeA, none},
	} {
		proof := make([]*dns.NSEC, 0, len(tt.proof))
		for _, p := range tt.proof {
			proof = append(proof, rr[*dns.NSEC](t, chain[p]))
		}
		for range 2 { // in either order
			got, err := Denies(proof, tt.name, tt.qtype)
			if err != nil {
				got = none
			}
			if got != tt.want {
				t.Errorf("%s: got %d, want %d (%v)", tt.what, got, tt.want, err)
			}
			slices.Reverse(proof)
		}
	}
}

func TestCoversLeavesTheEndsOut(t *testing.T) {
	n := rr[*dns.NSEC](t, chain["ns1.example."])
	for name, want := range map[string]bool{"ns1.example.": false, "ns2.example.": false, "a.NS1.example.": true, "ns10.example.": true, "ns3.example.": false, "..": false} {
		if Covers(n, name) != want {
			t.Errorf("Covers %s: want %t", name, want)
		}
	}
}
