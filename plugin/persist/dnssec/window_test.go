package dnssec

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Instants on both sides of where 32-bit times and the Unix epoch wrap.
var eras = []time.Time{
	time.Date(1903, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Unix(0, 0),
	start,
	time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
	time.Date(2106, 2, 7, 6, 28, 16, 0, time.UTC),
	time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC),
}

func TestASignatureIsServedWhileTwelveHoursAreLeft(t *testing.T) {
	rng := rand.New(random(1))
	for _, data := range []hours{leastValidity, defaultData, mostData} {
		k := testKeys(t, dns.ED25519, func(d *document) { d.Validity.Data = data })
		for _, era := range eras {
			for range 20 {
				at := era.Add(time.Duration(rng.Int64N(int64(30*24*time.Hour))) - 15*24*time.Hour)
				set := rrs(t, fmt.Sprintf("n%d.persist.example. %d IN TXT a", rng.IntN(1e6), rng.IntN(MaxTTL+1)))
				checkWindow(t, k, set, at, time.Duration(data))
			}
		}
	}
}

func checkWindow(t *testing.T, k *KeySet, set []dns.RR, at time.Time, validity time.Duration) {
	t.Helper()
	s := mustSign(t, k, set, at)
	sig := s.RRSIG[0].(*dns.RRSIG)
	from, until := k.Window(set[0].Header().Name, set[0].Header().Rrtype, at)
	if at.Before(s.From) || !at.Before(s.Until) || !s.From.Equal(from) || !s.Until.Equal(until) {
		t.Fatalf("At %s the signature is for %s to %s in a window of %s to %s", at, s.From, s.Until, from, until)
	}
	if got := time.Duration(sig.Expiration-sig.Inception) * time.Second; got != validity {
		t.Errorf("At %s the signature is valid for %s, want %s", at, got, validity)
	}
	for _, when := range []time.Time{s.From.Add(-time.Hour), at, s.Until.Add(12 * time.Hour)} {
		if !valid(sig, when) {
			t.Errorf("The signature for %s to %s, valid from %s to %s, is not valid at %s", s.From, s.Until,
				dns.TimeToString(sig.Inception), dns.TimeToString(sig.Expiration), when)
		}
	}
	if next, _ := k.Window(set[0].Header().Name, set[0].Header().Rrtype, until); !next.Equal(until) {
		t.Errorf("The window after the one until %s begins at %s", until, next)
	}
	again := mustSign(t, k, set, until.Add(-1))
	if again.RRSIG[0].String() != sig.String() {
		t.Errorf("Within one window there are the signatures\n%s\n%s", sig, again.RRSIG[0])
	}
	if mustSign(t, k, set, until).RRSIG[0].String() == sig.String() {
		t.Errorf("The next window has the same signature\n%s", sig)
	}
}

// valid compares 32-bit times by serial number arithmetic (RFC 1982), as RFC
// 4034 section 3.1.5 wants it. Where miekg/dns does so too it has to agree.
func valid(sig *dns.RRSIG, at time.Time) bool {
	now := uint32(at.Unix())
	inside := int32(now-sig.Inception) >= 0 && int32(sig.Expiration-now) >= 0
	wrapped := at.Unix() != int64(now) || sig.Expiration < sig.Inception
	return inside && (wrapped || sig.ValidityPeriod(at))
}

func TestWindowsOfAZoneBeginAtDifferentTimes(t *testing.T) {
	k := testKeys(t, dns.ED25519, nil)
	const owners, bins = 1000, 12
	var count [bins]int
	for i := range owners {
		begin, end := k.Window(fmt.Sprintf("n%d.persist.example.", i), dns.TypeTXT, start)
		count[int(start.Sub(begin)*bins/end.Sub(begin))]++
	}
	for i, n := range count {
		if n < owners/bins/2 || n > owners/bins*2 {
			t.Errorf("%d of %d windows are %d twelfths old, want about %d", n, owners, i, owners/bins)
		}
	}
}

func TestWindowDependsOnOwnerAndTypeButNotOnCase(t *testing.T) {
	k := testKeys(t, dns.ED25519, nil)
	window := func(owner string, rrtype uint16) time.Time {
		from, _ := k.Window(owner, rrtype, start)
		return from
	}
	base := window("a.persist.example.", dns.TypeTXT)
	if !window("A.Persist.EXAMPLE.", dns.TypeTXT).Equal(base) {
		t.Error("Case moves the window")
	}
	if window("b.persist.example.", dns.TypeTXT).Equal(base) || window("a.persist.example.", dns.TypeNSEC).Equal(base) {
		t.Error("Owner or type do not move the window")
	}
}
