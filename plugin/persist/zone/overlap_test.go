package zone_test

import (
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
)

// overlapping has a former account until an instant.
func overlapping(until string) policytest.Documents {
	return policytest.Standard().Account(`"overlap": {"until": "` + until + `", "account_uri": "https://ca.example/acct/7"}, "domains": {"example.com": {}}`)
}

// Records say until when they hold, and the end of an overlap is among it: between
// two rotations, and at the same instant as one.
func TestRecordsHoldUntilAnOverlapEnds(t *testing.T) {
	z := newZone(t, standard())
	for _, end := range []string{"2026-11-25T15:20:00Z", "2026-11-26T00:00:00Z"} {
		ends, b := parse(t, end), book(overlapping(end), noon)
		before := z.Records(b, b.Lookup("example.com"), noon)
		if len(before.Published) != 2 || before.Ends.After(ends) {
			t.Errorf("Expected two records that hold until %s, got %d until %v", end, len(before.Published), before.Ends)
		}
		if last := z.Records(b, b.Lookup("example.com"), ends.Add(-time.Nanosecond)); len(last.Published) != 2 || !last.Ends.Equal(ends) {
			t.Errorf("Expected two records until %s and no longer, got %d until %v", end, len(last.Published), last.Ends)
		}
		if after := z.Records(b, b.Lookup("example.com"), ends); len(after.Published) != 1 || !after.Ends.After(ends) {
			t.Errorf("Expected one record from %s on, got %d until %v", end, len(after.Published), after.Ends)
		}
	}
}

// A freeze, which has persistUntil stand still, prolongs no overlap.
func TestAnOverlapEndsUnderAFreezeToo(t *testing.T) {
	z := newZone(t, standard())
	b := policy.Compile(nil, overlapping("2026-11-25T15:20:00Z").Snapshot(1, noon), policy.Brakes{Freeze: noon})
	if before, after := texts(z, b, noon), texts(z, b, parse(t, "2026-11-25T15:20:00Z")); len(before) != 2 || len(after) != 1 {
		t.Errorf("Expected two records and then one, got %q and %q", before, after)
	}
}

// What is foreseen is what a server will say whose store has answered until then.
func TestWhatIsForeseenComes(t *testing.T) {
	z, early := newZone(t, standard()), book(overlapping("2026-12-20T00:00:00Z"), noon)
	counts := map[int]bool{}
	for days := range 40 {
		at := noon.AddDate(0, 0, days)
		then := book(overlapping("2026-12-20T00:00:00Z"), at)
		want := texts(z, then, at)
		foreseen := z.Foresee(early, early.Lookup("example.com"), at)
		if len(want) == 0 || len(foreseen.Published) != len(want) {
			t.Fatalf("At %v: expected %q, got %v", at, want, foreseen.Published)
		}
		for i, text := range want {
			if foreseen.Published[i].Text != text {
				t.Errorf("At %v: expected %q, got %q", at, text, foreseen.Published[i].Text)
			}
		}
		counts[len(want)] = true
	}
	if len(counts) != 2 {
		t.Errorf("Expected the overlap to end among the days, got %v records", counts)
	}
}
