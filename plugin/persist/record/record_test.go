package record_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// The first texts are of draft-ietf-acme-dns-persist-02 sections 10.1 to 10.5;
// the date of the persistUntil is theirs too.
var texts = map[string]record.Record{
	"authority.example; accounturi=" + hashedURI: {
		Issuer: "authority.example", AccountURI: hashedURI},
	"authority.example; accounturi=" + hashedURI + "; policy=wildcard": {
		Issuer: "authority.example", AccountURI: hashedURI, Wildcard: true},
	"authority.example; accounturi=" + hashedURI + "; persistUntil=1721952000": {
		Issuer: "authority.example", AccountURI: hashedURI, Until: time.Date(2024, 7, 26, 0, 0, 0, 0, time.UTC)},
	"authority.example; accounturi=" + hashedURI + "; policy=wildcard; persistUntil=1721952000": {
		Issuer: "authority.example", AccountURI: hashedURI, Wildcard: true, Until: time.Date(2024, 7, 26, 0, 0, 0, 0, time.UTC)},
	"sectigo.com; accounturi=acct:1234567@sectigo.com; persistUntil=0": {
		Issuer: "sectigo.com", AccountURI: "acct:1234567@sectigo.com", Until: time.Unix(0, 0).UTC()},
	"ca.example; accounturi=https://ca.example/?a=b&policy=wildcard; persistUntil=253402300799": {
		Issuer: "ca.example", AccountURI: "https://ca.example/?a=b&policy=wildcard", Until: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
}

func TestRecordsAreRenderedAndParsed(t *testing.T) {
	for text, r := range texts {
		if got, err := r.Render(); err != nil || got != text {
			t.Errorf("Render: expected %q, got %q, %v", text, got, err)
		}
		got, err := record.Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Errorf("Parse(%q) differs (-want +got):\n%s", text, diff)
		}
	}
}

// Rounding up would promise more than was asked for.
func TestFractionsOfASecondAreCutOff(t *testing.T) {
	at := time.Date(2024, 7, 26, 1, 59, 59, 999, time.FixedZone("", 7200))
	text, err := record.Record{Issuer: "ca.example", AccountURI: accountURL, Until: at}.Render()
	if want := "ca.example; accounturi=https://ca.example/acct/123; persistUntil=1721951999"; err != nil || text != want {
		t.Errorf("Expected %q, got %q, %v", want, text, err)
	}
}

func TestFieldsThatNoRecordCanHoldDoNotRender(t *testing.T) {
	valid := record.Record{Issuer: "ca.example", AccountURI: accountURL}
	for part, change := range map[string]func(*record.Record){
		`"CA.example" is not in normal form: write "ca.example"`: func(r *record.Record) { r.Issuer = "CA.example" },
		"issuer-domain-name \"\" is empty":                       func(r *record.Record) { r.Issuer = "" },
		`contains ';'`:                                           func(r *record.Record) { r.Issuer = "ca.example;x" },
		"accounturi: the account URI is empty":                   func(r *record.Record) { r.AccountURI = "" },
		"accounturi: the account URI has no scheme":              func(r *record.Record) { r.AccountURI = "123" },
		"accounturi: the account URI \"https://ca.example/acct/123;policy=wildcard\" contains ';'": func(r *record.Record) { r.AccountURI += ";policy=wildcard" },
		"persistUntil is -1":           func(r *record.Record) { r.Until = time.Unix(-1, 0) },
		"persistUntil is 253402300800": func(r *record.Record) { r.Until = time.Unix(253402300800, 0) },
	} {
		r := valid
		change(&r)
		text, err := r.Render()
		expectError(t, err, part)
		if text != "" {
			t.Errorf("Expected nothing beside the error %v, got %q", err, text)
		}
	}
}

func TestTheLongestPrefixStillMakesAHashedRecord(t *testing.T) {
	prefix := "https://ca.example/" + strings.Repeat("a", 1024-len("https://ca.example/"))
	if err := record.CheckAccountURI(prefix); err != nil {
		t.Fatalf("Expected a prefix of %d octets to be accepted, got %v", len(prefix), err)
	}
	uri := record.HashAccountURI(prefix, "example.com", thumbprint, accountURL)
	if _, err := (record.Record{Issuer: "ca.example", AccountURI: uri}).Render(); err != nil {
		t.Errorf("Expected the hashed URI to render, got %v", err)
	}
	if _, err := (record.Record{Issuer: "ca.example", AccountURI: uri + "a"}).Render(); err == nil {
		t.Error("Expected a longer URI to be refused")
	}
}

// Several of these are good for some validator or other.
func TestOtherSpellingsDoNotParse(t *testing.T) {
	const r = "ca.example; accounturi=https://ca.example/acct/123"
	for text, part := range map[string]string{
		"":           "issuer-domain-name",
		"ca.example": "accounturi",
		"; accounturi=https://ca.example/acct/123":            "issuer-domain-name",
		"CA.example; accounturi=https://ca.example/acct/123":  "issuer-domain-name",
		"ca.example.; accounturi=https://ca.example/acct/123": "issuer-domain-name",
		" " + r: "issuer-domain-name",
		"ca.example;accounturi=https://ca.example/acct/123":    "issuer-domain-name",
		"ca.example;  accounturi=https://ca.example/acct/123":  `" accounturi" is unknown`,
		"ca.example; Accounturi=https://ca.example/acct/123":   `"Accounturi" is unknown`,
		"ca.example; accounturi = https://ca.example/acct/123": `"accounturi " is unknown`,
		"ca.example; accounturi=":                              "accounturi",
		"ca.example; accounturi":                               "accounturi",
		"ca.example; policy=wildcard":                          "accounturi",
		r + ";":                                                "accounturi",
		r + "; ":                                               `"" is unknown`,
		r + " ":                                                "accounturi",
		r + "; foo=bar":                                        `"foo" is unknown`,
		r + "; accounturi=https://ca.example/acct/123":         "accounturi stands twice",
		r + "; policy=wildcard; policy=wildcard":               "policy stands twice",
		r + "; persistUntil=1; policy=wildcard":                "policy stands twice or too late",
		r + "; policy=WILDCARD":                                "policy",
		r + "; policy=":                                        "policy",
		r + "; policy=wildcard;":                               "policy",
		r + "; persistuntil=1":                                 `"persistuntil" is unknown`,
		r + "; persistUntil=":                                  "persistUntil",
		r + "; persistUntil=+1":                                "persistUntil",
		r + "; persistUntil=-1":                                "persistUntil",
		r + "; persistUntil=01":                                "persistUntil",
		r + "; persistUntil=1.5":                               "persistUntil",
		r + "; persistUntil=1e9":                               "persistUntil",
		r + "; persistUntil=1;":                                "persistUntil",
		r + "; persistUntil=253402300800":                      "persistUntil",
		r + "; persistUntil=99999999999999999999":              "persistUntil",
	} {
		got, err := record.Parse(text)
		expectError(t, err, part)
		if diff := cmp.Diff(record.Record{}, got); diff != "" {
			t.Errorf("Parse(%q): expected nothing beside the error, got %s", text, diff)
		}
	}
}

func TestCharacterStringsFillTXTRecords(t *testing.T) {
	for length, want := range map[int][]int{0: {0}, 1: {1}, 255: {255}, 256: {255, 1}, 510: {255, 255}, 600: {255, 255, 90}} {
		text := strings.Repeat("0123456789", 60)[:length]
		list := record.CharacterStrings(text)
		lengths := make([]int, 0, len(list))
		for _, s := range list {
			lengths = append(lengths, len(s))
		}
		if !slices.Equal(lengths, want) {
			t.Errorf("Strings of %d octets: expected the lengths %v, got %v", length, want, lengths)
		}
		if got := overTheWire(t, list); got != text {
			t.Errorf("Expected %q from the wire, got %q", text, got)
		}
	}
}

// overTheWire packs a TXT resource record, and joins what comes back.
func overTheWire(t *testing.T, list []string) string {
	t.Helper()
	rr := &dns.TXT{Hdr: dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: list}
	buf := make([]byte, 4096)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		t.Fatalf("The strings are no TXT record: %v", err)
	}
	back, _, err := dns.UnpackRR(buf[:n], 0)
	if err != nil {
		t.Fatalf("The TXT record does not unpack: %v", err)
	}
	return strings.Join(back.(*dns.TXT).Txt, "")
}

func FuzzParse(f *testing.F) {
	for text := range texts {
		f.Add(text)
	}
	f.Add("ca.example; accounturi=https://ca.example/acct/123; persistUntil=01")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := record.Parse(text)
		if err != nil {
			return
		}
		again, err := r.Render()
		if err != nil || again != text {
			t.Errorf("Expected %q to render as it was parsed, got %q, %v", text, again, err)
		}
	})
}

// What renders is parsed, and means the same to everybody who reads it.
func FuzzRender(f *testing.F) {
	f.Add("ca.example", accountURL, true, int64(1721952000))
	f.Add("CA.example", "123", false, int64(-1))
	f.Add("xn--bcher-kva.example", hashedURI, false, int64(0))
	f.Fuzz(func(t *testing.T, issuer, uri string, wildcard bool, until int64) {
		r := record.Record{Issuer: issuer, AccountURI: uri, Wildcard: wildcard, Until: time.Unix(until, 0).UTC()}
		text, err := r.Render()
		if err != nil {
			return
		}
		back, err := record.Parse(text)
		if err != nil {
			t.Fatalf("Expected %q to parse, got %v", text, err)
		}
		if diff := cmp.Diff(r, back); diff != "" {
			t.Errorf("Parsing %q differs (-want +got):\n%s", text, diff)
		}
		expectUnderstood(t, r, text)
	})
}

func TestReadTakesWhatPatientCAsTake(t *testing.T) {
	want := record.Record{Issuer: "ca.example", AccountURI: "https://ca.example/acct/1", Wildcard: true, Until: time.Unix(1798761600, 0).UTC()}
	text, err := want.Render()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		text,
		"CA.example. ;persistuntil=1798761600;  POLICY=Wildcard ;accounturi=https://ca.example/acct/1; x=y",
	} {
		if got, err := record.Read(s); err != nil || got != want {
			t.Errorf("%q: expected %v, got %v, %v", s, want, got, err)
		}
	}
	for _, s := range []string{"", "ca.example", "ca.example; policy=wildcard", "ca.example; accounturi=x", text + "; policy=wildcard", "ca.example; accounturi=https://ca.example/1; persistUntil=-1"} {
		if got, err := record.Read(s); err == nil {
			t.Errorf("%q: expected an error, got %v", s, got)
		}
	}
}
