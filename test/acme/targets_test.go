package acme

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/test/parts"
)

// targets is a zone to which a CNAME in the signed zone of name leads.
const (
	targets = "persist.example.net"
	target  = name + "." + targets
)

// A CA that asks for the name finds the record by the CNAME, which its resolver
// follows and validates from the one zone into the other.
func TestCertificateIsIssuedThroughACNAME(t *testing.T) {
	d := start(t, (*demo).startVault, (*demo).admit, (*demo).makeKeys)
	d.server = parts.NewCoreDNS(t, parts.CoreDNSOptions{
		Zone: targets,
		Plugins: fmt.Sprintf(strings.TrimSuffix(stanza, "}")+"targets\n}",
			targets, d.vault.Address, d.vault.CA, d.roleID(), d.secretID(), documentsMount, keyDocument),
	})
	d.resolver = newResolverOfBoth(t, d)
	take(t, d, (*demo).startCA, (*demo).register, (*demo).allow, (*demo).grant)
	if err := awaitAt(t.Context(), d.server, target, true); err != nil {
		t.Fatal(err)
	}
	a, err := ask(t.Context(), d.resolver.Address)
	if err != nil || !a.validated || a.record == "" {
		t.Fatalf("Expected a validated record at the CNAME, got %+v, %v", a, err)
	}
	if d.until, err = published(a.record); err != nil {
		t.Fatal(err)
	}

	take(t, d, (*demo).obtain)
	if names := slices.Sorted(slices.Values(d.Certificate.DNSNames)); !slices.Equal(names, []string{"*." + name, name}) {
		t.Errorf("Expected a certificate for the name and its wildcard, got %q", names)
	}

	take(t, d, (*demo).withdraw)
	if err := awaitAt(t.Context(), d.server, target, false); err != nil {
		t.Fatal(err)
	}
	for _, z := range []string{name, targets} {
		if err := d.resolver.Flush(t.Context(), z); err != nil {
			t.Fatal(err)
		}
	}
	take(t, d, (*demo).orderAgain)
	if d.Refusal.Type != unauthorized {
		t.Errorf("Expected the CA to find no record behind the CNAME, it says %v", d.Refusal)
	}
}

// newResolverOfBoth starts an Unbound that trusts the keys of the name's zone and
// of the targets.
func newResolverOfBoth(t *testing.T, d *demo) *parts.Unbound {
	t.Helper()
	pointer, err := d.persistctl(t.Context(), "delegate", name, "--zone", targets, "--targets")
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := d.persistctl(t.Context(), "keys", "ds", targets, "--vault", keyDocument)
	if err != nil {
		t.Fatal(err)
	}
	parent, ds := newSignedZone(t, name, pointer)
	return parts.NewUnbound(t, parts.UnboundOptions{
		Zone: name, Server: parent.Address, Anchor: ds,
		Lines: []string{
			fmt.Sprintf("trust-anchor: %q", strings.ReplaceAll(strings.TrimSpace(anchor), "\t", " ")),
			fmt.Sprintf("stub-zone:\n  name: %q\n  stub-addr: %s", targets, strings.Replace(d.server.Address, ":", "@", 1)),
		},
	})
}

// newSignedZone serves a zone of the records given from NSD, signed by BIND's
// tools. It returns the zone's DS record too.
func newSignedZone(t *testing.T, zone, records string) (nsd *parts.NSD, ds string) {
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
	text := "$TTL 60\n$ORIGIN " + zone + ".\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n" + records
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	key := run("dnssec-keygen", "-q", "-a", "13", "-f", "KSK", zone)
	run("dnssec-signzone", "-q", "-S", "-z", "-K", dir, "-o", zone, "-f", file+".signed", file)
	signed, err := os.ReadFile(file + ".signed")
	if err != nil {
		t.Fatal(err)
	}
	return parts.NewNSD(t, parts.NSDOptions{Zones: map[string]string{zone: string(signed)}}), run("dnssec-dsfromkey", "-2", key)
}
