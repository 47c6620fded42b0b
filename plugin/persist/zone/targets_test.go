package zone_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
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

// targets is the configuration of a zone that CNAME records point into.
func targets() zone.Config {
	c := standard()
	c.Origin, c.Targets = "persist.example.net", true
	return c
}

// granting are documents that grant names, whatever their suffix.
func granting(names ...string) policytest.Documents {
	domains := make([]string, 0, len(names))
	for _, name := range names {
		domains = append(domains, fmt.Sprintf("%q: {}", name))
	}
	return policytest.Standard().Account(`"domains": {` + strings.Join(domains, ", ") + `}`).
		With(policytest.Documents{"teams/web": `{"domains": ["."], "issuers": ["ca"]}`})
}

// long is a name of n octets below example.com.
func long(n int) string {
	const end = "example.com"
	return strings.Repeat("x.", (n-len(end))/2) + strings.Repeat("y", (n-len(end))%2) + end
}

func TestTargetsHaveTheirPlaces(t *testing.T) {
	longest, above := long(233), long(153)
	b := book(granting("example.com", "a.b.example.org", "1.2.0.192.in-addr.arpa", "persist.example.net", "www.persist.example.net", longest, "com."+above), noon)
	z := newZone(t, targets())
	for name, want := range map[string]zone.Kind{
		"":                                 zone.Apex,
		"example.com.":                     zone.Owner,
		"com.":                             zone.Empty,
		"a.b.example.org.":                 zone.Owner,
		"b.example.org.":                   zone.Empty,
		"org.":                             zone.Empty,
		"c.example.org.":                   zone.Absent,
		"www.example.com.":                 zone.Absent,
		"_validation-persist.":             zone.Absent,
		"_validation-persist.example.com.": zone.Absent,
		"1.2.0.192.in-addr.arpa.":          zone.Owner,
		"arpa.":                            zone.Empty,
		"persist.example.net.":             zone.Owner, // at the origin
		"www.persist.example.net.":         zone.Owner, // below it
		"www.":                             zone.Absent,
		"_validation-persist.www.":         zone.Absent,
		alias(longest) + ".":               zone.Owner,
		"x." + alias(longest) + ".":        zone.Absent,
		longest + ".":                      zone.Absent,
		above + ".":                        zone.Absent,
		long(111) + ".":                    zone.Absent, // only a long name is below it
		alias("example.com") + ".":         zone.Absent, // not a long one
		alias(above) + ".":                 zone.Absent, // not granted
	} {
		if got := z.Find(b, name+z.Origin).Kind; got != want {
			t.Errorf("%s: expected kind %d, got %d", name, want, got)
		}
	}
	if got := z.Find(b, alias(longest)+"."+z.Origin); string(got.FQDN) != longest || len(got.Grants) != 1 {
		t.Errorf("Expected the grant of the long name at its alias, got %+v", got)
	}
}

// alias is computed as by Python's str(int(sha256(name).hexdigest()[:40], 16)).zfill(49).
func alias(name string) string {
	n, _ := new(big.Int).SetString(fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:40], 16)
	return strings.Repeat("0", 49-len(n.String())) + n.String()
}

// Every name fits in front of every zone, as itself or by its alias.
func TestTheLongestTargetsAreNames(t *testing.T) {
	c := targets()
	c.Origin = long(100)
	z := newZone(t, c)
	for n := 140; n <= 233; n++ {
		owner, ok := z.Owner(record.FQDN(long(n)))
		if _, isName := dns.IsDomainName(owner); !ok || !isName || strings.HasPrefix(owner, "x.") != (n <= 152) {
			t.Errorf("%d octets: expected a name, by an alias above 152 octets, got %s", n, owner)
		}
		if _, err := dns.PackDomainName(owner, make([]byte, 255), 0, nil, false); err != nil {
			t.Errorf("%d octets: %v", n, err)
		}
	}
}

func TestZonesWithoutRoomForTargetsAreRefused(t *testing.T) {
	for origin, part := range map[string]string{
		long(101):                         "write one of 100 octets at most",
		"_validation-persist.example.com": "remove targets to serve this one",
		"a._validation-persist.com":       "remove targets",
		"_ip-validation-persist.x.arpa":   "remove targets",
	} {
		c := targets()
		c.Origin = origin
		if _, err := zone.New(c); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: expected an error that says %q, got %v", origin, part, err)
		}
	}
}

func TestFindingATargetDoesNotAllocate(t *testing.T) {
	longest := long(233)
	z, b := newZone(t, targets()), book(granting("a.example.com", longest), noon)
	for _, name := range []string{"a.example.com.", "example.com.", "nothing.example.com.", alias(longest) + ".", alias("none") + "."} {
		name += z.Origin
		if n := testing.AllocsPerRun(100, func() { z.Find(b, name) }); n != 0 {
			t.Errorf("%s: expected no allocation, got %v", name, n)
		}
	}
}

// An alias may be that of a name in any folder of the store, so its absence is
// known only while all of them are.
func TestAbsenceOfAnAliasIsKnownWhileEveryListingIsFresh(t *testing.T) {
	documents := granting("example.org").With(policytest.Documents{
		"teams/web": `{"domains": ["example.org"], "issuers": ["ca"]}`, "teams/ops": `{"domains": ["example.com"], "issuers": ["ca"]}`,
		"accounts/ops/ca/a": `{"account_uri": "https://ca.example/acct/7", "domains": {"example.com": {}}}`,
	})
	s := documents.Snapshot(1, noon)
	s.Listed["accounts/ops"] = noon.Add(-time.Hour)
	z, b := newZone(t, targets()), policy.Compile(nil, s, policy.Brakes{})
	at := noon.Add(targets().MaxStale - time.Minute)
	for name, want := range map[string]bool{
		"x.example.org.": true, "x.example.com.": false, "com.": false, alias("x") + ".": false,
	} {
		if got := z.Known(b, name+z.Origin, at); got != want {
			t.Errorf("%s: expected that its absence is known to be %t", name, want)
		}
	}
}

func TestTargetsOfTheSameGrantsAreTheSameZone(t *testing.T) {
	z, documents := newZone(t, targets()), granting("example.com", "example.org")
	before := policy.Compile(nil, documents.Snapshot(1, noon), policy.Brakes{})
	later := policy.Compile(before, documents.Snapshot(1, noon.Add(time.Minute)), policy.Brakes{})
	other := policy.Compile(later, granting("example.com").Snapshot(2, noon.Add(time.Minute)), policy.Brakes{})
	if !z.Same(before, later) || z.Same(later, other) {
		t.Error("Expected the zone to be the same until a grant goes")
	}
	if !z.Holds(before) || z.Holds(book(policytest.Standard().With(policytest.Documents{"accounts/web/ca/a": ""}), noon)) {
		t.Error("Expected the zone to hold every grant that there is")
	}
}

// The model: targets by string concatenation and by a hash of one's own, and
// everything above them up to the apex. It knows neither tries nor books.
func TestTargetsAgreeWithTheModel(t *testing.T) {
	c := targets()
	z := newZone(t, c)
	random := rand.New(rand.NewPCG(1, 2))
	var b *policy.Book
	for step := range 300 {
		names := map[string]bool{}
		for range random.IntN(12) {
			names[someName(random)] = true
		}
		b = policy.Compile(b, granting(slices.Sorted(maps.Keys(names))...).Snapshot(step+1, noon.Add(time.Duration(step)*time.Minute)), policy.Brakes{})
		owners, exists := model(names, z.Origin)
		got := map[string]string{}
		for owner, grants := range z.Owners(b) {
			got[owner] = string(grants[0].FQDN)
		}
		if diff := cmp.Diff(owners, got); diff != "" {
			t.Fatalf("Step %d: owners differ (-model +got):\n%s", step, diff)
		}
		for range 60 {
			checkPlace(t, z, b, someTarget(random, z.Origin), owners, exists)
		}
		for owner := range owners {
			checkPlace(t, z, b, owner, owners, exists)
		}
	}
}

func model(names map[string]bool, origin string) (owners map[string]string, exists map[string]bool) {
	owners, exists = map[string]string{}, map[string]bool{}
	for name := range names {
		front := name
		if len(name) > 152 {
			front = alias(name)
		}
		owners[front+"."+origin] = name
		for ; front != ""; _, front, _ = strings.Cut(front, ".") {
			exists[front+"."+origin] = true
		}
	}
	return owners, exists
}

func checkPlace(t *testing.T, z *zone.Zone, b *policy.Book, name string, owners map[string]string, exists map[string]bool) {
	t.Helper()
	place := z.Find(b, name)
	want := zone.Absent
	switch {
	case owners[name] != "":
		want = zone.Owner
	case exists[name]:
		want = zone.Empty
	}
	if place.Kind != want || string(place.FQDN) != owners[name] {
		t.Fatalf("%s: expected kind %d for %q, got %+v", name, want, owners[name], place)
	}
	if place.Kind != zone.Owner {
		return
	}
	if owner, ok := z.Owner(place.FQDN); !ok || owner != name {
		t.Fatalf("%s: expected the owner of its FQDN to be it again, got %s", name, owner)
	}
}

// someName is a name that often meets others of the kind, and often has some
// 152 octets.
func someName(random *rand.Rand) string {
	ends := []string{"com", "example.com", "example.net", "persist.example.net", "www.persist.example.net", "in-addr.arpa", long(149), long(150), long(151), long(152), long(153), long(160)}
	name := ends[random.IntN(len(ends))]
	for range random.IntN(4) {
		name = string('a'+rune(random.IntN(3))) + "." + name
	}
	return name
}

// someTarget is a name below the origin, which mostly is none of the zone's.
func someTarget(random *rand.Rand, origin string) string {
	for {
		name := someName(random)
		switch random.IntN(5) {
		case 0:
			name = alias(name)
		case 1:
			name = "_validation-persist." + name
		case 2:
			_, name, _ = strings.Cut(name, ".")
		}
		if name != "" && len(name)+len(origin) < 254 {
			return name + "." + origin
		}
	}
}
