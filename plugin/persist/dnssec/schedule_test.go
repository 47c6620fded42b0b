package dnssec

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const day = 24 * time.Hour

// cached is how far the instants as of which a validator got a signature and the
// DNSKEY RRset may lie apart: the longer of the TTLs, a day by which one of the
// servers lags, and clocks that differ.
const cached = time.Hour + day + 10*time.Minute

// rolling has two KSKs, the second of which replaces the first in a year.
func rolling(tb testing.TB) *KeySet {
	tb.Helper()
	return testKeys(tb, dns.ECDSAP256SHA256, func(d *document) {
		d.KSKs[0].Retire, d.KSKs[0].Remove = instant(start.Add(375*day)), instant(start.Add(380*day))
		d.KSKs = append(d.KSKs, kskSeed{
			Seed:    testSeed(tb, 50),
			Publish: instant(start.Add(360 * day)),
			Active:  instant(start.Add(365 * day)),
		})
	})
}

// reseeded has two seeds of ZSKs, the second of which takes over in the middle
// of an epoch of the first, and longer lives.
func reseeded(tb testing.TB) *KeySet {
	tb.Helper()
	return testKeys(tb, dns.ECDSAP256SHA256, func(d *document) {
		d.ZSKs = append(d.ZSKs, zskSeed{
			Seed:     testSeed(tb, 60),
			Start:    instant(start.Add(300*day + 7*time.Hour)),
			Lifetime: hours(40 * day),
			Epoch:    11,
		})
	})
}

// A model of resolvers that keep the signature and the keys for their TTL, over
// ten years: whatever they hold together validates.
func TestForTenYearsEverySignatureFindsItsKeyInEveryCache(t *testing.T) {
	for _, k := range []*KeySet{rolling(t), reseeded(t)} {
		rng := rand.New(random(2))
		for at := start.Add(-10 * day); at.Before(start.AddDate(10, 0, 0)); at = at.Add(time.Duration(rng.Int64N(int64(3 * day)))) {
			checkCached(t, k, fmt.Sprintf("n%d.persist.example. %d IN TXT a", rng.IntN(1000), MaxTTL), at)
		}
	}
}

func TestAtEveryRollTheKeyIsInEveryCache(t *testing.T) {
	checkRolls(t, rolling(t))
	checkRolls(t, reseeded(t))
}

func checkRolls(t *testing.T, k *KeySet) {
	t.Helper()
	for epoch := range int64(125) {
		begin := k.zsks.begins(epoch)
		for owner := range 2 {
			line := fmt.Sprintf("n%d.persist.example. %d IN TXT a", owner, MaxTTL)
			for _, at := range []time.Time{begin.Add(-1), begin, begin.Add(k.window() - 1), begin.Add(k.window())} {
				checkCached(t, k, line, at)
			}
			first, last := k.Window(fmt.Sprintf("n%d.persist.example.", owner), dns.TypeTXT, begin)
			checkCached(t, k, line, first)
			checkCached(t, k, line, last.Add(-1))
			checkCached(t, k, line, last)
		}
	}
}

// checkCached checks that the key of the signature served at the instant at is
// in every DNSKEY RRset that a cache may hold beside it.
func checkCached(t *testing.T, k *KeySet, line string, at time.Time) {
	t.Helper()
	sig := mustSign(t, k, rrs(t, line), at).RRSIG[0].(*dns.RRSIG)
	for fetched := at.Add(-cached); !fetched.After(at.Add(cached)); {
		keyOf(t, k, sig, fetched)
		_, changes := k.DNSKEY(origin, fetched)
		if !changes.After(fetched) {
			t.Fatalf("At %s the DNSKEY RRset changes at %s", fetched, changes)
		}
		fetched = changes
	}
}

func TestForTenYearsTheDNSKEYRRsetIsSmallSignedAndUnambiguous(t *testing.T) {
	k := rolling(t)
	rng := rand.New(random(3))
	for at := start; at.Before(start.AddDate(10, 0, 0)); at = at.Add(time.Duration(rng.Int64N(int64(4 * day)))) {
		set, changes := k.DNSKEY(origin, at)
		if len(set) < 2 || len(set) > 4 {
			t.Errorf("At %s there are %d DNSKEY records", at, len(set))
		}
		tags := map[uint16]bool{}
		for i, rr := range set {
			key := *rr.(*dns.DNSKEY)
			tag := key.KeyTag()
			key.Flags |= dns.REVOKE
			for _, tag := range []uint16{tag, key.KeyTag()} {
				if tag == 0 || tags[tag] {
					t.Errorf("At %s key tag %d is ambiguous", at, tag)
				}
				tags[tag] = true
			}
			if i > 0 && !dns.IsDuplicate(canonicalOrder(t, set)[i], rr) {
				t.Errorf("At %s the DNSKEY RRset is not sorted", at)
			}
		}
		verifyAll(t, k, set, at)
		if same, _ := k.DNSKEY(origin, changes.Add(-1)); cmp.Diff(set, same) != "" {
			t.Errorf("Between %s and %s the DNSKEY RRset changes", at, changes)
		}
		if next, _ := k.DNSKEY(origin, changes); cmp.Diff(set, next) == "" {
			t.Errorf("At %s the DNSKEY RRset does not change", changes)
		}
	}
}

// canonicalOrder sorts an RRset by what miekg/dns puts on the wire.
func canonicalOrder(tb testing.TB, set []dns.RR) []dns.RR {
	tb.Helper()
	sorted := make([]dns.RR, len(set))
	for _, rr := range set {
		place := 0
		for _, other := range set {
			if string(wireOf(tb, other)) < string(wireOf(tb, rr)) {
				place++
			}
		}
		sorted[place] = rr
	}
	return sorted
}

func wireOf(tb testing.TB, rr dns.RR) []byte {
	tb.Helper()
	wire := make([]byte, dns.Len(rr))
	n, err := dns.PackRR(dns.Copy(rr), wire, 0, nil, false)
	if err != nil {
		tb.Fatal(err)
	}
	return wire[:n]
}

func verifyAll(t *testing.T, k *KeySet, set []dns.RR, at time.Time) {
	t.Helper()
	s := mustSign(t, k, set, at)
	if len(s.RRSIG) == 0 || at.Before(s.From) || !at.Before(s.Until) {
		t.Errorf("At %s there are %d signatures from %s to %s", at, len(s.RRSIG), s.From, s.Until)
	}
	for _, rr := range s.RRSIG {
		sig := rr.(*dns.RRSIG)
		key := keyOf(t, k, sig, at)
		if err := sig.Verify(key, set); err != nil {
			t.Errorf("At %s: %v", at, err)
		}
		if key.Flags&dns.SEP == 0 || !sig.ValidityPeriod(at.Add(13*time.Hour)) {
			t.Errorf("At %s the DNSKEY RRset is signed by a ZSK, or not for long enough", at)
		}
	}
}

func TestAKSKSignsWhileItIsActiveAndStaysUntilRemoved(t *testing.T) {
	k := rolling(t)
	old, young := k.ksks[0].tag, k.ksks[1].tag
	for _, tt := range []struct {
		at        time.Time
		published []uint16
		signs     []uint16
	}{
		{start, []uint16{old}, []uint16{old}},
		{start.Add(360*day - 1), []uint16{old}, []uint16{old}},
		{start.Add(360 * day), []uint16{old, young}, []uint16{old}},
		{start.Add(365*day - 1), []uint16{old, young}, []uint16{old}},
		{start.Add(365 * day), []uint16{old, young}, []uint16{old, young}},
		{start.Add(375*day - 1), []uint16{old, young}, []uint16{old, young}},
		{start.Add(375 * day), []uint16{old, young}, []uint16{young}},
		{start.Add(380*day - 1), []uint16{old, young}, []uint16{young}},
		{start.Add(380 * day), []uint16{young}, []uint16{young}},
	} {
		set, _ := k.DNSKEY(origin, tt.at)
		published := map[uint16]bool{}
		for _, rr := range set {
			if key := rr.(*dns.DNSKEY); key.Flags&dns.SEP != 0 {
				published[key.KeyTag()] = true
			}
		}
		if diff := cmp.Diff(asSet(tt.published), published); diff != "" {
			t.Errorf("Published at %s:\n%s", tt.at, diff)
		}
		s := mustSign(t, k, set, tt.at)
		signs := map[uint16]bool{}
		for _, rr := range s.RRSIG {
			signs[rr.(*dns.RRSIG).KeyTag] = true
		}
		if diff := cmp.Diff(asSet(tt.signs), signs); diff != "" {
			t.Errorf("Signs at %s:\n%s", tt.at, diff)
		}
		ds := map[uint16]bool{}
		for _, rr := range k.DS(origin, tt.at) {
			ds[rr.KeyTag] = true
		}
		if diff := cmp.Diff(asSet(tt.signs), ds); diff != "" {
			t.Errorf("DS at %s:\n%s", tt.at, diff)
		}
		if a, b := mustSign(t, k, set, s.From), mustSign(t, k, set, s.Until.Add(-1)); cmp.Diff(a, s) != "" || cmp.Diff(b, s) != "" {
			t.Errorf("At %s the signature for %s to %s is not the same at both ends", tt.at, s.From, s.Until)
		}
	}
}

func asSet(tags []uint16) map[uint16]bool {
	set := map[uint16]bool{}
	for _, tag := range tags {
		set[tag] = true
	}
	return set
}

// Whatever the document says within its bounds, at most two ZSKs are published
// at once, so that the three classes of key tags suffice.
func TestTheShortestLifetimeIsLongerThanAKeyIsPublishedAroundIt(t *testing.T) {
	k := testKeys(t, dns.ED25519, func(d *document) {
		d.Validity.Data, d.TTL, d.ZSKs[0].Lifetime = mostData, mostTTL, leastLifetime
	})
	for at := start; at.Before(start.Add(100 * day)); at = at.Add(time.Hour) {
		if set, _ := k.DNSKEY(origin, at); len(set) > 3 {
			t.Fatalf("At %s there are %d keys", at, len(set))
		}
	}
}

// Nor do they collide where two seeds follow each other as quickly as they may,
// and the first of them has only just begun.
func TestAtMostThreeZSKsArePublishedWhenASeedFollowsQuickly(t *testing.T) {
	for _, c := range []struct {
		first uint32 // 0: no key was there before
		gap   time.Duration
	}{{4, 0}, {4, time.Hour}, {4, 336*time.Hour - 1*time.Second}, {0, 0}, {0, time.Hour}, {0, 336*time.Hour - 1*time.Second}} {
		k := testKeys(t, dns.ED25519, func(d *document) {
			d.Validity.Data, d.TTL, d.ZSKs[0].Lifetime, d.ZSKs[0].Epoch = mostData, mostTTL, leastLifetime, c.first
			next := zskSeed{Seed: testSeed(t, 60), Start: instant(start.Add(d.apart(d.ZSKs[0]) + c.gap)), Lifetime: leastLifetime}
			next.Epoch = uint32(d.ZSKs[0].epochsBefore(next.Start.time()))
			d.ZSKs = append(d.ZSKs, next)
		})
		most := 0
		for at := start.Add(-day); at.Before(start.Add(100 * day)); at = at.Add(time.Hour) {
			set, _ := k.DNSKEY(origin, at)
			most = max(most, len(set))
			tags := map[uint16]bool{}
			for _, rr := range set {
				tags[rr.(*dns.DNSKEY).KeyTag()] = true
			}
			if len(tags) != len(set) {
				t.Fatalf("At %s two of %d keys share a tag", at, len(set))
			}
		}
		if most > 4 {
			t.Errorf("From epoch %d on, with a gap of %s, there are %d keys at once", c.first, c.gap, most)
		}
	}
}

func TestAHoldStopsTheLivesOfKSKsAndOfNothingElse(t *testing.T) {
	roll := func(hold time.Duration) *KeySet {
		return testKeys(t, dns.ECDSAP256SHA256, func(d *document) {
			d.KSKs[0].Retire, d.KSKs[0].Remove = instant(start.Add(20*day)), instant(start.Add(25*day))
			d.KSKs = append(d.KSKs, kskSeed{
				Seed: testSeed(t, 50), Publish: instant(start.Add(5 * day)), Active: instant(start.Add(6 * day)), CDS: instant(start.Add(10 * day)),
			})
			if hold != 0 {
				d.Hold = instant(start.Add(hold))
			}
		})
	}
	free := roll(0)
	for _, hold := range []time.Duration{2 * day, 5 * day, 6*day - 1*time.Hour, 6 * day, 8 * day, 10 * day, 12 * day, 20 * day, 22 * day, 25 * day, 30 * day} {
		held := roll(hold)
		for at := start; at.Before(start.Add(70 * day)); at = at.Add(6 * time.Hour) {
			still := earlier(at, start.Add(hold))
			if diff := cmp.Diff(kskTags(free, still), kskTags(held, at)); diff != "" {
				t.Fatalf("Held at %v, at %v the KSKs are not those of then: %s", hold, at, diff)
			}
			if diff := cmp.Diff(free.DS(origin, still), held.DS(origin, at)); diff != "" {
				t.Fatalf("Held at %v, at %v the DS is not that of then: %s", hold, at, diff)
			}
			then, _, _ := free.CDS(origin, still)
			if now, _, _ := held.CDS(origin, at); cmp.Diff(then, now) != "" {
				t.Fatalf("Held at %v, at %v CDS is not that of then: %v", hold, at, now)
			}
			keys, changes := held.DNSKEY(origin, at)
			verifyAll(t, held, keys, at)
			if same, _ := held.DNSKEY(origin, changes.Add(-1)); cmp.Diff(keys, same) != "" {
				t.Fatalf("Held at %v, between %s and %s the DNSKEY RRset changes", hold, at, changes)
			}
			checkCached(t, held, fmt.Sprintf("n.persist.example. %d IN TXT a", MaxTTL), at)
		}
	}
}

// kskTags are the tags of the KSKs that are published.
func kskTags(k *KeySet, at time.Time) map[uint16]bool {
	tags := map[uint16]bool{}
	set, _ := k.DNSKEY(origin, at)
	for _, rr := range set {
		if key := rr.(*dns.DNSKEY); key.Flags&dns.SEP != 0 {
			tags[key.KeyTag()] = true
		}
	}
	return tags
}
