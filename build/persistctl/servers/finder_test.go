package servers

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const zone = "_validation-persist.www.example."

func TestMain(m *testing.M) {
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin") // where some have NSD and Unbound
	os.Exit(m.Run())
}

// zoneFile is the parent's: the first server has two addresses, the second one
// is away. www.example. is no zone.
func zoneFile(records ...string) string {
	return `$ORIGIN example.
@ 3600 IN SOA ns1 hostmaster 1 7200 1800 86400 60
@ 3600 IN NS ns1
@ 3600 IN NS ns2
ns1 3600 IN A 127.0.0.1
ns1 3600 IN A 127.0.0.2
ns2 3600 IN A 127.0.0.3
www 3600 IN TXT "not a zone"
plain 3600 IN NS ns.plain.example.net.
_validation-persist.www 3600 IN NS ns.example.net.
` + strings.Join(records, "\n") + "\n"
}

// ds is a DS record of zone.
func ds(tag int) string {
	return fmt.Sprintf("_validation-persist.www 7200 IN DS %d 13 2 %s", tag, strings.Repeat("AB", 32))
}

func serve(t *testing.T, records ...string) *parts.NSD {
	t.Helper()
	return parts.NewNSD(t, parts.NSDOptions{
		Zones: map[string]string{"example.": zoneFile(records...)},
		Lines: []string{"ip-address: 127.0.0.2"},
	})
}

// outcome is an answer for comparison.
type outcome struct {
	Server string
	Tags   []uint16
	TTL    time.Duration
	Failed bool
}

func outcomes(answers []DSAnswer) []outcome {
	all := make([]outcome, 0, len(answers))
	for _, a := range answers {
		o := outcome{Server: a.Server, TTL: a.TTL, Failed: a.Err != nil}
		for _, ds := range a.DS {
			o.Tags = append(o.Tags, ds.KeyTag)
		}
		slices.Sort(o.Tags)
		all = append(all, o)
	}
	return all
}

func TestEveryAddressOfEveryServerOfTheParentIsAsked(t *testing.T) {
	nsd := serve(t, ds(2), ds(1))
	unbound := parts.NewUnbound(t, parts.UnboundOptions{Zone: "example", Server: nsd.Address})
	_, text, _ := net.SplitHostPort(nsd.Address)
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(number)

	answers, err := Finder{Resolver: unbound.Address, Port: port}.DS(t.Context(), "_Validation-Persist.www.example")
	if err != nil {
		t.Fatal(err)
	}
	got := outcomes(answers)
	slices.SortFunc(got, func(a, b outcome) int { return strings.Compare(a.Server, b.Server) })
	want := []outcome{
		{"ns1.example. (127.0.0.1:" + text + ")", []uint16{1, 2}, 2 * time.Hour, false},
		{"ns1.example. (127.0.0.2:" + text + ")", []uint16{1, 2}, 2 * time.Hour, false},
		{"ns2.example. (127.0.0.3:" + text + ")", nil, 0, true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAServerSaysIsTakenAsItSaysIt(t *testing.T) {
	many := make([]string, 0, 40)
	for tag := range 40 {
		many = append(many, ds(tag+1))
	}
	few, lots := serve(t, ds(7)), serve(t, many...)
	unbound := parts.NewUnbound(t, parts.UnboundOptions{
		Zone: "example", Server: few.Address, Lines: []string{"access-control: 127.0.0.0/8 allow_snoop"},
	})
	if _, err := resolver(unbound.Address).lookup(t.Context(), zone, dns.TypeDS); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, server, zone string
		tags               int
		why                string
	}{
		{"one DS record", few.Address, zone, 1, ""},
		{"more than fit into UDP", lots.Address, zone, 40, ""},
		{"a delegation without", few.Address, "plain.example.", 0, ""},
		{"another zone", few.Address, "example.net.", 0, "REFUSED"},
		{"a resolver", unbound.Address, zone, 0, "without authority"},
		{"nobody there", "127.0.0.3:9", zone, 0, "127.0.0.3:9"},
	} {
		answers, err := Finder{Parents: []string{c.server}}.DS(t.Context(), c.zone)
		if err != nil || len(answers) != 1 {
			t.Fatalf("%s: expected one answer, got %v (%v)", c.name, answers, err)
		}
		a := answers[0]
		if len(a.DS) != c.tags || (a.Err != nil) != (c.why != "") || a.Err != nil && !strings.Contains(a.Err.Error(), c.why) {
			t.Errorf("%s: expected %d records and an error with %q, got %v", c.name, c.tags, c.why, a)
		}
	}
}

func TestAParentThatCannotBeFoundIsAnError(t *testing.T) {
	nsd := serve(t)
	for _, c := range []struct{ resolver, zone, why string }{
		{"127.0.0.3:9", zone, "the servers of the parent of " + zone + ": the resolver 127.0.0.3:9: "},
		{nsd.Address, "a.example.net.", "answers REFUSED for example.net. NS"},
	} {
		if _, err := (Finder{Resolver: c.resolver}).DS(t.Context(), c.zone); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s by %s: expected an error with %q, got %v", c.zone, c.resolver, c.why, err)
		}
	}
}
