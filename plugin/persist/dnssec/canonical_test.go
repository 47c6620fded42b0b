package dnssec

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// published are the examples of RFC 6605 section 6.1 and of RFC 8080 section
// 6.1 as corrected by erratum 4935.
var published = []struct {
	name, private, dnskey, ds, rrset, rrsig string
}{{
	"RFC 6605",
	"GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=",
	"example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
	"example.net. 3600 IN DS 55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
	"www.example.net. 3600 IN A 192.0.2.1",
	"www.example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
}, {
	"RFC 8080, first",
	"ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
	"example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
	"example.com. 3600 IN DS 3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
	"example.com. 3600 IN MX 10 mail.example.com.",
	"example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
}, {
	"RFC 8080, second",
	"DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=",
	"example.com. 3600 IN DNSKEY 257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
	"example.com. 3600 IN DS 35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c",
	"example.com. 3600 IN MX 10 mail.example.com.",
	"example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 35217 example.com. zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
}}

func decode(tb testing.TB, text string) []byte {
	tb.Helper()
	octets, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return octets
}

func TestPublishedSignaturesAreOverTheCanonicalForm(t *testing.T) {
	for _, v := range published {
		t.Run(v.name, func(t *testing.T) {
			sig := rrs(t, v.rrsig)[0].(*dns.RRSIG)
			set, err := canonicalize(rrs(t, v.rrset))
			if err != nil {
				t.Fatal(err)
			}
			if set.labels() != sig.Labels {
				t.Errorf("Labels is %d, want %d", set.labels(), sig.Labels)
			}
			message, err := set.message(sig)
			if err != nil {
				t.Fatal(err)
			}
			if !verify(decode(t, rrs(t, v.dnskey)[0].(*dns.DNSKEY).PublicKey), message, decode(t, sig.Signature)) {
				t.Error("The published signature does not fit our canonical form")
			}
		})
	}
}

// verify checks a signature with nothing but the standard library.
func verify(public, message, sig []byte) bool {
	if len(public) == ed25519.PublicKeySize {
		return ed25519.Verify(public, message, sig)
	}
	digest := sha256.Sum256(message)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, public...))
	return err == nil && ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
}

func TestPublishedKeysSignAsPublished(t *testing.T) {
	for _, v := range published {
		t.Run(v.name, func(t *testing.T) {
			want := rrs(t, v.rrsig)[0].(*dns.RRSIG)
			record := rrs(t, v.dnskey)[0].(*dns.DNSKEY)
			k := privateKey(t, record.Algorithm, decode(t, v.private))
			if got := k.dnskey("example.", 3600); got.PublicKey != record.PublicKey || k.tag != want.KeyTag {
				t.Fatalf("Key is %s with tag %d, want %s with tag %d", got.PublicKey, k.tag, record.PublicKey, want.KeyTag)
			}
			set, err := canonicalize(rrs(t, v.rrset))
			if err != nil {
				t.Fatal(err)
			}
			got := *want
			if err := set.sign(&got, k); err != nil {
				t.Fatal(err)
			}
			if record.Algorithm == dns.ED25519 && got.Signature != want.Signature {
				t.Errorf("Signature is %s, want %s", got.Signature, want.Signature)
			}
			if err := got.Verify(record, rrs(t, v.rrset)); err != nil {
				t.Errorf("Our signature with the published key does not verify: %v", err)
			}
			if ds := k.dnskey(want.SignerName, 3600).ToDS(dns.SHA256).String(); ds != rrs(t, v.ds)[0].String() {
				t.Errorf("DS is %s, want %s", ds, v.ds)
			}
		})
	}
}

// privateKey makes a key of a private key as BIND stores it.
func privateKey(tb testing.TB, algorithm uint8, private []byte) *key {
	tb.Helper()
	if algorithm == dns.ED25519 {
		return newKey(kskFlags, algorithm, ed25519.NewKeyFromSeed(private))
	}
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), private)
	if err != nil {
		tb.Fatal(err)
	}
	return newKey(kskFlags, algorithm, k)
}

func TestLabelsCountsNeitherRootNorALeadingLoneAsterisk(t *testing.T) {
	for owner, want := range map[string]uint8{ // RFC 4034 section 3.1.3
		".":                   0,
		"*.":                  0,
		"example.":            1,
		"*.example.":          1,
		"*foo.example.":       2,
		"a.*.example.":        3,
		"*.*.example.":        2,
		`\042.example.`:       1, // 42 is the asterisk
		`\.*.example.`:        2,
		"www.example.com.":    3,
		"*.www.EXAMPLE.com.":  3,
		"_validation.a.b.c.":  4,
		"**.example.":         2,
		`*\000.example.`:      2,
		"*.b.c.d.e.example.":  5,
		"x.*foo.*.b.example.": 5,
	} {
		set, err := canonicalize([]dns.RR{&dns.A{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: []byte{192, 0, 2, 1}}})
		if err != nil {
			t.Errorf("%s: %v", owner, err)
		} else if set.labels() != want {
			t.Errorf("Labels of %s is %d, want %d", owner, set.labels(), want)
		}
	}
}

// Each RRset is in some form that is not canonical. miekg/dns counts labels of
// these owners well and makes its canonical form by other means.
var uncanonical = [][]string{
	{"A.Persist.EXAMPLE. 300 IN A 192.0.2.1"},
	{"a.persist.example. 300 IN TXT b", "a.persist.example. 300 IN TXT a", "a.persist.example. 300 IN TXT aa", `a.persist.example. 300 IN TXT "" "b"`},
	{`a.persist.example. 300 IN TXT "quo\"te\\ \200\000"`},
	{"persist.example. 3600 IN NS NS2.Example.Net.", "persist.example. 3600 IN NS ns1.EXAMPLE.net."},
	{"persist.example. 60 IN SOA Ns1.Example.Net. Host\\.Master.Example.NET. 1 2 3 4 60"},
	{"a.persist.example. 300 IN CNAME Target.EXAMPLE."},
	{"a.persist.example. 300 IN PTR Target.EXAMPLE."},
	{"a.persist.example. 300 IN DNAME Target.EXAMPLE."},
	{"a.persist.example. 300 IN MX 10 Mail.EXAMPLE.", "a.persist.example. 300 IN MX 5 Mail.EXAMPLE."},
	{"_a._tcp.persist.example. 300 IN SRV 1 2 80 Target.EXAMPLE."},
	{"a.persist.example. 300 IN RP A.Example. B.EXAMPLE."},
	{"a.persist.example. 300 IN AFSDB 1 A.Example."},
	{"a.persist.example. 300 IN KX 1 A.Example."},
	{"a.persist.example. 300 IN SVCB 1 Svc.EXAMPLE. alpn=h2"},
	{`a.persist.example. 300 IN CAA 0 issue "Letsencrypt.ORG"`},
	{"a.persist.example. 60 IN NSEC b.persist.example. TXT RRSIG NSEC"},
	{"_.persist.example. 300 IN TYPE65280 \\# 3 414243"},
}

func TestSignaturesOverAnyFormVerify(t *testing.T) {
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		k := testKeys(t, algorithm, nil)
		for _, lines := range uncanonical {
			set := rrs(t, lines...)
			for _, rr := range mustSign(t, k, set, start).RRSIG {
				sig := rr.(*dns.RRSIG)
				if err := sig.Verify(keyOf(t, k, sig, start), set); err != nil {
					t.Errorf("%s, algorithm %d: %v", strings.Join(lines, "; "), algorithm, err)
				}
			}
		}
	}
}

func TestWhatIsNoRRsetIsNotSigned(t *testing.T) {
	k := testKeys(t, dns.ED25519, nil)
	long := strings.Repeat("a", 64)
	for want, set := range map[string][]dns.RR{
		"without records":          nil,
		"differ in owner":          rrs(t, "a.persist.example. 300 IN TXT a", "b.persist.example. 300 IN TXT a"),
		"b.persist.example. A":     rrs(t, "b.persist.example. 300 IN TXT a", "b.persist.example. 300 IN A 192.0.2.1"),
		"TTL":                      rrs(t, "c.persist.example. 300 IN TXT a", "c.persist.example. 301 IN TXT b"),
		"class":                    rrs(t, "d.persist.example. 300 IN TXT a", "d.persist.example. 300 CH TXT b"),
		long + ".persist.example.": {&dns.TXT{Hdr: dns.RR_Header{Name: long + ".persist.example.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"a"}}},
	} {
		if _, err := k.Sign(set, origin, start, start.Add(0)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Error is %v, want one about %q", err, want)
		}
	}
}
