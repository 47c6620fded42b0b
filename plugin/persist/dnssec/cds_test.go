package dnssec

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const apex = "persist.example."

// submitting has two KSKs that both sign; the parent shall change from one to
// the other on day 10, when the second has long been in every cache.
func submitting(tb testing.TB, algorithm uint8) *KeySet {
	tb.Helper()
	return testKeys(tb, algorithm, func(d *document) {
		d.KSKs[0].Retire, d.KSKs[0].Remove = instant(start.Add(20*day)), instant(start.Add(20*day))
		d.KSKs = append(d.KSKs, kskSeed{
			Seed:    testSeed(tb, 50),
			Publish: instant(start.Add(9 * day)),
			Active:  instant(start.Add(9 * day)),
			CDS:     instant(start.Add(10 * day)),
		})
	})
}

// A parent that obeys RFC 7344 section 4.1 takes a CDS RRset only if it names a
// key of the DNSKEY RRset which signs that, and it agrees with CDNSKEY.
func TestTheParentIsToldOfExactlyOneKeyThatSigns(t *testing.T) {
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		k := submitting(t, algorithm)
		for at := start; at.Before(start.Add(30 * day)); at = at.Add(6 * time.Hour) {
			cds, cdnskey, _ := k.CDS(apex, at)
			if len(cds) != 1 || len(cdnskey) != 1 {
				t.Fatalf("At %v: expected one CDS and one CDNSKEY, got %v and %v", at, cds, cdnskey)
			}
			wanted := &dns.DNSKEY{
				Hdr: dns.RR_Header{Name: apex}, Flags: 257, Protocol: 3, Algorithm: algorithm,
				PublicKey: cdnskey[0].(*dns.CDNSKEY).PublicKey,
			}
			if ds := wanted.ToDS(dns.SHA256); ds.Digest != cds[0].(*dns.CDS).Digest {
				t.Errorf("At %v: CDS and CDNSKEY differ: %v, %v", at, cds, cdnskey)
			}
			if !signsKeys(t, k, wanted.KeyTag(), at) {
				t.Errorf("At %v: the DNSKEY RRset is not signed by the key that CDS names, %d", at, wanted.KeyTag())
			}
		}
	}
}

// signsKeys reports whether the key with the tag signs the DNSKEY RRset.
func signsKeys(t *testing.T, k *KeySet, tag uint16, at time.Time) bool {
	t.Helper()
	rrset, _ := k.DNSKEY(apex, at)
	s, err := k.Sign(rrset, apex, at, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rr := range s.RRSIG {
		if rr.(*dns.RRSIG).KeyTag == tag {
			return true
		}
	}
	return false
}

// RFC 8078 section 4 gives the two records in full.
func TestTheParentIsToldToRemoveItsDSOnceTheZoneGoesInsecure(t *testing.T) {
	insecure := start.Add(12 * day)
	k := testKeys(t, dns.ECDSAP256SHA256, func(d *document) { d.Insecure = instant(insecure) })
	want := rrs(t, apex+" 3600 IN CDS 0 0 0 00", apex+" 3600 IN CDNSKEY 0 3 0 AA==")
	cds, _, changes := k.CDS(apex, insecure.Add(-1))
	if cds[0].(*dns.CDS).KeyTag != k.ksks[0].tag || !changes.Equal(insecure) {
		t.Errorf("Before: expected the CDS of the key, up to %v, got %v up to %v", insecure, cds, changes)
	}
	for _, at := range []time.Time{insecure, insecure.Add(100 * day)} {
		cds, cdnskey, _ := k.CDS(apex, at)
		if diff := cmp.Diff(want, append(cds, cdnskey...)); diff != "" {
			t.Errorf("At %v: %s", at, diff)
		}
		for _, set := range [][]dns.RR{cds, cdnskey} {
			verifyAll(t, k, set, at)
		}
	}
}

func TestTheParentIsToldOfTheNewKeyFromItsInstantOn(t *testing.T) {
	k := submitting(t, dns.ECDSAP256SHA256)
	for _, c := range []struct {
		at      time.Time
		key     int
		changes time.Time
	}{
		{start.Add(9*day + time.Hour), 0, start.Add(10 * day)},
		{start.Add(10*day - 1), 0, start.Add(10 * day)},
		{start.Add(10 * day), 1, start.Add(20 * day)},
		{start.Add(19 * day), 1, start.Add(20 * day)},
		{start.Add(20 * day), 1, start.Add(20*day + k.keyValidity)},
	} {
		cds, _, changes := k.CDS(apex, c.at)
		if got := cds[0].(*dns.CDS).KeyTag; got != k.ksks[c.key].tag {
			t.Errorf("At %v: expected the tag of KSK %d, got %d", c.at, c.key, got)
		}
		if diff := cmp.Diff(c.changes, changes); diff != "" {
			t.Errorf("At %v: the next change differs: %s", c.at, diff)
		}
	}
}
