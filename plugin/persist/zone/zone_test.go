package zone_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestWrongZonesAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, fragment string
		change         func(*zone.Config)
	}{
		{"empty label", "is not a domain name", func(c *zone.Config) { c.Origin = "a..b" }},
		{"too long", "is not a domain name", func(c *zone.Config) { c.Origin = strings.Repeat("a.", 130) }},
		{"escape", "letters, digits", func(c *zone.Config) { c.Origin = `a\.b.example` }},
		{"no U-label", "IDNA2008", func(c *zone.Config) { c.Origin = "a\u0378b.example" }},
		{"two names", "write the one that is meant", func(c *zone.Config) { c.Origin = "straße.example" }},
		{"root", "too wide", func(c *zone.Config) { c.Origin = "." }},
		{"cuts of a cut", "write the zone without cuts", func(c *zone.Config) { c.Origin, c.Cuts = "_validation-persist.example.com", true }},
		{"cuts within a cut", "write the zone without cuts", func(c *zone.Config) { c.Origin, c.Cuts = "x._validation-persist.example.com", true }},
		{"no TTL", "1 to 3000 seconds", func(c *zone.Config) { c.TTL = 0 }},
		{"long TTL", "1 to 3000 seconds", func(c *zone.Config) { c.TTL = 3001 }},
		{"no NS", "ns NAME", func(c *zone.Config) { c.NS = nil }},
		{"bad NS", "is not the name of a server", func(c *zone.Config) { c.NS = []string{"ns 1.example.net"} }},
		{"IPv4 address as NS", "it is an address: write a name", func(c *zone.Config) { c.NS = []string{"192.0.2.1"} }},
		{"IPv6 address as NS", "it is an address: write a name", func(c *zone.Config) { c.NS = []string{"2001:db8::1"} }},
		{"URL as NS", "it contains ':'", func(c *zone.Config) { c.NS = []string{"https://ns1.example.net/"} }},
		{"service name as NS", "labels of letters, digits and hyphens", func(c *zone.Config) { c.NS = []string{"_ns.example.net"} }},
		{"root as NS", "labels of letters", func(c *zone.Config) { c.NS = []string{"."} }},
		{"address as zone", `zone "192.0.2.1" is an address: write _ip-validation-persist.1.2.0.192.in-addr.arpa, where its records stand`, func(c *zone.Config) { c.Origin = "192.0.2.1" }},
		{"NS too long for a mailbox", "shorter one before it", func(c *zone.Config) { c.NS = []string{strings.Repeat("a123456789.", 23)} }},
		{"NS inside", "outside it", func(c *zone.Config) { c.NS = []string{"ns.example.com"} }},
	} {
		config := standard()
		c.change(&config)
		if _, err := zone.New(config); err == nil || !strings.Contains(err.Error(), c.fragment) {
			t.Errorf("%s: expected an error with %q, got %v", c.name, c.fragment, err)
		}
	}
	overlay := standard()
	overlay.Overlay, overlay.NS = true, nil
	if _, err := zone.New(overlay); err != nil {
		t.Errorf("Expected an overlay to need no NS, got %v", err)
	}
}

// A document may have the same name so, and a server is asked for A-labels.
func TestULabelsAreALabelsInZonesAndServers(t *testing.T) {
	name, _, err := record.ParseFQDN("bücher.example")
	if err != nil {
		t.Fatal(err)
	}
	config := standard()
	config.Origin, config.NS = "_validation-persist.BÜCHER.example", []string{"ns1.bücher.example"}
	if z, err := zone.New(config); err != nil || z.Origin != name.Owner() || z.NS()[0].(*dns.NS).Ns != "ns1."+string(name)+"." {
		t.Errorf("Expected the zone %s, got %v, %v", name.Owner(), z, err)
	}
}

// places are documents with a granted name two labels down.
func places() policytest.Documents {
	return policytest.Standard().Account(`"domains": {"example.com": {}, "a.b.example.com": {"enabled": false}}`)
}

func TestNamesHaveTheirPlaces(t *testing.T) {
	b := book(places(), noon)
	wide, narrow := standard(), standard()
	narrow.Origin = "_validation-persist.example.com"
	for _, c := range []struct {
		config zone.Config
		name   string
		kind   zone.Kind
		grants int
	}{
		{wide, "example.com.", zone.Apex, 0},
		{wide, "_validation-persist.example.com.", zone.Owner, 1},
		{wide, "_validation-persist.a.b.example.com.", zone.Owner, 1},
		{wide, "a.b.example.com.", zone.Empty, 0},
		{wide, "b.example.com.", zone.Empty, 0},
		{wide, "_validation-persist.b.example.com.", zone.Absent, 0},
		{wide, "c.example.com.", zone.Absent, 0},
		{wide, "x._validation-persist.example.com.", zone.Absent, 0},
		{wide, "_validation-persist._validation-persist.example.com.", zone.Absent, 0},
		{wide, "*.example.com.", zone.Absent, 0},
		{narrow, "_validation-persist.example.com.", zone.Apex, 1},
		{narrow, "a._validation-persist.example.com.", zone.Absent, 0},
	} {
		place := newZone(t, c.config).Find(b, c.name)
		if place.Kind != c.kind || len(place.Grants) != c.grants {
			t.Errorf("%s: expected kind %d and %d grants, got %+v", c.name, c.kind, c.grants, place)
		}
	}
}

func TestZoneKnowsWhetherAnyGrantLiesInIt(t *testing.T) {
	b := book(places(), noon)
	for origin, want := range map[string]bool{
		"example.com": true, "com": true, "b.example.com": true, "_validation-persist.example.com": true,
		"example.org": false, "_validation-persist.b.example.com": false, "x.a.b.example.com": false, "_validation_persist.example.com": false,
	} {
		c := standard()
		c.Origin = origin
		if got := newZone(t, c).Holds(b); got != want {
			t.Errorf("%s: expected %t, got %t", origin, want, got)
		}
	}
}

func TestReverseNamesHaveALabelOfTheirOwn(t *testing.T) {
	d := policytest.Standard().With(policytest.Documents{"teams/web": `{"domains": ["in-addr.arpa"], "issuers": ["ca"]}`}).
		Account(`"domains": {"1.2.0.192.in-addr.arpa": {}}`)
	c := standard()
	c.Origin = "2.0.192.in-addr.arpa"
	z, b := newZone(t, c), book(d, noon)
	for name, want := range map[string]zone.Kind{
		"_ip-validation-persist.1.2.0.192.in-addr.arpa.": zone.Owner,
		"_validation-persist.1.2.0.192.in-addr.arpa.":    zone.Absent,
		"1.2.0.192.in-addr.arpa.":                        zone.Empty,
	} {
		if got := z.Find(b, name).Kind; got != want {
			t.Errorf("%s: expected kind %d, got %d", name, want, got)
		}
	}
}

func TestFindingDoesNotAllocate(t *testing.T) {
	z, b := newZone(t, standard()), book(places(), noon)
	for _, name := range []string{"_validation-persist.a.b.example.com.", "b.example.com.", "nothing.example.com."} {
		if n := testing.AllocsPerRun(100, func() { z.Find(b, name) }); n != 0 {
			t.Errorf("%s: expected no allocation, got %v", name, n)
		}
	}
}

func TestClosestEncloser(t *testing.T) {
	z, b := newZone(t, standard()), book(places(), noon)
	for name, want := range map[string]string{
		"x.example.com.":                     "example.com.",
		"*.x.y.b.example.com.":               "b.example.com.",
		"x.a.b.example.com.":                 "a.b.example.com.",
		"x._validation-persist.example.com.": "_validation-persist.example.com.",
	} {
		if got := z.Encloser(b, name); got != want {
			t.Errorf("%s: expected the closest encloser %s, got %s", name, want, got)
		}
	}
}

func TestAbsenceIsKnownWhileTheListingIsFresh(t *testing.T) {
	z, b := newZone(t, standard()), book(places(), noon)
	for _, name := range []string{"_validation-persist.x.example.com.", "x.example.com."} {
		if !z.Known(b, name, noon.Add(72*time.Hour-time.Second)) {
			t.Errorf("%s: expected its absence to be known within max_stale", name)
		}
		if z.Known(b, name, noon.Add(72*time.Hour)) {
			t.Errorf("%s: expected its absence not to be known after max_stale", name)
		}
	}
}

// The record of a name stands at its owner, below which is nothing: there nobody else
// can have added any.
func TestAbsenceOfAnOwnerIsKnownWhateverIsBelowItsName(t *testing.T) {
	s := policytest.Standard().With(policytest.Documents{
		"teams/ops":         `{"domains": ["b.a.example.com"], "issuers": ["ca"]}`,
		"accounts/ops/ca/a": `{"account_uri": "https://ca.example/acct/7", "domains": {}}`,
	}).Snapshot(1, noon)
	s.Listed["accounts/ops"] = noon.Add(-72 * time.Hour)
	z, b := newZone(t, standard()), policy.Compile(nil, s, policy.Brakes{})
	for name, want := range map[string]bool{
		"_validation-persist.a.example.com.": true, "a.example.com.": false, "_validation-persist.b.a.example.com.": false, "c.a.example.com.": true,
	} {
		if got := z.Known(b, name, noon); got != want {
			t.Errorf("%s: expected that its absence is known to be %t", name, want)
		}
	}
}

// A set holds no record twice (RFC 2181 section 5), however it is written.
func TestNSNamedTwiceIsOneRecord(t *testing.T) {
	c := standard()
	c.NS = []string{"ns2.example.net", "ns1.example.net", "NS2.example.net."}
	got := make([]string, 0, len(c.NS))
	for _, rr := range newZone(t, c).NS() {
		got = append(got, rr.(*dns.NS).Ns)
	}
	if diff := cmp.Diff([]string{"ns2.example.net.", "ns1.example.net."}, got); diff != "" {
		t.Errorf("Names differ (-want +got):\n%s", diff)
	}
}

func TestRecordsOfTheApex(t *testing.T) {
	z := newZone(t, standard())
	want := []string{
		"example.com.\t3600\tIN\tNS\tns1.example.net.",
		"example.com.\t3600\tIN\tNS\tns2.example.net.",
		"example.com.\t60\tIN\tSOA\tns1.example.net. hostmaster.ns1.example.net. 7 7200 1800 86400 60",
	}
	rrs := append(z.NS(), z.SOA(7)...)
	got := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		got = append(got, rr.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Records differ (-want +got):\n%s", diff)
	}
}

// The value comes back from the wire as it went in, whatever is in the URI and
// however long it is.
func TestTXTCarriesTheTextUnchanged(t *testing.T) {
	z := newZone(t, standard())
	long := policytest.AccountURI + "/" + strings.Repeat("x", 300)
	d := policytest.Standard().With(policytest.Documents{
		"accounts/web/ca/a": `{"account_uri": "` + long + `", "domains": "example.com"}`,
		"accounts/web/ca/b": `{"account_uri": "https://ca.example/acct/a\"b\\c\\010'", "domains": "example.com"}`,
		"accounts/web/ca/c": `{"account_uri": "` + long + `", "domains": "example.com"}`, // says the same as a
	})
	b := book(d, noon)
	r := z.Records(b, b.Lookup("example.com"), noon)
	rrs := z.TXT(record.FQDN("example.com").Owner(), r)
	if len(rrs) != 2 {
		t.Fatalf("Expected two records, one for the two that are the same, got %v", rrs)
	}
	for i, rr := range rrs {
		wire := make([]byte, 1024)
		if _, err := dns.PackRR(rr, wire, 0, nil, false); err != nil {
			t.Fatal(err)
		}
		rdata, _, err := dns.UnpackRR(wire, 0)
		if err != nil {
			t.Fatal(err)
		}
		text := unpackStrings(t, wire, int(rdata.Header().Rdlength))
		if text != r.Published[i].Text {
			t.Errorf("Expected %q on the wire, got %q", r.Published[i].Text, text)
		}
	}
}

// unpackStrings reads the character-strings of a TXT resource record in wire
// form by hand: miekg/dns would show them in presentation form.
func unpackStrings(t *testing.T, wire []byte, rdlength int) string {
	t.Helper()
	i := 0
	for wire[i] != 0 { // owner
		i += 1 + int(wire[i])
	}
	i += 1 + 2 + 2 + 4 + 2
	var text strings.Builder
	for end := i + rdlength; i < end; i += 1 + int(wire[i]) {
		text.Write(wire[i+1 : i+1+int(wire[i])])
	}
	return text.String()
}

func TestPublishedRecordsAreSorted(t *testing.T) {
	z := newZone(t, standard())
	d := policytest.Standard().With(policytest.Documents{
		"accounts/web/ca/z": `{"account_uri": "https://ca.example/acct/1", "domains": "example.com"}`,
		"accounts/web/ca/y": `{"account_uri": "https://ca.example/acct/2", "domains": "example.com"}`,
	})
	got := texts(z, policy.Compile(nil, d.Snapshot(1, noon), policy.Brakes{}), noon)
	if len(got) != 3 || got[0] > got[1] || got[1] > got[2] {
		t.Errorf("Expected three sorted records, got %q", got)
	}
}
