package conformance

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// transferable are the settings whose zones can be transferred.
func transferable() []setting {
	var list []setting
	for _, s := range settings {
		if !s.compact() {
			list = append(list, s)
		}
	}
	return list
}

// transfer returns the zone as a secondary gets it.
func transfer(t *testing.T, s setting) []dns.RR {
	t.Helper()
	envelopes, err := new(dns.Transfer).In(new(dns.Msg).SetAxfr(s.zone()), ownAddresses[0]+":53")
	if err != nil {
		t.Fatal(err)
	}
	var records []dns.RR
	for envelope := range envelopes {
		if envelope.Error != nil {
			t.Fatal(envelope.Error)
		}
		records = append(records, envelope.RR...)
	}
	return records[:len(records)-1] // the SOA record also ends the transfer
}

// zoneText is a zone file of the records, but for those of a type.
func zoneText(records []dns.RR, but uint16) string {
	var b strings.Builder
	for _, rr := range records {
		if rr.Header().Rrtype != but {
			fmt.Fprintln(&b, rr)
		}
	}
	return b.String()
}

// verifier is a program that checks whole zones.
type verifier struct {
	name  string
	args  func(zone, file string) []string
	wants uint16 // it does not pass a zone without records of this type
}

var verifiers = []verifier{
	{"ldns-verify-zone", func(_, file string) []string { return []string{file} }, dns.TypeNSEC},
	{"dnssec-verify", func(zone, file string) []string { return []string{"-o", zone, file} }, dns.TypeNSEC},
	{"named-checkzone", func(zone, file string) []string { return []string{"-i", "local", zone, file} }, dns.TypeNS},
	{"kzonecheck", func(zone, file string) []string { return []string{"-o", zone, "-d", "on", file} }, dns.TypeNSEC},
}

// verify has every verifier look at what the server transfers, and at what it
// must not pass.
func verify(t *testing.T, rep *report) {
	t.Helper()
	for _, s := range transferable() {
		records := transfer(t, s)
		for _, v := range verifiers {
			if said, ok := v.pass(t, s.zone(), zoneText(records, dns.TypeNone)); !ok {
				t.Errorf("%s, %s: %s", v.name, s, said)
				continue
			}
			if said, ok := v.pass(t, s.zone(), zoneText(records, v.wants)); ok {
				t.Errorf("%s passes a zone without %s: %s", v.name, dns.Type(v.wants), said)
			}
			rep.say(v.name, s.String(), "clean")
		}
	}
}

// pass reports whether a verifier has nothing to say against a zone.
func (v verifier) pass(t *testing.T, zone, text string) (said string, ok bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zone")
	write(t, file, text)
	out, err := exec.CommandContext(t.Context(), v.name, v.args(zone, file)...).CombinedOutput()
	return string(out), err == nil && !strings.Contains(strings.ToLower(string(out)), "warning")
}
