package conformance

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// visualise has DNSViz look at the zones from the root down, at every name.
func visualise(t *testing.T, rep *report) {
	t.Helper()
	for _, s := range settings {
		names := make([]string, 0, len(s.names()))
		for _, n := range s.names() {
			names = append(names, n.fqdn)
		}
		if faults := grok(t, names...); faults != "" {
			t.Errorf("DNSViz, %s: %s", s, faults)
		}
		rep.say("DNSViz", s.String(), fmt.Sprintf("%d names, 0 errors, 0 warnings", len(names)))
	}
	if faults := grok(t, bogus); !strings.Contains(faults, "NO_SEP") {
		t.Errorf("DNSViz finds a zone signed by a foreign key right: %s", faults)
	}
}

// grok returns the errors and warnings that DNSViz has about names.
func grok(t *testing.T, names ...string) string {
	t.Helper()
	var asked []string
	for _, qtype := range types {
		if qtype != dns.TypeRRSIG && qtype != unknownType { // which it cannot ask for
			asked = append(asked, dns.Type(qtype).String())
		}
	}
	dir := t.TempDir()
	output(t, dir, "dnsviz", append([]string{"probe", "-4", "-A", "-E", "-d", "0", "-a", ".", "-x", ".+:ns.root=" + rootAddress,
		"-R", strings.Join(asked, ","), "-o", "answers", "--"}, names...)...)
	// Debian's takes no -t, which would only say where it starts to trust.
	return output(t, dir, "dnsviz", "grok", "-P", "-l", "warning", "-r", filepath.Join(dir, "answers"))
}
