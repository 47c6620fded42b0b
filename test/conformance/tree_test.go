package conformance

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

const parent = "example."

// Where the servers are.
const (
	rootAddress   = "127.0.0.10"
	parentAddress = "127.0.0.11"
)

var ownAddresses = []string{"127.0.0.53", "127.0.0.54"}

// tree is the DNS above the zones.
type tree struct {
	anchor string // the DS record of the root
	hints  string // a file that says where the root is
}

// newTree serves a signed root and a signed parent zone, which delegates the
// zones with the DS records given, and has more records.
func newTree(t *testing.T, zones map[string]*dns.DS, more string) tree {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("@ NS ns\nns A " + parentAddress + "\n")
	for i, address := range ownAddresses {
		fmt.Fprintf(&b, "ns%d A %s\n", i+1, address)
	}
	for zone, ds := range zones {
		for i := range ownAddresses {
			fmt.Fprintf(&b, "%s NS ns%d\n", zone, i+1)
		}
		fmt.Fprintln(&b, ds)
	}
	b.WriteString(more)
	ds := serveSigned(t, dir, parent, parentAddress, b.String())
	root := "@ NS ns.root.\nns.root. A " + rootAddress + "\n" +
		parent + " NS ns." + parent + "\nns." + parent + " A " + parentAddress + "\n" + ds
	anchor := serveSigned(t, dir, ".", rootAddress, root)

	hints := filepath.Join(dir, "hints")
	write(t, hints, ". 3600 NS ns.root.\nns.root. 3600 A "+rootAddress+"\n")
	return tree{anchor, hints}
}

// serveSigned serves a zone of the records given, signed by BIND's tools, from
// NSD at an address. It returns the zone's DS record.
func serveSigned(t *testing.T, dir, zone, address, records string) string {
	t.Helper()
	file := filepath.Join(dir, "zone"+zone+"db")
	write(t, file, fmt.Sprintf("$TTL 3600\n$ORIGIN %s\n@ SOA ns hostmaster 1 3600 600 86400 60\n%s", zone, records))
	key := strings.TrimSpace(output(t, dir, "dnssec-keygen", "-q", "-a", "13", "-f", "KSK", zone))
	output(t, dir, "dnssec-signzone", "-q", "-S", "-z", "-K", dir, "-o", zone, "-f", file+".signed", file)
	signed, err := os.ReadFile(file + ".signed")
	if err != nil {
		t.Fatal(err)
	}
	serveZone(t, zone, string(signed), address)
	return output(t, dir, "dnssec-dsfromkey", "-2", key)
}

// serveZone serves a zone from NSD at an address.
func serveZone(t *testing.T, zone, text, address string) *parts.NSD {
	t.Helper()
	return parts.NewNSD(t, parts.NSDOptions{
		Address: address + ":53",
		Zones:   map[string]string{zone: text},
		Lines:   []string{"minimal-responses: yes"},
	})
}

// output runs a command in a directory and returns what it prints.
func output(t *testing.T, dir, command string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command, args...)
	cmd.Dir = dir
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, out, complaints.String())
	}
	return string(out)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
