package servers

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// key is a DNSKEY record of zone, and sig one over it, which nobody has made.
const (
	key = zone + ` 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=`
	sig = zone + ` 3600 IN RRSIG DNSKEY 15 3 3600 20150819220000 20150729220000 3613 ` + zone +
		` oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==`
)

// A parent and its child disagree about the servers, of which one is away: the
// resolvers of the world go by either.
func TestEveryServerThatParentOrZoneNamesIsAskedForTheKeys(t *testing.T) {
	parent := serve(t,
		"_validation-persist.www 3600 IN NS a.www", "_validation-persist.www 3600 IN NS b.www",
		"a.www 3600 IN A 127.0.0.4", "b.www 3600 IN A 127.0.0.5", "c.www 3600 IN A 127.0.0.6", "c.www 3600 IN A 127.0.0.7")
	_, text, _ := net.SplitHostPort(parent.Address)
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(number)
	parts.NewNSD(t, parts.NSDOptions{
		Address: "127.0.0.4:" + text,
		Zones: map[string]string{zone: zone + " 3600 IN SOA a.www.example. hostmaster 1 7200 1800 86400 60\n" +
			zone + " 3600 IN NS a.www.example.\n" + zone + " 3600 IN NS c.www.example.\n" + key + "\n" + sig + "\n"},
		Lines: []string{"ip-address: 127.0.0.6"},
	})
	unbound := parts.NewUnbound(t, parts.UnboundOptions{
		Zone: "example", Server: parent.Address,
		Lines: []string{"stub-zone:", "name: " + zone, "stub-addr: 127.0.0.4@" + text},
	})
	type said struct {
		Server           string
		Keys, Signatures int
		Failed           bool
	}
	all := []said{
		{"a.www.example. (127.0.0.4:" + text + ")", 1, 1, false},
		{"b.www.example. (127.0.0.5:" + text + ")", 0, 0, true},
		{"c.www.example. (127.0.0.6:" + text + ")", 1, 1, false},
		{"c.www.example. (127.0.0.7:" + text + ")", 0, 0, true},
	}
	for _, c := range []struct {
		without []string
		want    []said
	}{
		{[]string{"NS.example.net"}, all},
		{[]string{"ns.example.net.", "B.www.example", "127.0.0.7"}, []said{all[0], all[2]}},
		{[]string{"ns.example.net.", "127.0.0.5:" + text, "c.www.example."}, all[:1]},
	} {
		answers, err := Finder{Resolver: unbound.Address, Parents: []string{parent.Address}, Without: c.without, Port: port}.Keys(t.Context(), strings.ToUpper(zone))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]said, 0, len(answers))
		for _, a := range answers {
			got = append(got, said{a.Server, len(a.Keys), len(a.Signatures), a.Err != nil})
		}
		slices.SortFunc(got, func(a, b said) int { return strings.Compare(a.Server, b.Server) })
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Without %q: %s", c.without, diff)
		}
	}
	if _, err := (Finder{Resolver: unbound.Address, Parents: []string{parent.Address}, Port: port}).Keys(t.Context(), zone); err == nil ||
		!strings.Contains(err.Error(), "the servers of "+zone+": ") || !strings.Contains(err.Error(), "ns.example.net.") {
		t.Errorf("Expected an error about the server without an address, got %v", err)
	}
	if _, err := (Finder{Resolver: unbound.Address, Parents: []string{"127.0.0.8:" + text}, Port: port}).Keys(t.Context(), zone); err == nil || !strings.Contains(err.Error(), "127.0.0.8:"+text) {
		t.Errorf("Expected an error about the parent's server, got %v", err)
	}
}

func TestTheServersThatAreGivenAreAskedInThePlaceOfThoseThatAreFound(t *testing.T) {
	nsd := parts.NewNSD(t, parts.NSDOptions{Zones: map[string]string{zone: zone + " 60 IN SOA a. b. 1 2 3 4 5\n" + key + "\n"}})
	answers, err := Finder{Resolver: "127.0.0.8:9", Own: []string{nsd.Address}}.Keys(t.Context(), zone)
	if err != nil || len(answers) != 1 || answers[0].Err != nil || len(answers[0].Keys) != 1 || len(answers[0].Signatures) != 0 {
		t.Fatalf("Expected one key, got %v (%v)", answers, err)
	}
	if tag := answers[0].Keys[0].(*dns.DNSKEY).KeyTag(); tag != 3613 { // RFC 8080 section 6.1
		t.Errorf("Expected the key 3613, got %d", tag)
	}
}
