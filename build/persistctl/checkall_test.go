package main

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// Two names lead to their targets, one leads nowhere, one is not signed for, and one
// has no record.
func TestEveryGrantIsCheckedAtItsTarget(t *testing.T) {
	const above, zone = "example.com.", "targets.example."
	w := newLiveWorld(t, "unused.example.")
	w.ns = "ns2.example.net"
	keys := keysFor(t)
	policies := documentsIn(t, policytest.Standard().Account(`"domains": {"example.com": {}, "www.example.com": {}, "new.example.com": {}, "off.example.com": {"enabled": false}}`))
	w.persist(2, policies, "keys dir "+keys+"\ntargets", zone)
	leads := func(name string) string {
		return "_validation-persist." + name + ". 300 IN CNAME " + name + "." + zone + "\n"
	}
	w.nsd(1, map[string]string{above: strings.ReplaceAll(static(above), "ns2.", "ns1.") + leads("example.com") + leads("www.example.com")})
	w.unbound = []string{
		"stub-zone:", `name: "` + above + `"`, "stub-addr: 127.0.0.11@" + w.port,
		"stub-zone:", `name: "` + zone + `"`, "stub-addr: 127.0.0.12@" + w.port,
	}
	resolver := w.resolver()
	run := func(status int, args ...string) string {
		t.Helper()
		var out, complaint strings.Builder
		if got := execute(append([]string{"check", "--live", "--all", policies, "--resolver", resolver, "--port", w.port, "--ipv4"}, args...), &out, &complaint); got != status {
			t.Fatalf("Expected the status %d, got %d: %s%s", status, got, out.String(), complaint.String())
		}
		return out.String()
	}
	var found sweep
	if err := json.Unmarshal([]byte(run(exitFailed, "--zone", zone, "--targets", "-o", "json")), &found); err != nil {
		t.Fatal(err)
	}
	if want := map[status]int{statusOK: 2, statusMissing: 1}; !maps.Equal(found.Counts, want) || found.Without != 1 || len(found.Checked) != 3 {
		t.Errorf("Expected %v and one without a record, got %+v", want, found)
	}
	text := run(exitFailed, "--zone", zone, "--targets")
	for _, part := range []string{"new.example.com", " missing ", "for 3 grants: 2 ok, 1 missing, 1 without a record now were not asked for."} {
		if !strings.Contains(text, part) {
			t.Errorf("Expected %q, got\n%s", part, text)
		}
	}
	if strings.Contains(text, "www.example.com") {
		t.Errorf("Expected what is in order to be counted only, got\n%s", text)
	}
}

// The names of a prefix that fare alike are one line, as show has them.
func TestASweepFoldsThePrefix(t *testing.T) {
	s := sweep{Counts: map[status]int{statusMissing: 4}}
	for _, name := range []record.FQDN{"64.2.0.192.in-addr.arpa", "65.2.0.192.in-addr.arpa", "66.2.0.192.in-addr.arpa", "67.2.0.192.in-addr.arpa"} {
		s.Checked = append(s.Checked, swept{Name: name, Prefix: "192.0.2.64/30", Account: policytest.AccountURI, Status: statusMissing, Reason: "there is no TXT record at " + name.Owner()})
	}
	var folded strings.Builder
	s.text(&folded)
	if out := folded.String(); strings.Count(out, " missing ") != 1 || !strings.Contains(out, "\n192.0.2.64/30 (4 names)  "+policytest.AccountURI+"  missing  there is no TXT record at _ip-validation-persist.64.2.0.192.in-addr.arpa.") {
		t.Errorf("Expected one line for the prefix, got\n%s", out)
	}
	var each strings.Builder
	s.addresses = true
	if s.text(&each); !strings.Contains(each.String(), "\n192.0.2.67 ") || strings.Count(each.String(), " missing ") != 4 {
		t.Errorf("Expected a line for each address, got\n%s", each.String())
	}
}

func TestASweepSaysWhatToDoWhereNoRecordWouldDo(t *testing.T) {
	s := sweep{Counts: map[status]int{statusUnacceptable: 2, statusOK: 1}}
	for _, name := range []record.FQDN{"7.2.0.192.in-addr.arpa", "9.2.0.192.in-addr.arpa"} {
		s.Checked = append(s.Checked, swept{Name: name, Account: policytest.AccountURI, Status: statusUnacceptable, Reason: "no record would be accepted", Advice: "use http-01"})
	}
	s.Checked = append(s.Checked, swept{Name: "example.com", Status: statusOK})
	var out strings.Builder
	s.text(&out)
	for _, part := range []string{"1 ok, 2 unacceptable.", "\n192.0.2.9  " + policytest.AccountURI + "  unacceptable  no record would be accepted\n"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("Expected %q, got\n%s", part, out.String())
		}
	}
	if strings.Count(out.String(), "use http-01") != 1 {
		t.Errorf("Expected the advice once, got\n%s", out.String())
	}
}

func TestASweepEndsWithWhatIsWorst(t *testing.T) {
	for _, tt := range []struct {
		seen []status
		want error
	}{
		{[]status{statusOK}, nil},
		{[]status{statusOK, statusNotYet}, errWaits},
		{[]status{statusNotYet, statusDNSError}, errDNS},
		{[]status{statusBogus, statusMissing, statusNotYet}, errFound},
		{[]status{statusOK, statusUnacceptable}, nil},
		{[]status{statusUnacceptable, statusNotYet}, errWaits},
		{[]status{statusUnacceptable, statusMissing}, errFound},
		{[]status{statusUnacceptable, statusUnacceptable}, errFound},
	} {
		s := sweep{Counts: map[status]int{}, Checked: make([]swept, len(tt.seen))}
		for _, one := range tt.seen {
			s.Counts[one]++
		}
		if got := s.status(); got != tt.want { //nolint:errorlint // these very ones
			t.Errorf("%q: expected %v, got %v", tt.seen, tt.want, got)
		}
	}
}
