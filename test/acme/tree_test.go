package acme

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// Where the servers of the tree are.
const (
	aboveAddress = "127.0.0.10" // those of the root and the zones that owners of names have
	ownAddress   = "127.0.0.53" // ns1.example.net, which is persist's
)

// newTree serves a signed root and signed zones below it from NSD, each with the
// records given; those of "." are the root's. The resolver that it returns knows
// where the root is and its DS record, and finds all else by NS and DS records.
func newTree(t *testing.T, zones map[string]string) *parts.Unbound {
	t.Helper()
	served := map[string]string{}
	root := fmt.Sprintf("ns.above. A %s\nns1.example.net. A %s\n%s", aboveAddress, ownAddress, zones["."])
	for zone, records := range zones {
		if zone == "." {
			continue
		}
		text, ds := signed(t, zone, records)
		served[zone] = text
		root += fmt.Sprintf("%s. NS ns.above.\n%s\n", zone, ds)
	}
	text, anchor := signed(t, ".", root)
	served["."] = text
	nsd := parts.NewNSD(t, parts.NSDOptions{Address: aboveAddress + ":53", Zones: served})
	return parts.NewUnbound(t, parts.UnboundOptions{Zone: ".", Server: nsd.Address, Anchor: anchor})
}

// signed is a zone of the records given, signed by BIND's tools, and its DS record.
func signed(t *testing.T, zone, records string) (text, ds string) {
	t.Helper()
	dir := t.TempDir()
	run := func(command string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), command, args...)
		cmd.Dir = dir
		var complaints strings.Builder
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s%s", cmd, err, out, complaints.String())
		}
		return strings.TrimSpace(string(out))
	}
	file := filepath.Join(dir, "zone")
	text = fmt.Sprintf("$TTL 60\n$ORIGIN %s\n@ SOA ns.above. hostmaster.above. 1 3600 600 86400 60\n@ NS ns.above.\n%s", dns.Fqdn(zone), records)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	key := run("dnssec-keygen", "-q", "-a", "13", "-f", "KSK", zone)
	run("dnssec-signzone", "-q", "-S", "-z", "-K", dir, "-o", zone, "-f", file+".signed", file)
	done, err := os.ReadFile(file + ".signed")
	if err != nil {
		t.Fatal(err)
	}
	return string(done), run("dnssec-dsfromkey", "-2", key)
}
