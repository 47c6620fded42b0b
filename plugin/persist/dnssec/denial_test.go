package dnssec

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// lines returns a proof as its owner, next name and types.
func lines(proof []*dns.NSEC) []string {
	out := make([]string, len(proof))
	for i, n := range proof {
		out[i] = strings.Join(strings.Fields(n.String()), " ")
	}
	return out
}

func TestPresentSaysWhatIsThere(t *testing.T) {
	for _, tt := range []struct {
		what  string
		name  string
		types []uint16
		want  string
	}{
		{"an empty non-terminal", "a.persist.example.", nil, `a.persist.example. 60 IN NSEC \000.a.persist.example. RRSIG NSEC`},
		{"one type", "a.persist.example.", []uint16{dns.TypeTXT}, `a.persist.example. 60 IN NSEC \000.a.persist.example. TXT RRSIG NSEC`},
		{"an apex", "persist.example.", []uint16{dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY, dns.TypeTXT},
			`persist.example. 60 IN NSEC \000.persist.example. NS SOA TXT RRSIG NSEC DNSKEY`},
		{"a type twice", "a.persist.example.", []uint16{dns.TypeTXT, dns.TypeTXT, dns.TypeNSEC, dns.TypeRRSIG},
			`a.persist.example. 60 IN NSEC \000.a.persist.example. TXT RRSIG NSEC`},
		{"254 octets", "a." + long(252, "b"), nil, "a." + long(252, "b") + ` 60 IN NSEC a\000.` + long(252, "b") + " RRSIG NSEC"},
		{"255 octets", "az." + long(252, "b"), nil, "az." + long(252, "b") + " 60 IN NSEC a{." + long(252, "b") + " RRSIG NSEC"},
	} {
		if got := lines([]*dns.NSEC{Present(tt.name, tt.types, 60)})[0]; got != tt.want {
			t.Errorf("%s:\n%s, want\n%s", tt.what, got, tt.want)
		}
	}
}

func TestPresentLeavesTheTypesOfItsCallerAlone(t *testing.T) {
	types := []uint16{dns.TypeTXT, dns.TypeNS, dns.TypeSOA}
	Present("persist.example.", types[:2], 60)
	if diff := cmp.Diff([]uint16{dns.TypeTXT, dns.TypeNS, dns.TypeSOA}, types); diff != "" {
		t.Error(diff)
	}
}

func TestDenial(t *testing.T) {
	z63 := strings.Repeat(`\255`, 63)
	for _, tt := range []struct {
		what, name, encloser string
		want                 []string
	}{
		{"a name", "x.example.", "example.", []string{`x.example. 60 IN NSEC \000.x.example. RRSIG NSEC NXNAME`}},
		{"a name that begins with an asterisk", "*x.example.", "example.", []string{`*x.example. 60 IN NSEC \000.*x.example. RRSIG NSEC NXNAME`}},
		{"a name whose label ends like a wildcard", `x.a\.*.example.`, "example.", []string{`x.a\.*.example. 60 IN NSEC \000.x.a\.*.example. RRSIG NSEC NXNAME`}},
		{"the last name of the zone", long(255, `\255`), "example.", []string{long(255, `\255`) + " 60 IN NSEC example. RRSIG NSEC NXNAME"}},
		{"a wildcard", "*.example.", "example.", []string{`\)\255.example. 60 IN NSEC *\000.example. RRSIG NSEC NXNAME`}},
		{"a wildcard of 254 octets", "*." + long(252, "a"), long(252, "a"),
			[]string{`\)\255.` + long(252, "a") + ` 60 IN NSEC *\000.` + long(252, "a") + " RRSIG NSEC NXNAME"}},
		{"a wildcard of 255 octets", "*." + long(253, "a"), long(253, "a"),
			[]string{`\).` + long(253, "a") + ` 60 IN NSEC +.` + long(253, "a") + " RRSIG NSEC NXNAME"}},
		{"a name below a wildcard", "x.*.example.", "example.", []string{`\)\255.example. 60 IN NSEC *\000.example. RRSIG NSEC NXNAME`}},
		{"a name far below a wildcard", `\000.y.*.example.`, "example.", []string{`\)\255.example. 60 IN NSEC *\000.example. RRSIG NSEC NXNAME`}},
		{"a name below a wildcard below nothing", "x.*.b.example.", "example.", []string{
			`a\255.example. 60 IN NSEC b\000.example. RRSIG NSEC NXNAME`,
			`\)\255.example. 60 IN NSEC *\000.example. RRSIG NSEC NXNAME`}},
		{"a name of 255 octets below a wildcard", "a.*." + long(251, "a"), long(251, "a"),
			[]string{`\)\255.` + long(251, "a") + ` 60 IN NSEC *\000.` + long(251, "a") + " RRSIG NSEC NXNAME"}},
		{"a wildcard below nothing", "*.b.example.", "example.", []string{
			`a\255.example. 60 IN NSEC b\000.example. RRSIG NSEC NXNAME`,
			`\)\255.example. 60 IN NSEC *\000.example. RRSIG NSEC NXNAME`}},
		{"a wildcard far below nothing", "*.x.y.[.z.example.", "z.example.", []string{
			`\@\255.z.example. 60 IN NSEC [\000.z.example. RRSIG NSEC NXNAME`,
			`\)\255.z.example. 60 IN NSEC *\000.z.example. RRSIG NSEC NXNAME`}},
		{"a wildcard below a wildcard", "*.a.*.example.", "example.", []string{`\)\255.example. 60 IN NSEC *\000.example. RRSIG NSEC NXNAME`}},
		{"a label that follows a wildcard", "*.+.example.", "example.", []string{
			`*\255.example. 60 IN NSEC +\000.example. RRSIG NSEC NXNAME`,
			`\)\255.example. 60 IN NSEC *\000.example. RRSIG NSEC NXNAME`}},
		{"a label that ends in zero", `*.a\000.example.`, "example.", []string{
			`\255.a.example. 60 IN NSEC a\000\000.example. RRSIG NSEC NXNAME`,
			`\)\255.example. 60 IN NSEC *\000.example. RRSIG NSEC NXNAME`}},
		{"a full label", "*." + strings.Repeat("b", 63) + ".example.", "example.", []string{
			`\255.` + strings.Repeat("b", 62) + "a.example. 60 IN NSEC " + strings.Repeat("b", 62) + "c.example. RRSIG NSEC NXNAME",
			`\)\255.example. 60 IN NSEC *\000.example. RRSIG NSEC NXNAME`}},
		{"the first label", `*.\000.example.`, "example.", []string{`\)\255.\000.example. 60 IN NSEC *\000.\000.example. RRSIG NSEC NXNAME`}},
		{"the last label", "*." + z63 + ".example.", "example.", []string{`\)\255.` + z63 + `.example. 60 IN NSEC *\000.` + z63 + ".example. RRSIG NSEC NXNAME"}},
		{"below the first label", `*.b.\000.example.`, "example.", []string{
			`a\255.\000.example. 60 IN NSEC b\000.\000.example. RRSIG NSEC NXNAME`,
			`\)\255.\000.example. 60 IN NSEC *\000.\000.example. RRSIG NSEC NXNAME`}},
		{"without encloser", "*.b.example.", "*.b.example.", []string{`\)\255.b.example. 60 IN NSEC *\000.b.example. RRSIG NSEC NXNAME`}},
	} {
		proof, compact := Denial(tt.name, tt.encloser, 60)
		if diff := cmp.Diff(tt.want, lines(proof)); diff != "" {
			t.Errorf("%s:\n%s", tt.what, diff)
		}
		if compact == BelowWildcard(tt.name) {
			t.Errorf("%s: compact is %v", tt.what, compact)
		}
	}
}

func TestBelowWildcard(t *testing.T) {
	for name, want := range map[string]bool{
		"*.example.": true, "*.": true, "x.*.example.": true, "x.y.*.": true,
		"*x.example.": false, "x.example.": false, `x\.*.example.`: false, ".": false,
	} {
		if BelowWildcard(name) != want {
			t.Errorf("BelowWildcard(%s) is not %v", name, want)
		}
	}
}

// covers reports whether an NSEC record denies a name (RFC 4035 section 3.1.3.2).
func covers(tb testing.TB, n *dns.NSEC, name string) bool {
	tb.Helper()
	return order(tb, n.Hdr.Name, name) < 0 && (order(tb, name, n.NextDomain) < 0 || n.NextDomain == "example.")
}

// served makes a name as they are served of data: its labels are of letters,
// digits, hyphens and underscores.
func served(data []byte) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	plain := make([]byte, len(data))
	for i, c := range data {
		if plain[i] = letters[int(c)%len(letters)]; c%7 == 0 {
			plain[i] = '.'
		}
	}
	return fuzzed(plain)
}

func FuzzADenialCoversWhatIsAskedForAndNothingServed(f *testing.F) {
	f.Add([]byte("b"), []byte("ab"), uint8(0))
	f.Add([]byte("a\x00.b"), []byte("a"), uint8(1))
	f.Add([]byte("*.*"), []byte("-"), uint8(0))
	f.Add(bytes.Repeat([]byte("b"), 63), bytes.Repeat([]byte("a"), 63), uint8(0))
	f.Add([]byte(strings.Repeat(strings.Repeat("\xff", 63)+".", 4)), []byte("zz"), uint8(1))
	f.Add([]byte(strings.Repeat(strings.Repeat("a", 63)+".", 4)), []byte("zz"), uint8(3))
	f.Fuzz(func(t *testing.T, data, other []byte, depth uint8) {
		name := fuzzed(data)
		if depth%2 == 0 && split(name).room() >= 2 {
			name = "*." + name
		}
		if depth%5 == 0 && split(name).room() >= 2 {
			name = "a." + name
		}
		encloser := ancestor(name, int(depth/2))
		if name == encloser {
			return
		}
		proof, compact := Denial(name, encloser, 60)
		checkProof(t, proof, compact, name)
		for _, there := range []string{served(other), encloser, ancestor(served(other), 1)} {
			if there == name || dns.IsSubDomain(nextCloserOf(name, encloser), there) {
				continue // not served: encloser would not be the closest
			}
			for _, n := range proof {
				if n.Hdr.Name == there || covers(t, n, there) {
					t.Fatalf("%s denies %s, which is served; asked for %s below %s", n, there, name, encloser)
				}
			}
		}
	})
}

// checkProof checks that a proof is one for name.
func checkProof(t *testing.T, proof []*dns.NSEC, compact bool, name string) {
	t.Helper()
	covered := compact && proof[0].Hdr.Name == name
	for _, n := range proof {
		covered = covered || covers(t, n, name)
		if split(n.Hdr.Name).isWildcard() {
			t.Fatalf("%s is owned by a wildcard", n)
		}
		set := []dns.RR{n}
		if _, err := canonicalize(set); err != nil {
			t.Fatal(err)
		}
		if got := n.TypeBitMap; !cmp.Equal(got, []uint16{dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNXNAME}) {
			t.Fatalf("%s has more types", n)
		}
	}
	if !covered {
		t.Fatalf("%s is not denied by %v", name, lines(proof))
	}
	if !compact && !deniesWildcards(t, proof, name) {
		t.Fatalf("A wildcard may match %s by %v", name, lines(proof))
	}
}

// deniesWildcards finds the closest encloser as a validator does, as the
// longest ancestor that the asked name shares with either end of the record
// that covers it, and looks whether the wildcard below it is denied.
func deniesWildcards(t *testing.T, proof []*dns.NSEC, name string) bool {
	t.Helper()
	for _, n := range proof {
		if !covers(t, n, name) {
			continue
		}
		shared := max(dns.CompareDomainName(name, n.Hdr.Name), dns.CompareDomainName(name, n.NextDomain))
		wildcard := "*." + ancestor(name, dns.CountLabel(name)-shared)
		for _, m := range proof {
			if covers(t, m, wildcard) {
				return true
			}
		}
	}
	return false
}

// ancestor strips up to n labels, down to example.
func ancestor(name string, n int) string {
	for ; n > 0 && name != "example."; n-- {
		off, _ := dns.NextLabel(name, 0)
		name = name[off:]
	}
	return name
}

// nextCloserOf is the child of encloser on the way to name.
func nextCloserOf(name, encloser string) string {
	return ancestor(name, dns.CountLabel(name)-dns.CountLabel(encloser)-1)
}
