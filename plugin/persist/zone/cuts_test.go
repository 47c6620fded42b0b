package zone_test

import (
	"slices"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// cutsOf is the configuration of cuts below an origin.
func cutsOf(origin string) zone.Config {
	c := standard()
	c.Origin, c.Cuts = origin, true
	return c
}

func TestCutIsTheZoneAtTheTopmostLabel(t *testing.T) {
	z := newZone(t, cutsOf("."))
	for name, want := range map[string]string{
		"_validation-persist.example.com.":                                   "_validation-persist.example.com.",
		"x.y._validation-persist.example.com.":                               "_validation-persist.example.com.",
		"_validation-persist.x._validation-persist.example.com.":             "_validation-persist.example.com.",
		"_validation-persist._ip-validation-persist.1.2.0.192.in-addr.arpa.": "_ip-validation-persist.1.2.0.192.in-addr.arpa.",
		"_validation-persist.1.2.0.192.in-addr.arpa.":                        "",
		"_ip-validation-persist.example.com.":                                "",
		"_validation-persist.":                                               "",
		"x_validation-persist.example.com.":                                  "",
		"_validation-persist0.example.com.":                                  "",
		"example.com.":                                                       "",
		".":                                                                  "",
	} {
		origin, fqdn, ok := z.CutOf(name)
		if origin != want || ok != (want != "") || ok && fqdn.Owner() != want {
			t.Errorf("%s: expected the cut %q, got %q of %q", name, want, origin, fqdn)
		}
		if n := testing.AllocsPerRun(100, func() { z.CutOf(name) }); n != 0 {
			t.Errorf("%s: expected no allocation, got %v", name, n)
		}
	}
}

// A cut is the zone that would stand there alone, but for the instants at which
// it rotates: they are those of all cuts.
func TestCutIsTheZoneOfItsOrigin(t *testing.T) {
	b := book(places(), noon)
	for _, origin := range []string{".", "com", "example.com"} {
		outer := newZone(t, cutsOf(origin))
		cut := outer.Cut("_validation-persist.example.com.", "example.com")
		alone := standard()
		alone.Origin = "_validation-persist.example.com"
		own := newZone(t, alone)
		for _, name := range []string{"_validation-persist.example.com.", "x._validation-persist.example.com."} {
			got, want := cut.Find(b, name), own.Find(b, name)
			if got.Kind != want.Kind || got.FQDN != want.FQDN || !slices.Equal(got.Grants, want.Grants) {
				t.Errorf("%s: expected %+v, got %+v", name, want, got)
			}
		}
	}
}

func TestCutsAreThereAsLongAsAnyGrantIs(t *testing.T) {
	b := book(places(), noon)
	for origin, want := range map[string]bool{".": true, "com": true, "b.example.com": true, "example.org": false, "x.a.b.example.com": false} {
		z := newZone(t, cutsOf(origin))
		if got := z.Holds(b); got != want {
			t.Errorf("%s: expected %t, got %t", origin, want, got)
		}
	}
	if newZone(t, cutsOf(".")).Holds(book(policytest.Standard().Account(`"domains": {}`), noon)) {
		t.Error("Expected no cut where nothing is granted")
	}
}

func TestOwnersOfCutsAreTheirOrigins(t *testing.T) {
	b, z := book(places(), noon), newZone(t, cutsOf("."))
	var got []string
	for owner, grants := range z.Owners(b) {
		got = append(got, owner)
		if len(grants) != 1 {
			t.Errorf("%s: expected one grant, got %v", owner, grants)
		}
	}
	slices.Sort(got)
	want := []string{"_validation-persist.a.b.example.com.", "_validation-persist.example.com."}
	if !slices.Equal(got, want) {
		t.Errorf("Expected %v, got %v", want, got)
	}
}

// The cuts at or below a name are those of the owners that stand there.
func TestCutsBelowAreTheOwnersThatStandThere(t *testing.T) {
	b := book(places(), noon)
	const deep, top = "_validation-persist.a.b.example.com.", "_validation-persist.example.com."
	for outer, names := range map[string]map[string][]string{
		".":              {".": {deep, top}, "com.": {deep, top}, "b.example.com.": {deep}, "example.org.": nil, top: {top}, "x." + top: nil, "_validation-persist.b.example.com.": nil},
		"b.example.com.": {".": {deep}, "b.example.com.": {deep}, "a.b.example.com.": {deep}, deep: {deep}, top: nil, "c.example.com.": nil},
	} {
		z := newZone(t, cutsOf(outer))
		for name, want := range names {
			if got := slices.Sorted(z.CutsBelow(b, name)); !slices.Equal(got, want) {
				t.Errorf("Cuts of %s below %s: expected %v, got %v", outer, name, want, got)
			}
		}
	}
}
