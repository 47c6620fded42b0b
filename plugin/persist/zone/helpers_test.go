package zone_test

import (
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// standard is the configuration of the tests: the defaults of the Corefile.
func standard() zone.Config {
	return zone.Config{
		Origin:   "example.com",
		NS:       []string{"ns1.example.net", "NS2.example.net."},
		TTL:      300,
		Grace:    time.Hour,
		MaxStale: 72 * time.Hour,
	}
}

func newZone(t *testing.T, c zone.Config) *zone.Zone {
	t.Helper()
	z, err := zone.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// book compiles documents that were confirmed at the given instant.
func book(d policytest.Documents, confirmed time.Time) *policy.Book {
	return policy.Compile(nil, d.Snapshot(1, confirmed), policy.Brakes{})
}

// texts are what is published of the grants at example.com.
func texts(z *zone.Zone, b *policy.Book, at time.Time) []string {
	published := z.Records(b, b.Lookup("example.com"), at).Published
	list := make([]string, 0, len(published))
	for _, p := range published {
		list = append(list, p.Text)
	}
	return list
}

// until is the persistUntil of the one record at example.com, zero if there is
// no record.
func until(t *testing.T, z *zone.Zone, b *policy.Book, at time.Time) time.Time {
	t.Helper()
	published := z.Records(b, b.Lookup("example.com"), at).Published
	if len(published) > 1 {
		t.Fatalf("Expected one record at most, got %v", published)
	}
	if len(published) == 0 {
		return time.Time{}
	}
	return published[0].Record.Until
}
