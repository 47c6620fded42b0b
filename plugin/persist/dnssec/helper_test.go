package dnssec

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const origin = "persist.example."

// start is when the test keys begin to sign.
var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// random gives the same octets in every run.
func random(n byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{n}) }

// testDocument returns a new key document, changed by edit.
func testDocument(tb testing.TB, algorithm uint8, edit func(*document)) *document {
	tb.Helper()
	raw, err := GenerateKeys("test", algorithm, start, random(algorithm))
	if err != nil {
		tb.Fatal(err)
	}
	d, err := parseDocument(raw)
	if err != nil {
		tb.Fatal(err)
	}
	if edit != nil {
		edit(d)
	}
	return d
}

func testKeys(tb testing.TB, algorithm uint8, edit func(*document)) *KeySet {
	tb.Helper()
	raw, err := testDocument(tb, algorithm, edit).marshal()
	return parsed(tb, raw, err)
}

// testSeed returns a seed of its own for each n.
func testSeed(tb testing.TB, n byte) seed {
	tb.Helper()
	s, err := newSeed(random(n))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// rrs parses records in presentation form.
func rrs(tb testing.TB, lines ...string) []dns.RR {
	tb.Helper()
	set := make([]dns.RR, 0, len(lines))
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			tb.Fatalf("%s: %v", line, err)
		}
		set = append(set, rr)
	}
	return set
}

func mustSign(tb testing.TB, k *KeySet, set []dns.RR, at time.Time) Signature {
	tb.Helper()
	s, err := k.Sign(set, origin, at, time.Time{})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// keyOf returns the DNSKEY record of a signature, as published at an instant.
func keyOf(tb testing.TB, k *KeySet, sig *dns.RRSIG, at time.Time) *dns.DNSKEY {
	tb.Helper()
	set, _ := k.DNSKEY(origin, at)
	for _, rr := range set {
		if key := rr.(*dns.DNSKEY); key.KeyTag() == sig.KeyTag {
			return key
		}
	}
	tb.Fatalf("At %s the signing key %d is not published", at, sig.KeyTag)
	return nil
}

// sortKey maps names to strings of octets whose order is the canonical order
// of names (RFC 4034 section 6.1): labels from the right, each octet behind a
// 1, each label ended by a 0.
func sortKey(tb testing.TB, name string) []byte {
	tb.Helper()
	wire := make([]byte, 256)
	if _, err := dns.PackDomainName(name, wire, 0, nil, false); err != nil {
		tb.Fatalf("%q: %v", name, err)
	}
	var sorted []byte
	for off := 0; wire[off] != 0; off += 1 + int(wire[off]) {
		var label []byte
		for _, c := range wire[off+1 : off+1+int(wire[off])] {
			if 'A' <= c && c <= 'Z' {
				c |= 0x20
			}
			label = append(label, 1, c)
		}
		sorted = append(append(label, 0), sorted...)
	}
	return sorted
}

// order compares two names in canonical order.
func order(tb testing.TB, a, b string) int {
	tb.Helper()
	return bytes.Compare(sortKey(tb, a), sortKey(tb, b))
}

func TestTheComparatorOfTheseTestsSortsAsRFC4034(t *testing.T) {
	names := []string{ // RFC 4034 section 6.1
		"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.",
		"z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`,
	}
	for i := range names[1:] {
		if order(t, names[i], names[i+1]) >= 0 {
			t.Errorf("%s does not precede %s", names[i], names[i+1])
		}
	}
}
