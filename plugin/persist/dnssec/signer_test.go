package dnssec

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestServersWithOneDocumentGiveTheSameOctets(t *testing.T) {
	set := rrs(t, "a.persist.example. 300 IN TXT a", "a.persist.example. 300 IN TXT b")
	turned := rrs(t, "a.persist.example. 300 IN TXT b", "A.persist.example. 300 IN TXT a", "a.persist.example. 300 IN TXT a")
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		one, other := testKeys(t, algorithm, nil), testKeys(t, algorithm, nil)
		from, until := one.Window("a.persist.example.", dns.TypeTXT, start)
		a, b := mustSign(t, one, set, from), mustSign(t, other, turned, until.Add(-time.Second))
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("Two servers differ:\n%s", diff)
		}
	}
}

func TestGoroutinesSignAtOnce(t *testing.T) {
	k := testKeys(t, dns.ECDSAP256SHA256, nil)
	set := rrs(t, "a.persist.example. 300 IN TXT a")
	signatures := make([]Signature, 8)
	var wg sync.WaitGroup
	for i := range signatures {
		wg.Go(func() { signatures[i], _ = k.Sign(set, origin, start, time.Time{}) })
	}
	wg.Wait()
	for _, s := range signatures {
		if len(s.RRSIG) != 1 || s.RRSIG[0].String() != mustSign(t, k, set, start).RRSIG[0].String() {
			t.Errorf("Signature is %v", s.RRSIG)
		}
	}
}

func TestSignatureNamesWhatItCovers(t *testing.T) {
	k := testKeys(t, dns.ECDSAP256SHA256, nil)
	s, err := k.Sign(rrs(t, "a.persist.example. 300 IN TXT a"), "Persist.EXAMPLE.", start, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	got := *s.RRSIG[0].(*dns.RRSIG)
	want := dns.RRSIG{
		Hdr:         dns.RR_Header{Name: "a.persist.example.", Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: 300},
		TypeCovered: dns.TypeTXT,
		Algorithm:   13,
		Labels:      3,
		OrigTtl:     300,
		Expiration:  got.Inception + 72*3600,
		Inception:   uint32(s.From.Unix() - 3600),
		KeyTag:      k.zsk(0).tag,
		SignerName:  "persist.example.",
		Signature:   got.Signature,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNotAfterEndsASignatureEarly(t *testing.T) {
	k := testKeys(t, dns.ED25519, nil)
	set := rrs(t, "a.persist.example. 300 IN TXT a")
	full := mustSign(t, k, set, start)
	for _, tt := range []struct {
		name     string
		notAfter time.Time
		until    time.Time // zero: an error
		expires  time.Time
	}{
		{"far away", start.AddDate(0, 0, 30), full.Until, full.From.Add(71 * time.Hour)},
		{"within twelve hours", start.Add(2 * time.Hour), start.Add(2*time.Hour - 300*time.Second), start.Add(2 * time.Hour)},
		{"between two seconds", start.Add(time.Hour + time.Second/2), start.Add(time.Hour - 300*time.Second), start.Add(time.Hour)},
		{"a second more than the TTL", start.Add(301 * time.Second), start.Add(time.Second), start.Add(301 * time.Second)},
		{"one TTL", start.Add(300 * time.Second), time.Time{}, time.Time{}},
		{"in the past", start.Add(-time.Hour), time.Time{}, time.Time{}},
	} {
		s, err := k.Sign(set, origin, start, tt.notAfter)
		if tt.until.IsZero() {
			if err == nil || !strings.Contains(err.Error(), "TTL of 300 s") {
				t.Errorf("%s: Error is %v, want one about the TTL", tt.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if expires := s.RRSIG[0].(*dns.RRSIG).Expiration; !s.Until.Equal(tt.until) || int64(expires) != tt.expires.Unix() {
			t.Errorf("%s: Served until %s and expires at %s, want %s and %s", tt.name, s.Until, dns.TimeToString(expires), tt.until, tt.expires)
		}
	}
}

func TestRRsetsThatTheKeysDoNotProvideForAreRefused(t *testing.T) {
	k := testKeys(t, dns.ED25519, nil)
	for line, want := range map[string]string{
		"a.example. 300 IN TXT a":                       "outside of the zone persist.example.",
		"notpersist.example. 300 IN TXT a":              "outside of the zone",
		"a.persist.example. 3601 IN TXT a":              "TTL of 3601 s",
		"persist.example. 3601 IN DNSKEY 257 3 15 AA==": "TTL of 3601 s",
	} {
		if _, err := k.Sign(rrs(t, line), origin, start, time.Time{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Error is %v, want one about %q", line, err, want)
		}
	}
	if _, err := k.Sign(rrs(t, "a.persist.example. 300 IN TXT a"), "a..", start, time.Time{}); err == nil {
		t.Error("A signer that is no name was accepted")
	}
}

func TestBeforeTheFirstKSKIsActiveTheDNSKEYRRsetIsNotSigned(t *testing.T) {
	k := testKeys(t, dns.ED25519, nil)
	set, _ := k.DNSKEY(origin, start.Add(-time.Second))
	if _, err := k.Sign(set, origin, start.Add(-time.Second), time.Time{}); err == nil || !strings.Contains(err.Error(), "no key that signs it is active") {
		t.Errorf("Error is %v", err)
	}
	if _, err := k.Sign(rrs(t, "a.persist.example. 300 IN TXT a"), origin, start.Add(-1000*time.Hour), time.Time{}); err != nil {
		t.Errorf("Data could not be signed by the first ZSK: %v", err)
	}
}
