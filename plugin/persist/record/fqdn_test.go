package record_test

import (
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

func TestNamesAreNormalised(t *testing.T) {
	for _, tt := range []struct {
		written  string
		name     record.FQDN
		wildcard bool
	}{
		{"example.com", "example.com", false},
		{"EXAMPLE.com.", "example.com", false},
		{"*.example.com", "example.com", true},
		{"*.Example.COM.", "example.com", true},
		{"com", "com", false},
		{"_dmarc.a_b.example.com", "_dmarc.a_b.example.com", false},
		{"r3---sn-apo3.example.com", "r3---sn-apo3.example.com", false},
		{"123.example.com", "123.example.com", false},
		{"1.2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa", false},
		{"1.0.0.0.8.B.D.0.1.0.0.2.ip6.arpa", "1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", false},
		{strings.Repeat("a", 63) + ".example", record.FQDN(strings.Repeat("a", 63) + ".example"), false},
	} {
		name, wildcard, err := record.ParseFQDN(tt.written)
		if err != nil || name != tt.name || wildcard != tt.wildcard {
			t.Errorf("ParseFQDN(%q): expected %q, %t, got %q, %t, %v", tt.written, tt.name, tt.wildcard, name, wildcard, err)
		}
	}
}

// The first four are of RFC 3492 section 7.1. On the others, the URL parser of
// Node.js 20 and the module idna 3.13 of Python agree.
func TestInternationalNamesBecomeALabels(t *testing.T) {
	for written, want := range map[string]record.FQDN{
		"他们为什么不说中文.example":                    "xn--ihqwcrb4cv8a8dqg056pqjye.example",
		"почемужеонинеговорятпорусски.example": "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l.example",
		"Pročprostěnemluvíčesky.example":       "xn--proprostnemluvesky-uyb24dma41a.example",
		"TạisaohọkhôngthểchỉnóitiếngViệt.vn":   "xn--tisaohkhngthchnitingvit-kjcr8268qyxafd2f1b9g.vn",

		"Bücher.example":             "xn--bcher-kva.example",
		"bu\u0308cher.example":       "xn--bcher-kva.example", // NFC
		"A\u030a.com":                "xn--5ca.com",           // case folded, then NFC
		"\u212b.com":                 "xn--5ca.com",           // the Ångström sign
		"\u212aelvin.com":            "kelvin.com",            // the Kelvin sign
		"XN--BCHER-KVA.example":      "xn--bcher-kva.example",
		"xn--strae-oqa.de":           "xn--strae-oqa.de",
		"STRASSE.de":                 "strasse.de",
		"ＥＸＡＭＰＬＥ．com":                "example.com", // full width, and its full stop
		"例え。テスト":                     "xn--r8jz45g.xn--zckzah",
		"\ufb01n.com":                "fin.com",       // a ligature
		"\u01c4.com":                 "xn--d-toa.com", // a letter of two
		"ex\u00adample.com":          "example.com",   // the soft hyphen
		"ΒΌΛΟΣ.com":                  "xn--nxasmq6b.com",
		"\u0915\u094d\u200d\u0937.x": "xn--11b2ezcw70k.x", // a joiner where one may be
		"א1.com":                     "xn--1-zhc.com",
	} {
		if name, _, err := record.ParseFQDN(written); err != nil || name != want {
			t.Errorf("ParseFQDN(%+q): expected %q, got %q, %v", written, want, name, err)
		}
	}
}

func TestNamesThatCannotBeValidatedAreRefused(t *testing.T) {
	for written, parts := range map[string][]string{
		"":                       {"names no domain", "example.com"},
		".":                      {"names no domain"},
		"*":                      {"whole first label", "*.example.com"},
		"*.":                     {"names no domain"},
		"*.*.example.com":        {"whole first label"},
		"a.*.example.com":        {"whole first label"},
		"a*.example.com":         {"whole first label"},
		"＊.example.com":          {"whole first label"},
		"a..example.com":         {"empty label"},
		".example.com":           {"empty label"},
		"example.com..":          {"empty label"},
		"xn--.com":               {"empty label"},
		"\u200b.example.com":     {"empty label"},
		"-a.example.com":         {"hyphen"},
		"a-.example.com":         {"hyphen"},
		"exa mple.com":           {`contains ' '`, "letters, digits and hyphens"},
		"https://example.com":    {`contains ':'`},
		"a／b.example.com":        {`contains '/'`},
		"exa\x00mple.com":        {`contains '\x00'`},
		"exa\\.mple.com":         {`contains '\\'`},
		"exa\xffmple.com":        {"not UTF-8"},
		"a\u0378b.com":           {"IDNA2008"}, // not assigned
		"\u202eelpmaxe.com":      {"IDNA2008"}, // turns the writing round
		"a\u200db.com":           {"IDNA2008"}, // a joiner that joins nothing
		"1א.com":                 {"IDNA2008"}, // RFC 5893 section 2
		"xn--a.com":              {"IDNA2008"}, // decodes to a control character
		"*.192.0.2.1":            {"wildcard of an IP address", "write 192.0.2.1"},
		"*.192.0.2.0/24":         {"wildcard of an IP address", "write 192.0.2.0/24"},
		"*.2.0.192.in-addr.arpa": {"wildcard of an IP address"},
		"fe80::1%eth0":           {"one link", "write fe80::1"},
		"192.0.2.1/24":           {"write 192.0.2.0/24", "192.0.2.1 for the address"},
		"192.0.2.0/25":           {"128 reverse names", "0.2.0.192.in-addr.arpa", "127.2.0.192.in-addr.arpa"},
		"0.0.0.0/0":              {"every address"},
		"192.0.2.0/33":           {`contains '/'`},
		"１９２.0.2.1":              {"ends in a number", "no IP address"},
		"127.1":                  {"ends in a number"},
		"192.0.2.007":            {"is no IP address: write 192.0.2.7"},
		"192.000.002.019":        {"is no IP address: write 192.0.2.19"},

		"_validation-persist.example.com":               {"_validation-persist", "without it"},
		"*._VALIDATION-persist.example.com":             {"_validation-persist", "without it"},
		"www._validation-persist.example.com":           {"_validation-persist", "without it"},
		"_ip-validation-persist.1.2.0.192.in-addr.arpa": {"_ip-validation-persist", "without it"},

		strings.Repeat("a", 64) + ".com":     {"label of 64 octets"},
		strings.Repeat("a.", 149) + "aa":     {"has 300 octets", "255", "write a name of 233 octets"},
		strings.Repeat("example.", 600):      {"more than 253 octets"},
		strings.Repeat("ü", 62) + ".example": {"label of "},
	} {
		name, wildcard, err := record.ParseFQDN(written)
		if err == nil {
			t.Errorf("ParseFQDN(%.70q): expected an error, got %q, %t", written, name, wildcard)
			continue
		}
		expectError(t, err, parts...)
		if name != "" || wildcard {
			t.Errorf("ParseFQDN(%.70q): expected nothing beside the error, got %q, %t", written, name, wildcard)
		}
	}
}

// Some programs read an octet with a zero in front as octal.
func TestWhatMayBeOneAddressOrAnotherIsNotGuessed(t *testing.T) {
	for _, written := range []string{"192.0.2.010", "192.0.02.256", "192.0.2.0", "01.2.3"} {
		if _, _, err := record.ParseFQDN(written); err != nil && strings.Contains(err.Error(), "write") {
			t.Errorf("ParseFQDN(%q) guesses: %v", written, err)
		}
	}
}

// Unicode case folding makes ss of ß, and IDNA2008 registers both: a record at
// either could be the wrong one.
func TestNamesThatClientsReadDifferentlyAreRefused(t *testing.T) {
	for written, parts := range map[string][]string{
		"straße.de":      {`"strasse.de"`, `"xn--strae-oqa.de"`},
		"STRA\u1e9eE.de": {`"strasse.de"`, `"xn--strae-oqa.de"`},
		"βόλος.com":      {`"xn--nxasmq6b.com"`, `"xn--nxasmm1c.com"`},
		"İstanbul.com":   {`"xn--istanbul-o0e.com"`, `"istanbul.com"`},
	} {
		if name, _, err := record.ParseFQDN(written); err == nil {
			t.Errorf("ParseFQDN(%q): expected an error, got %q", written, name)
		} else {
			expectError(t, err, append(parts, "write the one that is meant")...)
		}
	}
}

// The owner of the longest name that is accepted is the longest that DNS has.
func TestTheLongestNameIsThatOfTheLongestOwner(t *testing.T) {
	for suffix, longest := range map[string]int{"a.example": 233, "1.in-addr.arpa": 230, "1.ip6.arpa": 230} {
		s := suffix
		for len(s) < longest-1 {
			s = "a." + s
		}
		s = strings.Repeat("b", longest-len(s)) + s
		name, _, err := record.ParseFQDN(s)
		if err != nil {
			t.Fatalf("Expected a name of %d octets to be accepted, got %v", len(s), err)
		}
		if n := wireLength(t, name.Owner()); n != 255 {
			t.Errorf("Expected an owner of 255 octets, got %d", n)
		}
		if _, _, err := record.ParseFQDN("b" + s); err == nil {
			t.Errorf("Expected a name of %d octets to be refused", len(s)+1)
		}
	}
}

func TestErrorsShowLittleOfWhatWasPasted(t *testing.T) {
	secret := strings.Repeat("k", 64)
	for _, s := range []string{secret + "SECRET", secret + "SECRET..", secret + "SECRET*", "*." + secret + "SECRET/"} {
		if _, _, err := record.ParseFQDN(s); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("ParseFQDN(%q): expected an error that is cut, got %v", s, err)
		}
	}
}

func FuzzParseFQDN(f *testing.F) {
	for _, s := range []string{"example.com", "*.BÜCHER.example.", "a..b", "xn--bcher-kva", "1.2.0.192.in-addr.arpa", "192.0.2.1", "straße.de", "a\xffb", "。"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, _, err := record.ParseFQDN(s)
		if err != nil {
			if len(err.Error()) > 1200 {
				t.Errorf("Expected a short error, got %d octets", len(err.Error()))
			}
			return
		}
		if again, wildcard, err := record.ParseFQDN(string(name)); err != nil || again != name || wildcard {
			t.Errorf("Expected %q to be in normal form, got %q, %t, %v", name, again, wildcard, err)
		}
		if n := wireLength(t, name.Owner()); n > 255 {
			t.Errorf("Expected an owner of at most 255 octets, got %d", n)
		}
		if back, ok := record.FromOwner(name.Owner()); !ok || back != name {
			t.Errorf("Expected %q back from its owner, got %q, %t", name, back, ok)
		}
	})
}

// wireLength packs name as a server does.
func wireLength(t *testing.T, name string) int {
	t.Helper()
	n, err := dns.PackDomainName(name, make([]byte, 512), 0, nil, false)
	if err != nil {
		t.Fatalf("The owner %q is no domain name: %v", name, err)
	}
	return n
}

// expectError fails unless err says each of the parts.
func expectError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("Expected an error with %q, got none", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("Expected %q in the error, got %q", part, err)
		}
	}
}
