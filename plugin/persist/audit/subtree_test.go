package audit_test

import (
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/audit"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// Nobody can list the names of a subtree, so a line is about all of them. That of
// a prefix shows the record of its first address.
func TestSubtreesAndPrefixesAreTheLineOfTheirGrant(t *testing.T) {
	at := policytest.Read
	origins := []string{"example.com", "2.0.192.in-addr.arpa"}
	zones := make([]*zone.Zone, len(origins))
	for i, origin := range origins {
		z, err := zone.New(zone.Config{Origin: origin, NS: []string{"ns1.example.net"}, TTL: 300, Grace: time.Hour, MaxStale: 72 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		zones[i] = z
	}
	var said []audit.Line
	l := audit.NewLedger(func(line audit.Line) { said = append(said, line) })
	v := audit.NewView("store", zones, func(fqdn record.FQDN) *zone.Zone {
		for _, z := range zones {
			if _, ok := z.Owner(fqdn); ok {
				return z
			}
		}
		return nil
	}, nil)
	d := policytest.Standard().With(policytest.Documents{"teams/web": `{"domains": ["example.com", "192.0.2.0/24"], "issuers": ["ca"], "subtree": true}`})
	var b *policy.Book
	for i, step := range []struct {
		domains string
		want    map[record.FQDN]audit.Event
	}{
		{`"dev.example.com": {"subtree": true}, "192.0.2.0/24": {}`, map[record.FQDN]audit.Event{"dev.example.com": audit.Serving, "2.0.192.in-addr.arpa": audit.Serving}},
		{`"dev.example.com": {}, "192.0.2.0/24": {}`, map[record.FQDN]audit.Event{"dev.example.com": audit.Altered}},
		{`"dev.example.com": {"subtree": true}`, map[record.FQDN]audit.Event{"dev.example.com": audit.Altered, "2.0.192.in-addr.arpa": audit.Removed}},
	} {
		said = nil
		b = policy.Compile(b, d.Account(`"domains": {`+step.domains+`}`).Snapshot(i+1, at), policy.Brakes{})
		l.Take(v, b, at)
		got := map[record.FQDN]audit.Line{}
		for _, line := range said {
			for _, name := range append(line.Names, line.Name) {
				if name != "" {
					got[name] = line
				}
			}
		}
		if len(got) != len(step.want) {
			t.Errorf("Step %d: expected lines of %v, got %v", i, step.want, said)
		}
		for name, event := range step.want {
			line := got[name]
			wide := i != 1
			if line.Event != event || len(line.New)+len(line.Old) == 0 || line.Subtree != wide {
				t.Errorf("Step %d, %s: expected %s with a record, and subtree %t, got %+v", i, name, event, wide, line)
			}
		}
	}
}

// A zone that lists its names by a chain, or its delegations, has no names of
// subtrees, and so no record for a prefix: the log claims none.
func TestNoSubtreeIsToldOfWhereNoneIsServed(t *testing.T) {
	for what, c := range map[string]zone.Config{
		"nsec": {Origin: "in-addr.arpa", Chained: true},
		"cuts": {Origin: "in-addr.arpa", Cuts: true},
	} {
		c.NS, c.TTL, c.Grace, c.MaxStale = []string{"ns1.example.net"}, 300, time.Hour, 72*time.Hour
		z, err := zone.New(c)
		if err != nil {
			t.Fatal(err)
		}
		var r audit.Replay
		l := audit.NewLedger(func(line audit.Line) {
			if line.Subtree {
				t.Errorf("%s: expected no line of a subtree, got %+v", what, line)
			}
			r.Take(line)
		})
		v := audit.NewView("store", []*zone.Zone{z}, func(record.FQDN) *zone.Zone { return z }, nil)
		d := policytest.Standard().With(policytest.Documents{"teams/web": `{"domains": ["192.0.2.0/24", "198.51.100.0/24"], "issuers": ["ca"], "subtree": true}`}).
			Account(`"domains": {"192.0.2.0/24": {}, "198.51.100.7": {}}`)
		l.Take(v, d.Compile(t), policytest.Read)
		served := r.Served("in-addr.arpa.")
		if len(served["2.0.192.in-addr.arpa"]) > 0 || len(served["7.100.51.198.in-addr.arpa"]) != 1 {
			t.Errorf("%s: expected the address alone to have a record, got %v", what, served)
		}
	}
}
