package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/build/persistctl/servers"

	"github.com/miekg/dns"
)

// madeKey is a key-signing key of a cut.
func madeKey(t *testing.T) *dns.DNSKEY {
	t.Helper()
	k := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: owner, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET},
		Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ED25519,
	}
	if _, err := k.Generate(256); err != nil {
		t.Fatal(err)
	}
	return k
}

func TestACutIsWhereTheWorstServerOfItsParentIs(t *testing.T) {
	keys := rolledKeys{young: madeKey(t), old: []*dns.DNSKEY{madeKey(t), madeKey(t)}}
	has := func(ds ...*dns.DS) servers.DSAnswer { return servers.DSAnswer{Server: "s", DS: ds} }
	old, older := keys.old[0].ToDS(dns.SHA256), keys.old[1].ToDS(dns.SHA256)
	young, foreign := keys.young.ToDS(dns.SHA256), madeKey(t).ToDS(dns.SHA256)
	unheardOf := *old // whose digest nobody here can make
	unheardOf.DigestType = 200
	down, gone := servers.DSAnswer{Err: errors.New("timeout")}, servers.DSAnswer{Err: servers.ErrNoName}
	for _, c := range []struct {
		want    cutDS
		answers []servers.DSAnswer
	}{
		{unknownDS, nil},
		{oldDS, []servers.DSAnswer{has(old)}},
		{oldDS, []servers.DSAnswer{has(foreign, older)}},
		{oldDS, []servers.DSAnswer{has(&unheardOf)}},
		{oldDS, []servers.DSAnswer{has(young), has(old), has(young, old)}},
		{oldDS, []servers.DSAnswer{down, has(old)}},
		{bothDS, []servers.DSAnswer{has(young), has(old, young), has()}},
		{newDS, []servers.DSAnswer{has(foreign), has(young), gone}},
		{unknownDS, []servers.DSAnswer{has(young), down}},
		{unknownDS, []servers.DSAnswer{down, gone}},
		{otherDS, []servers.DSAnswer{has(), has(foreign)}},
		{noDS, []servers.DSAnswer{has(), gone}},
		{bothDS, []servers.DSAnswer{has(keys.old[0].ToDS(dns.SHA1), young)}},
		{oldDS, []servers.DSAnswer{has(old, keys.young.ToDS(dns.SHA1))}},
		{oldDS, []servers.DSAnswer{has(keys.old[0].ToDS(dns.SHA384), young)}},
	} {
		if got := stateOfCut(owner, c.answers, keys); got.DS != c.want {
			t.Errorf("%v: expected %s, got %+v", c.answers, c.want, got)
		}
		slices.Reverse(c.answers)
		if got := stateOfCut(owner, c.answers, keys); got.DS != c.want {
			t.Errorf("%v: expected %s in whatever order, got %+v", c.answers, c.want, got)
		}
	}
}

// People read the first stragglers, programs all, and what is given up nobody can
// overlook.
func TestOfManyStragglersPeopleReadSome(t *testing.T) {
	all := make(cutStates, 0, 5002)
	forget := map[string]bool{}
	for i := range 5000 {
		all = append(all, cutState{Cut: fmt.Sprintf("cut%d.", i), DS: oldDS, why: "it lags"})
		if i < 100 {
			forget[all[i].Cut] = true
		}
	}
	all = append(all, cutState{Cut: "new.", DS: newDS}, cutState{Cut: "none.", DS: noDS})
	all.await(oldDS, unknownDS)
	p := all.progress(forget)
	var people strings.Builder
	p.text(&people)
	if got := people.String(); !strings.Contains(got, "and 4880 more, which -o json has") || strings.Count(got, "it lags") != mostStragglers+100 {
		t.Errorf("Expected 20 stragglers and 100 that are forgotten, got:\n%s", got)
	}
	var programs bytes.Buffer
	if err := json.NewEncoder(&programs).Encode(p); err != nil || strings.Count(programs.String(), "it lags") != 5000 {
		t.Errorf("Expected every cut that lags, got %d (%v)", strings.Count(programs.String(), "it lags"), err)
	}
	if want := "4900 cuts of 5002, such as cut100. (it lags)"; p.missing() == nil || p.missing().Error() != want {
		t.Errorf("Expected %q, got %v", want, p.missing())
	}
}
