package record_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

// miekg/dns is the second opinion on reverse names.
func TestAddressesAreTheirReverseNames(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		addr := randomAddress(random)
		want, err := dns.ReverseAddr(addr.String())
		if err != nil {
			t.Fatal(err)
		}
		name, wildcard, err := record.ParseFQDN(addr.String())
		if err != nil || string(name)+"." != want || wildcard {
			t.Fatalf("%s: expected %s, got %s, %t, %v", addr, want, name, wildcard, err)
		}
		if p, ok := name.Prefix(); !ok || p != netip.PrefixFrom(addr, addr.BitLen()) || !name.IsAddress() {
			t.Fatalf("%s: expected %s back, got %v, %t", name, addr, p, ok)
		}
	}
	for written, want := range map[string]string{
		"[2001:db8::1]":    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
		"::ffff:192.0.2.1": "1.2.0.192.in-addr.arpa",
		"192.0.2.0/24":     "2.0.192.in-addr.arpa",
		"192.0.2.1/32":     "1.2.0.192.in-addr.arpa",
		"2001:db8::/32":    "8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		if name, _, err := record.ParseFQDN(written); err != nil || string(name) != want {
			t.Errorf("%s: expected %s, got %s, %v", written, want, name, err)
		}
	}
}

func randomAddress(random *rand.Rand) netip.Addr {
	octets := make([]byte, 4+12*random.IntN(2))
	for i := range octets {
		octets[i] = byte(random.IntN(256))
	}
	addr, _ := netip.AddrFromSlice(octets)
	return addr
}

// Every address in a prefix lies under exactly one of its names, and no address
// outside under any.
func TestPrefixesAreTheNamesOfTheirAddresses(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		addr := randomAddress(random)
		p := netip.PrefixFrom(addr, 1+random.IntN(addr.BitLen())).Masked()
		if p.Addr().Is4In6() {
			continue
		}
		names, err := record.ParsePrefix(p.String())
		most := 8
		if addr.Is4() {
			most = 128
		}
		if err != nil || len(names) == 0 || len(names) > most {
			t.Fatalf("%s: %d names, %v", p, len(names), err)
		}
		for range 20 {
			a := nearby(random, p)
			name, _, _ := record.ParseFQDN(a.String())
			under := 0
			for _, n := range names {
				if name == n || strings.HasSuffix(string(name), "."+string(n)) {
					under++
				}
			}
			if (under == 1) != p.Contains(a) || under > 1 {
				t.Fatalf("%s lies under %d names of %s", a, under, p)
			}
		}
	}
}

// nearby is an address in p, or one that differs in one bit.
func nearby(random *rand.Rand, p netip.Prefix) netip.Addr {
	octets := p.Addr().AsSlice()
	for bit := p.Bits(); bit < p.Addr().BitLen(); bit++ {
		octets[bit/8] |= byte(random.IntN(2)) << (7 - bit%8)
	}
	if bit := random.IntN(p.Addr().BitLen()); random.IntN(2) == 0 {
		octets[bit/8] ^= 1 << (7 - bit%8)
	}
	addr, _ := netip.AddrFromSlice(octets)
	return addr
}

func TestNamesThatStandForNoAddresses(t *testing.T) {
	for _, name := range []record.FQDN{
		"example.com", "in-addr.arpa", "ip6.arpa", "1.2.3.4.5.in-addr.arpa", "256.in-addr.arpa", "01.in-addr.arpa", "-1.in-addr.arpa", "+1.in-addr.arpa",
		"0-26.2.0.192.in-addr.arpa", "x.192.in-addr.arpa", ".1.in-addr.arpa", "1..2.in-addr.arpa", "10.ip6.arpa", "g.ip6.arpa", "A.ip6.arpa", "0x1.ip6.arpa",
		record.FQDN(strings.Repeat("0.", 33) + "ip6.arpa"),
	} {
		if p, ok := name.Prefix(); ok {
			t.Errorf("%s: expected no prefix, got %s", name, p)
		}
	}
}

// What is part of a question may be anything.
func TestNamesThatCanFollowAGrant(t *testing.T) {
	for name, want := range map[record.FQDN]bool{
		"a.example.com": true, "_dmarc.example.com": true, "xn--bcher-kva.example.com": true, "-.example.com": true,
		"*.example.com": false, "a*.example.com": false, `a\.b.example.com`: false, `\000.example.com`: false, "A.example.com": false, "ü.example.com": false,
		"_validation-persist.example.com": false, "a._validation-persist.example.com": false, "_ip-validation-persist.example.com": false, "..example.com": false, "": false,
		"1.2.0.192.in-addr.arpa": true, "2.0.192.in-addr.arpa": true, "01.2.0.192.in-addr.arpa": false, "x.2.0.192.in-addr.arpa": false,
		record.FQDN(strings.Repeat("a.", 111) + "example.com"):  true, // 233 octets, its owner 255 on the wire
		record.FQDN(strings.Repeat("a.", 111) + "xexample.com"): false,
	} {
		if got := name.CanFollow(); got != want {
			t.Errorf("%q: expected %t, got %t", name, want, got)
		}
	}
	for _, name := range []record.FQDN{"a.example.com", "1.2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"} {
		if n := testing.AllocsPerRun(100, func() { name.CanFollow() }); n != 0 {
			t.Errorf("%s: expected no allocation, got %v", name, n)
		}
	}
}

func FuzzReverseNames(f *testing.F) {
	for _, s := range []string{"1.2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa", "0.in-addr.arpa", "..ip6.arpa"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := record.FQDN(s).Prefix()
		if !ok {
			return
		}
		if p != p.Masked() {
			t.Fatalf("%q stands for %s, which has host bits", s, p)
		}
		if names, err := record.ParsePrefix(p.String()); !p.Addr().Is4In6() && (err != nil || len(names) != 1 || string(names[0]) != s) {
			t.Fatalf("%q stands for %s, whose names are %v, %v", s, p, names, err)
		}
	})
}

// net/netip writes addresses as RFC 5952 does.
func TestReverseNamesAreReadAsTheirAddresses(t *testing.T) {
	for name, want := range map[record.FQDN]string{
		"example.com":            "example.com",
		"7.2.0.192.in-addr.arpa": "192.0.2.7",
		"2.0.192.in-addr.arpa":   "192.0.2.0/24",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": "2001:db8::1",
		"0.8.b.d.0.1.0.0.2.ip6.arpa":  "2001:db8::/36",
		"0-26.2.0.192.in-addr.arpa":   "0-26.2.0.192.in-addr.arpa",
		"7.0-26.2.0.192.in-addr.arpa": "7.0-26.2.0.192.in-addr.arpa",
	} {
		if got := name.Readable(); got != want {
			t.Errorf("%s: expected %s, got %s", name, want, got)
		}
	}
}
