package persist

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/idna"
)

// However the zone of a name is found, it is the one that CoreDNS itself finds.
func TestNameBelongsToTheZoneThatCoreDNSFinds(t *testing.T) {
	site := newSite(t, documents())
	stanza := "persist example.com _validation-persist.example.org 2.0.192.in-addr.arpa {\npolicies %s\nkeys dir %s\nns ns1.example.net\n}"
	c, err := parseIn(fmt.Sprintf(stanza, site.policies(), site.keys()), "dns://.:53")
	if err != nil {
		t.Fatal(err)
	}
	p := newPersist(c)
	for _, name := range []string{
		".", "com.", "example.com.", "a.b.example.com.", `a\.example.com.`, `example\.com.`, "badexample.com.", "example.com.net.",
		"example.org.", "_validation-persist.example.org.", "x._validation-persist.example.org.", "1.2.0.192.in-addr.arpa.",
	} {
		if got, want := p.authority(name), p.authorities[p.origins.Matches(name)]; got != want {
			t.Errorf("Expected %s to belong to %v, got %v", name, want, got)
		}
	}
}

// What a document refuses as an address or a prefix, the Corefile does too.
func TestAZoneThatIsAnAddressSaysWhatToWrite(t *testing.T) {
	stanza := "persist %s {\npolicies " + t.TempDir() + "\nkeys none\nns ns1.example.net\n}"
	for written, want := range map[string]string{
		"2001:DB8:0::/32 2001:db8::/32": "zone 8.b.d.0.1.0.0.2.ip6.arpa. stands twice, as 2001:DB8:0::/32 and as 2001:db8::/32: keep one",
		"2001:db8::1/32":                `zone "2001:db8::1/32" is an address with the length of a prefix: write 2001:db8::/32 for the prefix, or 2001:db8::1 for the address`,
		"192.0.2.7/24":                  "write 192.0.2.0/24 for the prefix",
		"192.0.2.0/33":                  `zone "192.0.2.0/33" is no IP prefix: write it like 192.0.2.0/24`,
		"0.0.0.0/0":                     "write the prefixes that are yours",
		"192.0.2.7":                     `zone "192.0.2.7" is an address: write _ip-validation-persist.7.2.0.192.in-addr.arpa, where its records stand`,
		"2001:db8::7":                   "write _ip-validation-persist.7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa, where",
		"İstanbul.example":              "zone \"İstanbul.example\" is not a domain name: it is read as",
		"example.org Example.ORG.":      "zone example.org. stands twice, as example.org and as Example.ORG.: keep one",
	} {
		_, err := parseIn(fmt.Sprintf(stanza, written), "dns://.:53")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Testfile:1") {
			t.Errorf("persist %s: expected an error in line 1 with %q, got %v", written, want, err)
		}
	}
}

// Labels are counted as they are sent, which may take fewer octets than U-labels.
func TestALongULabelIsNoLongLabel(t *testing.T) {
	written := strings.Repeat("\u6f22", 22) + ".example"
	ascii, err := idna.Lookup.ToASCII(written)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readOrigins(written); err != nil || fmt.Sprint(got) != "["+ascii+".]" {
		t.Errorf("Expected %s, got %v, %v", ascii, got, err)
	}
}

// A server block is found by the A-labels of a question, so one of U-labels by none.
func TestZonesAreWrittenAsInDocuments(t *testing.T) {
	stanza := "persist %s {\npolicies " + t.TempDir() + "\nkeys none\nns ns1.bücher.example\n}"
	for _, c := range []struct{ block, written, want string }{
		{"dns://.:53", "_validation-persist.Bücher.example", "[_validation-persist.xn--bcher-kva.example.]"},
		{"dns://.:53", "2001:DB8:0::/32", "[8.b.d.0.1.0.0.2.ip6.arpa.]"},
		{"dns://.:53", "192.0.2.0/23", "[2.0.192.in-addr.arpa. 3.0.192.in-addr.arpa.]"},
		{"dns://.:53", "dns://example.org:5353", "[example.org.]"},
		{"dns://example.org.:53", "", "[example.org.]"},
	} {
		config, err := parseIn(fmt.Sprintf(stanza, c.written), c.block)
		if err != nil {
			t.Errorf("persist %s: %v", c.written, err)
			continue
		}
		var got []string
		for _, z := range config.zones {
			got = append(got, z.Origin)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("persist %s: expected %s, got %v", c.written, c.want, got)
		}
	}
	if _, err := parseIn(fmt.Sprintf(strings.Replace(stanza, "bücher", "büro", 1), ""), "dns://bücher.example.:53"); err == nil || !strings.Contains(err.Error(), "begin a server block with xn--bcher-kva.example.") {
		t.Errorf("Expected an error for a server block in U-labels, got %v", err)
	}
}

// One zone may be served on several ports.
func TestAServerBlockOfOneZoneOnTwoPortsIsOneZone(t *testing.T) {
	config, err := parseIn("persist {\npolicies "+t.TempDir()+"\nkeys none\nns ns1.example.net\n}", "dns://example.org.:53", "tls://example.org.:853")
	if err != nil || len(config.zones) != 1 {
		t.Errorf("Expected one zone, got %v, %v", config, err)
	}
}
