package dnssec

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// zoneLines is a zone with every owner that has ever been signed wrongly. It
// is signed in full, with a chain of NSEC records, for validators that look at
// whole zones.
var zoneLines = []string{
	"persist.example. 60 IN SOA Ns1.Example.NET. hostmaster.example.net. 1 7200 1800 86400 60",
	"persist.example. 3600 IN NS Ns2.Example.NET.",
	"persist.example. 3600 IN NS ns1.example.net.",
	"_validation-persist.a.persist.example. 300 IN TXT \"letsencrypt.org; policy=wildcard\" \"second\"",
	"_validation-persist.a.persist.example. 300 IN TXT \"a\"",
	"_validation-persist.b.persist.example. 300 IN TXT \"quo\\\"te \\200\"",
	"*.wild.persist.example. 300 IN TXT wildcard",
	"a.*.wild.persist.example. 300 IN TXT below",
	"*foo.persist.example. 300 IN TXT foo",
	"-.persist.example. 300 IN TXT hyphen",
	"0.persist.example. 300 IN TXT digit",
	"_.persist.example. 300 IN TXT underscore",
	"MiXeD.persist.example. 300 IN MX 10 Mail.EXAMPLE.",
	"\\000.persist.example. 300 IN TXT zero",
	"\\255.persist.example. 300 IN TXT last",
}

func TestWholeZonesPassOtherValidators(t *testing.T) {
	dnssecVerify, err := exec.LookPath("dnssec-verify")
	if err != nil {
		t.Fatal("dnssec-verify is missing: install bind9-utils")
	}
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		file := filepath.Join(t.TempDir(), "zone")
		at := now(t)
		signed := signZone(t, testKeysFrom(t, algorithm, at), at)
		if err := os.WriteFile(file, []byte(signed), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(dnssecVerify, "-o", origin, file).CombinedOutput(); err != nil {
			t.Errorf("Algorithm %d: dnssec-verify: %v\n%s", algorithm, err, out)
		}
		if ldns, err := exec.LookPath("ldns-verify-zone"); err != nil {
			t.Log("Without ldns-verify-zone of ldnsutils, dnssec-verify alone has looked at the zone")
		} else if out, err := exec.Command(ldns, file).CombinedOutput(); err != nil {
			t.Errorf("Algorithm %d: ldns-verify-zone: %v\n%s", algorithm, err, out)
		}
		checkTampered(t, dnssecVerify, file, signed)
	}
}

// checkTampered checks that the validator would have noticed.
func checkTampered(t *testing.T, dnssecVerify, file, signed string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Replace(signed, `"foo"`, `"bar"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(dnssecVerify, "-o", origin, file).CombinedOutput(); err == nil {
		t.Errorf("dnssec-verify accepts a zone with a changed record\n%s", out)
	}
}

func TestDSIsWhatDnssecDsfromkeyMakes(t *testing.T) {
	dsfromkey, err := exec.LookPath("dnssec-dsfromkey")
	if err != nil {
		t.Fatal("dnssec-dsfromkey is missing: install bind9-utils")
	}
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		k := testKeys(t, algorithm, nil)
		set, _ := k.DNSKEY(origin, start)
		file := filepath.Join(t.TempDir(), "dnskey")
		if err := os.WriteFile(file, []byte(set[0].String()+"\n"+set[1].String()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(dsfromkey, "-2", "-f", file, origin).Output()
		if err != nil {
			t.Fatal(err)
		}
		ds := k.DS(origin, start)
		if len(ds) != 1 || ds[0].String() != rrs(t, strings.TrimSpace(string(out)))[0].String() {
			t.Errorf("DS is %v, want %s", ds, out)
		}
	}
}

// now is the time by which other validators go, as the file system has it.
func now(t *testing.T) time.Time {
	t.Helper()
	info, err := os.Stat(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

func testKeysFrom(t *testing.T, algorithm uint8, at time.Time) *KeySet {
	t.Helper()
	raw, err := GenerateKeys("test", algorithm, at, random(algorithm))
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseKeys(raw)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signZone returns the signed zone in presentation form.
func signZone(t *testing.T, k *KeySet, at time.Time) string {
	t.Helper()
	keys, _ := k.DNSKEY(origin, at)
	sets := map[string]map[uint16][]dns.RR{}
	for _, rr := range append(rrs(t, zoneLines...), keys...) {
		owner := strings.ToLower(rr.Header().Name)
		if sets[owner] == nil {
			sets[owner] = map[uint16][]dns.RR{}
		}
		sets[owner][rr.Header().Rrtype] = append(sets[owner][rr.Header().Rrtype], rr)
	}
	owners := slices.SortedFunc(maps.Keys(sets), func(a, b string) int { return order(t, a, b) })
	var zone strings.Builder
	for i, owner := range owners {
		link := Present(owner, slices.Collect(maps.Keys(sets[owner])), 60)
		link.NextDomain = owners[(i+1)%len(owners)]
		sets[owner][dns.TypeNSEC] = []dns.RR{link}
		for _, set := range sets[owner] {
			for _, rr := range append(set, mustSign(t, k, set, at).RRSIG...) {
				fmt.Fprintln(&zone, rr)
			}
		}
	}
	return zone.String()
}
