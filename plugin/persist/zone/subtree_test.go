package zone_test

import (
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

func subtrees() policytest.Documents {
	return policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true}, "a.own.dev.example.com": {}}`)
}

func TestNamesOfSubtreesHaveTheirPlaces(t *testing.T) {
	z, b := newZone(t, standard()), book(subtrees(), noon)
	for name, want := range map[string]zone.Place{
		"dev.example.com.":                                                  {Kind: zone.Empty},
		"_validation-persist.dev.example.com.":                              {Kind: zone.Owner, FQDN: "dev.example.com"},
		"x.dev.example.com.":                                                {Kind: zone.Empty, Synthesised: true},
		"_validation-persist.x.dev.example.com.":                            {Kind: zone.Owner, FQDN: "x.dev.example.com", Synthesised: true},
		"_validation-persist.5.4.3.2.1.dev.example.com.":                    {Kind: zone.Owner, FQDN: "5.4.3.2.1.dev.example.com", Synthesised: true},
		"_validation-persist.6.5.4.3.2.1.dev.example.com.":                  {Kind: zone.Absent},
		"6.5.4.3.2.1.dev.example.com.":                                      {Kind: zone.Absent},
		"own.dev.example.com.":                                              {Kind: zone.Empty}, // above a listed name
		"_validation-persist.own.dev.example.com.":                          {Kind: zone.Owner, FQDN: "own.dev.example.com", Synthesised: true},
		"_validation-persist.a.own.dev.example.com.":                        {Kind: zone.Owner, FQDN: "a.own.dev.example.com"},
		"x.a.own.dev.example.com.":                                          {Kind: zone.Absent},
		"x._validation-persist.x.dev.example.com.":                          {Kind: zone.Absent},
		"*.dev.example.com.":                                                {Kind: zone.Absent},
		"_validation-persist.*.dev.example.com.":                            {Kind: zone.Absent},
		"_ip-validation-persist.x.dev.example.com.":                         {Kind: zone.Absent},
		"_validation-persist.x.example.com.":                                {Kind: zone.Absent},
		strings.Repeat("l", 63) + ".dev.example.com.":                       {Kind: zone.Empty, Synthesised: true},
		strings.Repeat("l234567.", 5) + "dev.example.com.":                  {Kind: zone.Empty, Synthesised: true},
		strings.Repeat(strings.Repeat("l", 62)+".", 4) + "dev.example.com.": {Kind: zone.Absent},
	} {
		got := z.Find(b, name)
		if len(got.Grants) > 0 != (want.Kind == zone.Owner) {
			t.Errorf("%s: expected grants at owners alone, got %+v", name, got)
		}
		if got.Kind != want.Kind || got.FQDN != want.FQDN || got.Synthesised != want.Synthesised {
			t.Errorf("%s: expected %+v, got %+v", name, want, got)
		}
		if n := testing.AllocsPerRun(10, func() { z.Find(b, name) }); n != 0 {
			t.Errorf("%s: expected no allocation, got %v", name, n)
		}
	}
}

// Between a prefix and its addresses there are empty non-terminals only.
func TestAddressesOfPrefixesHaveTheirPlaces(t *testing.T) {
	d := policytest.Standard().With(policytest.Documents{"teams/web": `{"domains": ["198.51.0.0/16", "2001:db8::/32"], "issuers": ["ca"], "subtree": true}`}).
		Account(`"domains": {"198.51.0.0/16": {}, "2001:db8::/32": {}}`)
	b := book(d, noon)
	for origin, names := range map[string]map[string]zone.Kind{
		"51.198.in-addr.arpa": {
			"_ip-validation-persist.7.100.51.198.in-addr.arpa.":   zone.Owner,
			"7.100.51.198.in-addr.arpa.":                          zone.Empty,
			"100.51.198.in-addr.arpa.":                            zone.Empty,
			"_ip-validation-persist.100.51.198.in-addr.arpa.":     zone.Absent,
			"_ip-validation-persist.256.100.51.198.in-addr.arpa.": zone.Absent,
			"_ip-validation-persist.07.100.51.198.in-addr.arpa.":  zone.Absent,
			"1.7.100.51.198.in-addr.arpa.":                        zone.Absent,
			"_validation-persist.7.100.51.198.in-addr.arpa.":      zone.Absent,
			"x.100.51.198.in-addr.arpa.":                          zone.Absent,
		},
		"8.b.d.0.1.0.0.2.ip6.arpa": {
			"_ip-validation-persist." + strings.Repeat("f.", 24) + "8.b.d.0.1.0.0.2.ip6.arpa.": zone.Owner,
			"_ip-validation-persist." + strings.Repeat("f.", 23) + "8.b.d.0.1.0.0.2.ip6.arpa.": zone.Absent,
			strings.Repeat("f.", 23) + "8.b.d.0.1.0.0.2.ip6.arpa.":                             zone.Empty,
			strings.Repeat("f.", 25) + "8.b.d.0.1.0.0.2.ip6.arpa.":                             zone.Absent,
			"10.8.b.d.0.1.0.0.2.ip6.arpa.":                                                     zone.Absent,
		},
	} {
		c := standard()
		c.Origin = origin
		z := newZone(t, c)
		for name, want := range names {
			if got := z.Find(b, name).Kind; got != want {
				t.Errorf("%s: expected kind %d, got %d", name, want, got)
			}
		}
	}
}

// Nobody can list such names, so there is no place for them in a chain.
func TestChainedZonesHaveTheNameOfTheGrantAlone(t *testing.T) {
	c := standard()
	c.Chained = true
	z, b := newZone(t, c), book(subtrees(), noon)
	for name, want := range map[string]zone.Kind{"_validation-persist.dev.example.com.": zone.Owner, "_validation-persist.x.dev.example.com.": zone.Absent, "x.dev.example.com.": zone.Absent} {
		if got := z.Find(b, name).Kind; got != want {
			t.Errorf("%s: expected kind %d, got %d", name, want, got)
		}
	}
}

func TestZonesInSubtreesHoldGrants(t *testing.T) {
	b := book(subtrees(), noon)
	for origin, want := range map[string]bool{"x.dev.example.com": true, "_validation-persist.x.dev.example.com": true, "x.a.own.dev.example.com": false, "_validation-persist.x.example.com": false} {
		c := standard()
		c.Origin = origin
		if got := newZone(t, c).Holds(b); got != want {
			t.Errorf("%s: expected %t, got %t", origin, want, got)
		}
	}
}

// What it costs to find that a name does not exist, and one of a subtree.
func BenchmarkFind(b *testing.B) {
	z, err := zone.New(standard())
	if err != nil {
		b.Fatal(err)
	}
	for _, row := range []struct {
		title, name string
		documents   policytest.Documents
	}{
		{"unknown, no subtree in the book", "_validation-persist.1.2.3.4.5.example.com.", policytest.Standard()},
		{"unknown, a subtree elsewhere", "_validation-persist.1.2.3.4.5.example.com.", subtrees()},
		{"five labels below a subtree", "_validation-persist.1.2.3.4.5.dev.example.com.", subtrees()},
		{"listed", "_validation-persist.dev.example.com.", subtrees()},
	} {
		book := book(row.documents, noon)
		b.Run(row.title, func(b *testing.B) {
			for b.Loop() {
				z.Find(book, row.name)
			}
		})
	}
}
