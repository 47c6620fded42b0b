package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/parts"
)

// liveWorld is a zone with the servers ns1 and ns2.example.net, each at an address of
// its own, and a validating resolver.
type liveWorld struct {
	t       *testing.T
	port    string
	zone    string
	unbound []string // more of its configuration
	anchor  string   // what the resolver trusts
	names   int      // servers that the zone has
	ns      string   // their names, as CoreDNS has them
}

func newLiveWorld(t *testing.T, zone string) *liveWorld {
	t.Helper()
	port, err := parts.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return &liveWorld{t: t, port: fmt.Sprint(port), zone: zone, names: 2, ns: "ns1.example.net ns2.example.net"}
}

// address is that of server number n.
func (w *liveWorld) address(n int) string { return fmt.Sprintf("127.0.0.%d:%s", 10+n, w.port) }

// persist starts CoreDNS as server number n, with the documents and the keys in
// directories, for zones.
func (w *liveWorld) persist(n int, policies, keys string, zones ...string) {
	w.t.Helper()
	program, err := parts.Program("coredns")
	if err != nil {
		w.t.Fatal(err)
	}
	host, _, _ := strings.Cut(w.address(n), ":")
	parts.NewServer(w.t, parts.ServerOptions{
		Address: w.address(n),
		Configuration: fmt.Sprintf(".:%s {\nbind %s\nerrors\npersist %s {\npolicies %s\n%s\nns %s\n}\n}\n",
			w.port, host, strings.Join(zones, " "), policies, keys, w.ns),
		Ready:   questionFor(zones[0]),
		Program: program,
		Args:    []string{"-conf"},
	})
}

// nsd starts NSD as server number n, with zone files as they are, and with more
// lines in its configuration.
func (w *liveWorld) nsd(n int, zones map[string]string, lines ...string) {
	w.t.Helper()
	parts.NewNSD(w.t, parts.NSDOptions{Address: w.address(n), Zones: zones, Lines: lines})
}

// resolver starts Unbound, which knows servers 1 to w.names for each of zones.
func (w *liveWorld) resolver(zones ...string) string {
	w.t.Helper()
	lines := make([]string, 0, 32)
	lines = append(lines, "ede: yes", `local-zone: "example.net." static`)
	for n := range 2 {
		lines = append(lines, fmt.Sprintf(`local-data: "ns%d.example.net. A 127.0.0.%d"`, n+1, 11+n))
	}
	if _, above, _ := strings.Cut(w.zone, "."); !slices.Contains(zones, above) && !slices.Contains(w.unbound, `name: "`+above+`"`) {
		// No server of the Internet is asked for the delegation.
		lines = append(lines, fmt.Sprintf("local-zone: %q typetransparent", above), fmt.Sprintf(`local-data: "%s NS ns9.example.net."`, above))
	}
	lines = append(lines, w.unbound...)
	for _, zone := range append(zones, w.zone) {
		lines = append(lines, "stub-zone:", fmt.Sprintf("name: %q", zone))
		for n := range w.names {
			lines = append(lines, "stub-addr: "+strings.Replace(w.address(n+1), ":", "@", 1))
		}
	}
	u := parts.NewUnbound(w.t, parts.UnboundOptions{Zone: "nothing.example", Server: w.address(1), Anchor: w.anchor, Lines: lines})
	return u.Address
}

// keysFor makes a directory of keys.
func keysFor(t *testing.T) string {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys")
	persistctl(t, "keys", "init", "--dir", keys, "--name", "example")
	return keys
}

// documentsIn writes documents into a directory.
func documentsIn(t *testing.T, d policytest.Documents) string {
	t.Helper()
	dir := t.TempDir()
	d.Write(t, dir)
	return dir
}

// static is a zone file with the TXT records texts at the apex.
func static(zone string, texts ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%[1]s 300 IN SOA ns1.example.net. hostmaster.example.net. 1 7200 1800 86400 60\n%[1]s 300 IN NS ns1.example.net.\n%[1]s 300 IN NS ns2.example.net.\n", zone)
	for _, text := range texts {
		fmt.Fprintf(&b, "%s 300 IN TXT %q\n", zone, text)
	}
	return b.String()
}

// bind is a zone's key pair of BIND's tools, which sign with any times.
type bind struct {
	t         *testing.T
	dir, zone string
	base      string // of the key's files
}

func newBind(t *testing.T, zone string) *bind {
	t.Helper()
	b := &bind{t: t, dir: t.TempDir(), zone: zone}
	b.base = strings.TrimSpace(b.run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K", b.dir, zone))
	return b
}

func (b *bind) run(program string, args ...string) string {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), program, args...)
	cmd.Dir = b.dir
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		b.t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, complaint.String())
	}
	return string(out)
}

// ds is the DS record of the key.
func (b *bind) ds() string {
	b.t.Helper()
	return strings.TrimSpace(b.run("dnssec-dsfromkey", "-2", "-K", b.dir, b.base))
}

// sign signs a zone file, with signatures that are valid to an instant.
func (b *bind) sign(text string, end time.Time) string {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "zone"), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	const layout = "20060102150405"
	b.run("dnssec-signzone", "-P", "-S", "-z", "-K", b.dir, "-O", "full", "-o", b.zone, "-f", "signed",
		"-s", end.UTC().Add(-30*24*time.Hour).Format(layout), "-e", end.UTC().Format(layout), "zone")
	signed, err := os.ReadFile(filepath.Join(b.dir, "signed"))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(signed)
}

var txtSignature = regexp.MustCompile(`(?m)^.*\sRRSIG\s+TXT\s.*$`)

// swapped is a signed zone file with the signature over TXT of another one.
func swapped(t *testing.T, signed, other string) string {
	t.Helper()
	from, to := txtSignature.FindString(signed), txtSignature.FindString(other)
	if from == "" || to == "" || from == to {
		t.Fatalf("Expected signatures over TXT that differ, got %q and %q", from, to)
	}
	return strings.Replace(signed, from, to, 1)
}
