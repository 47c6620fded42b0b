package validator

import (
	"crypto"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const zone = "Example.org."

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// signer signs with miekg/dns.
type signer struct {
	key    *dns.DNSKEY
	signer crypto.Signer
}

func newSigner(tb testing.TB, algorithm uint8, flags uint16) *signer {
	tb.Helper()
	s := &signer{key: &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: flags, Protocol: 3, Algorithm: algorithm,
	}}
	private, err := s.key.Generate(256)
	if err != nil {
		tb.Fatal(err)
	}
	s.signer = private.(crypto.Signer)
	return s
}

func (s *signer) sign(tb testing.TB, records ...dns.RR) RRset {
	tb.Helper()
	sig := &dns.RRSIG{
		Algorithm: s.key.Algorithm, SignerName: zone, KeyTag: s.key.KeyTag(),
		Inception: uint32(now.Add(-time.Hour).Unix()), Expiration: uint32(now.Add(time.Hour).Unix()),
	}
	if err := sig.Sign(s.signer, records); err != nil {
		tb.Fatal(err)
	}
	return RRset{Records: records, Signatures: []*dns.RRSIG{sig}}
}

// forms are RDATA of the types whose canonical form is not their common one.
var forms = []string{
	"A 192.0.2.%d", "AAAA 2001:db8::%d", "NS Ns%d.Example.NET.", "CNAME Target%d.EXAMPLE.", "PTR Target%d.EXAMPLE.", "DNAME Target%d.EXAMPLE.",
	"SOA Ns%d.Example.Net. Host\\.Master.Example.NET. 1 2 3 4 60", "MX 10 Mail%d.EXAMPLE.", "SRV 1 2 80 Target%d.EXAMPLE.", "TXT \"quo\\\"te %d\" \"\\200\\000\"",
	"RP A%d.Example. B.EXAMPLE.", "AFSDB 1 A%d.Example.", "KX 1 A%d.Example.", "NAPTR 100 10 \"U\" \"E2U\" \"!x!y!\" A%d.Example.", "SVCB %d Svc.EXAMPLE. alpn=h2",
	"CAA 0 issue \"Letsencrypt%d.ORG\"", "NSEC B%d.Example.ORG. TXT RRSIG NSEC", "DS 1 13 2 AB%02d", "CDS 1 13 2 AB%02d", "TYPE65280 \\# 3 4142%02d",
}

func randomRRset(tb testing.TB, random *rand.Rand) []dns.RR {
	tb.Helper()
	owners := []string{"", "a.", "A.b-C.", "*.", "x.*.", "*.Y.", "_validation-persist.", `\000.`, `\255z.`, strings.Repeat("L", 63) + "."}
	owner, form := owners[random.IntN(len(owners))]+zone, forms[random.IntN(len(forms))]
	order := random.Perm(1 + random.IntN(5))
	set := make([]dns.RR, 0, len(order))
	for _, i := range order {
		set = append(set, rr[dns.RR](tb, fmt.Sprintf("%s 300 IN "+form, owner, i)))
	}
	return set
}

// The two validators agree on random RRsets, whole and damaged.
func TestThisValidatorAndThatOfMiekgAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		s := newSigner(t, algorithm, dns.ZONE)
		good, bad := 0, 0
		for range 600 {
			set := s.sign(t, randomRRset(t, random)...)
			if random.IntN(3) == 0 {
				damage(random, set)
			}
			sig := set.Signatures[0]
			theirs := sig.Verify(s.key, set.Records)
			_, ours := New().RRset(set, zone, []*dns.DNSKEY{s.key}, now)
			if (theirs == nil) != (ours == nil) {
				t.Errorf("miekg/dns says %v, and this one %v of\n%v\n%v", theirs, ours, set.Records, sig)
			}
			if ours == nil {
				good++
			} else {
				bad++
			}
		}
		if good < 300 || bad < 100 {
			t.Errorf("Algorithm %d: %d RRsets were valid and %d not, which shows little", algorithm, good, bad)
		}
	}
}

// damage changes something that is signed, without making it a form that one of
// the two would not look at.
func damage(random *rand.Rand, set RRset) {
	sig := set.Signatures[0]
	switch random.IntN(5) {
	case 0:
		sig.OrigTtl++
	case 1:
		sig.Expiration++
	case 2:
		sig.Inception--
	case 3:
		sig.KeyTag ^= 1
	case 4:
		octets := []byte(sig.Signature)
		octets[10] ^= 1 // another letter of the base64 alphabet, or none at all
		sig.Signature = string(octets)
	}
}

func TestAKeyIsBelievedWhereTheParentNamesIt(t *testing.T) {
	ksk, zsk := newSigner(t, dns.ECDSAP256SHA256, dns.ZONE|dns.SEP), newSigner(t, dns.ECDSAP256SHA256, dns.ZONE)
	for ksk.key.KeyTag() == zsk.key.KeyTag() {
		zsk = newSigner(t, dns.ECDSAP256SHA256, dns.ZONE)
	}
	ds, other := ksk.key.ToDS(dns.SHA256), newSigner(t, dns.ECDSAP256SHA256, dns.ZONE|dns.SEP).key.ToDS(dns.SHA256)
	byKSK, byZSK := ksk.sign(t, ksk.key, zsk.key), zsk.sign(t, ksk.key, zsk.key)
	for _, tt := range []struct {
		what string
		set  RRset
		ds   []*dns.DS
		ok   bool
	}{
		{"signed by the key that the parent names", byKSK, []*dns.DS{ds}, true},
		{"named beside another", byKSK, []*dns.DS{other, ds}, true},
		{"not named", byKSK, []*dns.DS{other}, false},
		{"without DS", byKSK, nil, false},
		{"signed by a key that the parent does not name", byZSK, []*dns.DS{ds}, false},
		{"without signature", RRset{Records: byKSK.Records}, []*dns.DS{ds}, false},
		{"not of DNSKEY records", ksk.sign(t, rr[dns.RR](t, zone+" 300 IN A 192.0.2.1")), []*dns.DS{ds}, false},
	} {
		keys, _, err := New().Keys(tt.set, zone, tt.ds, now)
		if (err == nil) != tt.ok || tt.ok && len(keys) != 2 {
			t.Errorf("%s: %d keys, %v", tt.what, len(keys), err)
		}
	}
}

// What is remembered is a signature over a message by a key, and no more.
func TestMemoryChangesNothing(t *testing.T) {
	v, e := New(), newExample(t, 0)
	for range 3 {
		if _, err := v.RRset(e.set, e.zone, []*dns.DNSKEY{e.key}, e.at); err != nil {
			t.Fatal(err)
		}
	}
	if v.Validated != 3 || v.Verified != 1 {
		t.Errorf("Validated %d RRsets by %d signatures, want 3 by 1", v.Validated, v.Verified)
	}
	if _, err := v.RRset(e.set, e.zone, []*dns.DNSKEY{e.key}, time.Unix(int64(e.sig.Expiration)+1, 0)); err == nil {
		t.Error("An expired signature is valid because it was once")
	}
	e.sig.OrigTtl++
	if _, err := v.RRset(e.set, e.zone, []*dns.DNSKEY{e.key}, e.at); err == nil {
		t.Error("A signature over something else is valid because it was once")
	}
}
