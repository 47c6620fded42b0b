package zone_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// noon is when the documents of these tests are confirmed.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// What is left lies in [floor, floor+step) and T is a multiple of the step: the
// definition, held against instants at random and at the boundaries.
func TestRotateLeavesAtLeastFloorAndLessThanFloorAndStep(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 10_000 {
		floor := time.Duration(1+random.IntN(365*24)) * time.Hour
		step := time.Duration(3600+random.IntN(30*86400)) * time.Second
		at := time.Unix(random.Int64N(8_000_000_000)-1_000_000_000, random.Int64N(1e9))
		if random.IntN(2) == 0 { // on a boundary
			at = time.Unix(at.Unix()/int64(step/time.Second)*int64(step/time.Second), 0).Add(-floor)
		}
		got := zone.Rotate(at, floor, step)
		left := got.Sub(at)
		if left < floor || left >= floor+step || got.Unix()%int64(step/time.Second) != 0 || got.Nanosecond() != 0 {
			t.Fatalf("Rotate(%v, %v, %v) = %v leaves %v", at, floor, step, got, left)
		}
	}
}

// Instants far away, as a freeze may have, have room in no count of nanoseconds.
func TestRotateHoldsForEveryInstant(t *testing.T) {
	for at, want := range map[string]string{
		"2262-04-11T00:00:00Z":           "2262-04-15T00:00:00Z",
		"2500-01-01T00:00:00Z":           "2500-01-05T00:00:00Z",
		"2500-01-01T00:00:00.000000001Z": "2500-01-06T00:00:00Z",
		"9999-12-31T23:59:59Z":           "10000-01-05T00:00:00Z",
	} {
		got := zone.Rotate(parse(t, at), 96*time.Hour, 24*time.Hour)
		if got.Format(time.RFC3339) != want {
			t.Errorf("%s: expected %s, got %v", at, want, got)
		}
	}
}

func TestRollingRecordMovesWithTheClock(t *testing.T) {
	z := newZone(t, standard())
	for at, want := range map[string]string{
		"2026-11-25T00:00:00Z": "2026-11-29T00:00:00Z",
		"2026-11-25T00:00:01Z": "2026-11-30T00:00:00Z",
		"2026-11-25T23:59:59Z": "2026-11-30T00:00:00Z",
		"2026-11-26T00:00:00Z": "2026-11-30T00:00:00Z",
		"2026-11-26T00:00:01Z": "2026-12-01T00:00:00Z",
	} {
		instant, wanted := parse(t, at), parse(t, want)
		b := book(policytest.Standard(), instant)
		if got := until(t, z, b, instant); !got.Equal(wanted) {
			t.Errorf("At %s: expected persistUntil %s, got %v", at, want, got)
		}
		text := fmt.Sprintf("ca.example; accounturi=https://ca.example/acct/123; persistUntil=%d", wanted.Unix())
		if got := texts(z, b, instant); len(got) != 1 || got[0] != text {
			t.Errorf("At %s: expected %q, got %q", at, text, got)
		}
	}
}

func parse(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestRotationStandsStillWhenTheStoreFallsSilent(t *testing.T) {
	z, b := newZone(t, standard()), book(policytest.Standard(), noon)
	horizon := noon.Add(time.Hour)
	last := zone.Rotate(horizon, 96*time.Hour, 24*time.Hour)
	for _, after := range []time.Duration{0, time.Hour, 12*time.Hour + time.Second, 40 * time.Hour, 72*time.Hour - time.Second} {
		if got := until(t, z, b, noon.Add(after)); !got.Equal(last) {
			t.Errorf("%v after the last confirmation: expected persistUntil %v, got %v", after, last, got)
		}
	}
	r := z.Records(b, b.Lookup("example.com"), noon.Add(72*time.Hour))
	if !r.Stale || len(r.Published) != 0 {
		t.Errorf("Expected nothing to be known after max_stale, got %+v", r)
	}
}

// With a short floor max_stale is not what ends a rolling grant: its last
// persistUntil is, less the TTL and the skew of clocks.
func TestShortFloorIsStaleBeforeItsRecordEnds(t *testing.T) {
	z := newZone(t, standard())
	b := book(policytest.Standard().Account(`"domains": {"example.com": {"until": {"floor": "2h", "step": "1h"}}}`), noon)
	end := noon.Add(3*time.Hour - 300*time.Second - zone.Skew) // floor + grace − TTL − skew
	if r := z.Records(b, b.Lookup("example.com"), end.Add(-time.Second)); r.Stale || len(r.Published) != 1 {
		t.Errorf("Expected the record to be served to the end, got %+v", r)
	}
	if r := z.Records(b, b.Lookup("example.com"), end); !r.Stale {
		t.Errorf("Expected nothing to be known from %v on, got %+v", end, r)
	}
}

func TestFixedAndEndlessGrantsAreServedUntilTheStoreIsStale(t *testing.T) {
	z := newZone(t, standard())
	issuer := policytest.Documents{"issuers/ca": `{"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://ca.example/acct/", "allow_none": true}`}
	fixed := parse(t, "2026-12-24T00:00:00Z")
	for member, want := range map[string]time.Time{`"none"`: {}, `"2026-12-24T00:00:00Z"`: fixed} {
		b := book(policytest.Standard().With(issuer).Account(`"domains": {"example.com": {"until": `+member+`}}`), noon)
		for _, after := range []time.Duration{0, 72*time.Hour - time.Second} {
			r := z.Records(b, b.Lookup("example.com"), noon.Add(after))
			if len(r.Published) != 1 || !r.Published[0].Record.Until.Equal(want) || !r.NotAfter.Equal(want) {
				t.Errorf("%s after %v: expected persistUntil %v, got %+v", member, after, want, r)
			}
		}
		if r := z.Records(b, b.Lookup("example.com"), noon.Add(72*time.Hour)); !r.Stale {
			t.Errorf("%s: expected nothing to be known after max_stale", member)
		}
	}
}

func TestRecordLeavesBeforeACopyOutlivesIt(t *testing.T) {
	z := newZone(t, standard())
	end := noon.Add(24 * time.Hour)
	b := book(policytest.Standard().Account(fmt.Sprintf(`"domains": {"example.com": {"until": %d}}`, end.Unix())), noon)
	leaves := end.Add(-300*time.Second - zone.Skew)
	before := z.Records(b, b.Lookup("example.com"), leaves.Add(-time.Nanosecond))
	if len(before.Published) != 1 || !before.Ends.Equal(leaves) {
		t.Errorf("Expected the record to be served until %v, got %+v", leaves, before)
	}
	if after := z.Records(b, b.Lookup("example.com"), leaves); len(after.Published) != 0 || after.Stale {
		t.Errorf("Expected the record to be gone, and known to be, from %v on, got %+v", leaves, after)
	}
}

func TestGrantWaitsForItsBeginning(t *testing.T) {
	z := newZone(t, standard())
	begin := noon.Add(2 * time.Hour)
	b := book(policytest.Standard().Account(`"domains": {"example.com": {"not_before": "`+begin.Format(time.RFC3339)+`"}}`), noon)
	before := z.Records(b, b.Lookup("example.com"), begin.Add(-time.Second))
	if len(before.Published) != 0 || before.Stale || !before.Ends.Equal(begin) {
		t.Errorf("Expected no record until %v, got %+v", begin, before)
	}
	if got := z.Records(b, b.Lookup("example.com"), begin); len(got.Published) != 1 {
		t.Errorf("Expected a record from %v on, got %+v", begin, got)
	}
}

func TestFreezeCapsEveryGrant(t *testing.T) {
	z := newZone(t, standard())
	freeze := noon.Add(2 * time.Hour)
	capped := zone.Rotate(freeze, 96*time.Hour, 24*time.Hour)
	issuer := policytest.Documents{
		"issuers/ca": `{"issuer_domain_names": "ca.example", "account_uri_prefixes": "https://ca.example/acct/", "allow_none": true}`,
		"control":    `{"freeze_at": "` + freeze.Format(time.RFC3339) + `"}`,
	}
	early := parse(t, "2026-11-27T00:00:00Z")
	for member, want := range map[string]time.Time{
		`{}`:                                capped,
		`{"until": "none"}`:                 capped,
		`{"until": "2026-12-24T00:00:00Z"}`: capped,
		`{"until": "2026-11-27T00:00:00Z"}`: early,
	} {
		d := policytest.Standard().With(issuer).Account(`"domains": {"example.com": ` + member + `}`)
		if got := until(t, z, book(d, noon), noon.Add(time.Minute)); !got.Equal(want) {
			t.Errorf("%s: expected persistUntil %v, got %v", member, want, got)
		}
		later := capped.Add(-24 * time.Hour)
		if got := until(t, z, book(d, later), later); want.Equal(capped) && !got.Equal(capped) {
			t.Errorf("%s: expected rotation to stand still at %v, got %v", member, capped, got)
		}
		if got := until(t, z, book(d, capped), capped); !got.IsZero() {
			t.Errorf("%s: expected the record to have died by itself, got persistUntil %v", member, got)
		}
	}
}

func TestRotationWaitsForTheStoresClock(t *testing.T) {
	z := newZone(t, standard())
	s := policytest.Standard().Snapshot(1, noon)
	s.Date, s.DateAt = noon.Add(-13*time.Hour), noon // this clock runs 13 hours ahead
	b := policy.Compile(nil, s, policy.Brakes{})
	want := zone.Rotate(noon.Add(-13*time.Hour).Add(zone.Skew), 96*time.Hour, 24*time.Hour)
	if got := until(t, z, b, b.Clock(noon)); !got.Equal(want) || want.Equal(zone.Rotate(noon, 96*time.Hour, 24*time.Hour)) {
		t.Errorf("Expected the store's clock to hold persistUntil at %v, got %v", want, got)
	}
}

// Records say how long they hold. Between one end and the next nothing may
// change, and at no instant may a record promise less than its TTL.
func TestRecordsHoldUntilTheyEnd(t *testing.T) {
	z := newZone(t, standard())
	random := rand.New(rand.NewPCG(1, 2))
	d := policytest.Standard().With(policytest.Documents{
		"control":           `{"freeze_at": "2026-12-05T01:02:03Z"}`,
		"accounts/web/ca/b": `{"account_uri": "https://ca.example/acct/9", "domains": {"example.com": {"until": "2026-11-28T03:04:05Z", "not_before": "2026-11-26T07:08:09Z"}}}`,
		"accounts/web/ca/c": `{"account_uri": "https://ca.example/acct/10", "domains": {"example.com": {"until": {"floor": "5h", "step": "1h"}}}}`,
	})
	for at := noon; at.Before(noon.Add(20 * 24 * time.Hour)); at = at.Add(time.Duration(random.IntN(7200)) * time.Second) {
		b := book(d, at.Add(-time.Duration(random.IntN(7200))*time.Second))
		r := z.Records(b, b.Lookup("example.com"), at)
		if !r.Ends.After(at) && !r.Stale {
			t.Fatalf("At %v: records end at %v already", at, r.Ends)
		}
		for _, p := range r.Published {
			if left := p.Record.Until.Sub(at); left < 300*time.Second {
				t.Fatalf("At %v: %q promises only %v", at, p.Text, left)
			}
		}
		within := at.Add(time.Duration(random.Int64N(int64(r.Ends.Sub(at)))))
		if got, want := texts(z, b, within), texts(z, b, at); !r.Held && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("Records of %v are said to hold until %v, and at %v they are\n%q, not\n%q", at, r.Ends, within, got, want)
		}
	}
}

func TestOnlyFreshDocumentsAreServed(t *testing.T) {
	z := newZone(t, standard())
	s := policytest.Standard().With(policytest.Documents{
		"accounts/web/ca/b": `{"account_uri": "https://ca.example/acct/9", "domains": "example.com"}`,
	}).Snapshot(1, noon)
	for i := range s.Documents {
		if s.Documents[i].Path == "accounts/web/ca/b" {
			s.Documents[i].Confirmed = noon.Add(-100 * time.Hour)
		}
	}
	b := policy.Compile(nil, s, policy.Brakes{})
	r := z.Records(b, b.Lookup("example.com"), noon)
	if r.Stale || len(r.Published) != 1 || r.Published[0].Grant.Account != "a" {
		t.Errorf("Expected the record of the fresh document alone, got %+v", r)
	}
}

// In a chained zone every rolling record moves at one instant of its step, which
// differs from zone to zone, and what is left is bounded as anywhere else.
func TestChainedZonesRotateAtTheirOwnInstant(t *testing.T) {
	const floor, step = 96 * time.Hour, 24 * time.Hour
	moves := map[time.Duration]bool{}
	for i := range 20 {
		c := standard()
		c.Origin, c.Chained = fmt.Sprintf("d%d.example.", i), true
		z := newZone(t, c)
		for at := noon; at.Before(noon.Add(48 * time.Hour)); at = at.Add(7 * time.Minute) {
			if left := z.Rotate(at, floor, step).Sub(at); left < floor || left >= floor+step {
				t.Fatalf("In %s at %v %v are left", c.Origin, at, left)
			}
		}
		moves[z.Rotate(noon, floor, step).Sub(noon)] = true
	}
	if len(moves) < 15 {
		t.Errorf("Expected rotation to be spread over the zones, got %d instants in 20", len(moves))
	}
}
