package dnssec

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// secret is a seed as documents have it.
const secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// other is another one.
const other = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

// minimal is the shortest document.
const minimal = `{"schema": 1, "name": "test", "algorithm": 13,
	"zsks": [{"seed": "` + secret + `", "start": "2026-11-24T12:00:00Z"}],
	"ksks": [{"seed": "` + secret + `", "publish": "2026-11-24T12:00:00Z", "active": "2026-11-24T12:00:00Z"}]}`

func TestGeneratedKeysReadLikeThis(t *testing.T) {
	raw, err := GenerateKeys("_validation-persist.example.com.", dns.ECDSAP256SHA256, start.Add(30*time.Minute), zeros{})
	if err != nil {
		t.Fatal(err)
	}
	const zero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	want := `{
  "schema": 1,
  "name": "_validation-persist.example.com.",
  "algorithm": 13,
  "validity": {
    "data": "72h",
    "dnskey": "336h"
  },
  "dnskey_ttl": 3600,
  "zsks": [
    {
      "seed": "` + zero + `",
      "start": "2026-11-24T12:00:00Z",
      "lifetime": "720h"
    }
  ],
  "ksks": [
    {
      "seed": "` + zero + `",
      "publish": "2026-11-24T12:00:00Z",
      "active": "2026-11-24T12:00:00Z"
    }
  ]
}
`
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Error(diff)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestKeysAreNotGeneratedWithoutRandomOrSense(t *testing.T) {
	broken := errors.New("broken")
	for i, random := range []io.Reader{iotest.ErrReader(broken), io.MultiReader(io.LimitReader(zeros{}, 40), iotest.ErrReader(broken))} {
		if _, err := GenerateKeys("test", 13, start, random); !errors.Is(err, broken) {
			t.Errorf("Reader %d: Error is %v", i, err)
		}
	}
	if _, err := GenerateKeys("Test!", 13, start, zeros{}); err == nil || !strings.Contains(err.Error(), "name") {
		t.Errorf("Error is %v, want one about the name", err)
	}
	if _, err := GenerateKeys("test", 8, start, zeros{}); err == nil || !strings.Contains(err.Error(), "algorithm is 8") {
		t.Errorf("Error is %v, want one about the algorithm", err)
	}
}

func TestWhatADocumentLeavesOutHasItsDefault(t *testing.T) {
	d, err := parseDocument([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"data": "72h"`, `"dnskey": "336h"`, `"dnskey_ttl": 3600`, `"lifetime": "720h"`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("The document does not come to have %s:\n%s", want, got)
		}
	}
}

func TestTwoSpellingsOfADocumentMeanTheSameKeys(t *testing.T) {
	spelt := strings.NewReplacer(
		`"2026-11-24T12:00:00Z"}]}`, `"2026-11-24T13:00:00+01:00", "retire": null}], "validity": {"dnskey": "336h"}, "dnskey_ttl": 3600}`,
	).Replace(minimal)
	one, err := ParseKeys([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	other, err := ParseKeys([]byte(spelt))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := one.DNSKEY(origin, start)
	b, _ := other.DNSKEY(origin, start)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsNameTheMemberAndNotTheSeed(t *testing.T) {
	for _, tt := range []struct{ old, with, want string }{
		{minimal, "", "is not JSON"},
		{minimal, "nonsense", "is not JSON from octet"},
		{minimal, "[]", "it is no such value: write an object"},
		{minimal, minimal + "x", "is not JSON from octet"},
		{`"schema": 1,`, ``, "schema is not 1"},
		{`"schema": 1`, `"schema": 2`, "schema is not 1"},
		{`"schema": 1`, `"schema": 1, "schema": 1`, "schema stands twice"},
		{`"schema": 1`, `"schema": 1, "shcema": 1`, "shcema is unknown here"},
		{`"schema": 1`, `"schema": 1, "` + secret + `": 1`, "(a name of 44 octets) is unknown here"},
		{`"schema": 1`, `"schema": 1, "a b\u0000": 1`, `"a b\x00" is unknown here`},
		{`"schema": 1`, `"Schema": 1`, "Schema is unknown here"},
		{`"schema": 1`, `"schema": "` + secret + `"`, "schema is no such value: write a whole number"},
		{`"schema": 1`, `"schema": 1.5`, "schema is no such value: write a whole number"},
		{`"name": "test"`, `"name": 1`, "name is no such value: write a string"},
		{`"name": "test"`, `"name": ""`, `name "" is not 1 to 255`},
		{`"name": "test"`, `"name": "Test"`, `name "Test" is not 1 to 255`},
		{`"algorithm": 13`, `"algorithm": 8`, "algorithm is 8: write 13"},
		{`"algorithm": 13`, `"algorithm": 300`, "algorithm is no such value: write a whole number in range"},
		{`"schema": 1`, `"schema": 1, "dnskey_ttl": 59`, "dnskey_ttl is 59: write 60 to 42900"},
		{`"schema": 1`, `"schema": 1, "dnskey_ttl": 43201`, "dnskey_ttl is 43201"},
		{`"schema": 1`, `"schema": 1, "dnskey_ttl": null`, "dnskey_ttl is 0"},
		{`"schema": 1`, `"schema": 1, "validity": {"data": "25h"}`, "validity.data is 25h: write 26h to 336h"},
		{`"schema": 1`, `"schema": 1, "validity": {"data": "337h"}`, "validity.data is 337h"},
		{`"schema": 1`, `"schema": 1, "validity": {"dnskey": "721h"}`, "validity.dnskey is 721h: write 26h to 720h"},
		{`"schema": 1`, `"schema": 1, "validity": {"data": "72h30m"}`, "validity.data is not a number of hours or days: write it like 72h or 30d"},
		{`"schema": 1`, `"schema": 1, "validity": {"data": "0h"}`, "validity.data is not a number of hours"},
		{`"schema": 1`, `"schema": 1, "validity": {"data": 72}`, "validity.data is no such value: write a string"},
		{`"schema": 1`, `"schema": 1, "validity": {"soa": "72h"}`, "validity.soa is unknown here"},
		{`"zsks": [{`, `"zsks": {"seed": "` + secret + `"}, "x": [{`, "zsks is no such value: write a list"},
		{`"zsks": [{`, `"zsks": [], "zsks": [{`, "zsks stands twice"},
		{`"zsks": [{"seed": "` + secret + `", "start": "2026-11-24T12:00:00Z"}],`, ``, "zsks has 0 seeds"},
		{`"zsks": [{`, `"zsks": [{"seed": "` + secret + `", "start": "2026-11-24T12:00:00Z"}, {"seed": "` + secret + `", "start": "2026-11-24T12:00:00Z"}, {`, "zsks has 3 seeds: write one, or two"},
		{`"start"`, `"lifetime": "335h", "start"`, "zsks[0].lifetime is 335h: write 336h to 8784h"},
		{`"start"`, `"lifetime": "13d", "start"`, "zsks[0].lifetime is 312h: write 336h to 8784h"},
		{`"start": "2026-11-24T12:00:00Z"`, `"lifetime": "720h"`, "zsks[0].start is missing"},
		{`"seed": "` + secret + `", "start"`, `"start"`, "zsks[0].seed is missing"},
		{`"seed": "` + secret + `", "start"`, `"seed": "` + secret[4:] + `", "start"`, "zsks[0].seed is not a seed"},
		{`"seed": "` + secret + `", "start"`, `"seed": "!` + secret[1:] + `", "start"`, "zsks[0].seed is not a seed"},
		{`"seed": "` + secret + `", "start"`, `"seed": 5, "start"`, "zsks[0].seed is no such value: write a string"},
		{`"start": "2026-11-24T12:00:00Z"`, `"start": "` + secret + `"`, "zsks[0].start is not an instant"},
		{`"start": "2026-11-24T12:00:00Z"`, `"start": "2026-11-24T12:00:00.5Z"`, "zsks[0].start is not an instant"},
		{`"start": "2026-11-24T12:00:00Z"`, `"start": "0001-01-01T00:00:00Z"`, "zsks[0].start is not an instant"},
		{`"seed": "` + secret + `", "publish"`, `"publish"`, "ksks[0].seed is missing"},
		{`"publish": "2026-11-24T12:00:00Z"`, `"remove": null`, "ksks[0] lacks publish or active"},
		{`"publish": "2026-11-24T12:00:00Z"`, `"publish": "2026-11-24T12:00:01Z"`, "ksks[0].active is before publish"},
		{`"publish"`, `"cds": "2026-11-24T11:00:00Z", "publish"`, "ksks[0].cds is before active"},
		{`"publish"`, `"cds": "2027-11-24T12:00:00Z", "retire": "2027-11-24T12:00:00Z", "publish"`, "ksks[0].cds is not before retire"},
		{`"publish"`, `"retire": "2026-11-24T12:00:00Z", "publish"`, "ksks[0].retire is not after active"},
		{`"publish"`, `"remove": "2027-11-24T12:00:00Z", "publish"`, "ksks[0].remove is before retire"},
		{`"publish"`, `"retire": "2027-11-24T12:00:00Z", "remove": "2027-11-24T11:00:00Z", "publish"`, "ksks[0].remove is before retire"},
		{`"publish"`, `"retire": "2027-11-24T12:00:00Z", "publish"`, "no key that signs at 2027-11-24T12:00:00Z"},
		{`"ksks": [`, `"ksks": [{"seed": "` + secret + `", "publish": "2026-11-24T12:00:00Z", "active": "2026-11-24T12:00:00Z"}, `, "ksks[0] and ksks[1] share the key tag"},
		{`"ksks": [`, `"ksks": [{}, {}, {}, {}, `, "ksks has 5 keys: write 1 to 4"},
		{`12:00:00Z"}],`, `12:00:00Z"}, {"start": "2027-01-24T12:00:00Z", "epoch": 3}],`, "zsks[1].seed is missing"},
		{`12:00:00Z"}],`, `12:00:00Z"}, {"seed": "` + secret + `", "epoch": 3}],`, "zsks[1].start is missing"},
		{`12:00:00Z"}],`, `12:00:00Z"}, {"seed": "` + secret + `", "start": "2027-01-24T12:00:00Z", "epoch": 3}],`, "zsks[1].seed is that of zsks[0]"},
		{`12:00:00Z"}],`, `12:00:00Z"}, {"seed": "` + secret + `", "start": "2026-11-24T11:00:00Z"}],`, "zsks[1].start is too near to zsks[0].start: write an instant at least 26h later"},
		{`12:00:00Z"}],`, `12:00:00Z", "epoch": 3}, {"seed": "` + secret + `", "start": "2026-11-26T11:00:00Z"}],`, "zsks[1].start is too near to zsks[0].start: write an instant at least 88h later"},
		{`12:00:00Z"}],`, `12:00:00Z"}, {"seed": "` + other + `", "start": "2027-01-24T12:00:00Z"}],`, "zsks[1].epoch is 0: write 3, "},
		{`12:00:00Z"}],`, `12:00:00Z"}, {"seed": "` + other + `", "start": "2027-01-23T12:00:00Z", "epoch": 3}],`, "zsks[1].epoch is 3: write 2, "},
		{`12:00:00Z"}],`, `12:00:00Z", "epoch": -1}],`, "zsks[0].epoch is no such value: write a whole number"},
		{`"schema": 1`, `"schema": 1, "zones": ["example.com"]`, "zones[0] is not the name of a zone, in lower case and with a dot at its end"},
		{`"schema": 1`, `"schema": 1, "zones": ["example.com.", "Example.net."]`, "zones[1] is not the name of a zone"},
		{`"schema": 1`, `"schema": 1, "zones": ["."]`, "zones[0] is not the name of a zone"},
		{`"schema": 1`, `"schema": 1, "cuts": [".", "Example.net."]`, "cuts[1] is not the name of a zone with cuts"},
		{`"schema": 1`, `"schema": 1, "hold": true`, "hold is no such value: write a string"},
		{`"schema": 1`, `"schema": 1, "hold_reason": "` + strings.Repeat("x", 201) + `"`, "hold_reason has 201 octets: write at most 200"},
		{`"schema": 1`, `"schema": 1, "insecure": "now"`, "insecure is not an instant"},
	} {
		document := strings.Replace(minimal, tt.old, tt.with, 1)
		_, err := ParseKeys([]byte(document))
		switch {
		case err == nil:
			t.Errorf("No error, want %q, for\n%s", tt.want, document)
		case !strings.Contains(err.Error(), "key document: ") || !strings.Contains(err.Error(), tt.want):
			t.Errorf("Error is %q, want %q", err, tt.want)
		case strings.Contains(err.Error(), secret[4:12]):
			t.Errorf("The seed is in the error %q", err)
		}
	}
}

func TestKSKsMustFollowEachOtherWithoutAGap(t *testing.T) {
	ksk := func(n byte, active, retire int) kskSeed {
		k := kskSeed{Seed: testSeed(t, n), Publish: instant(start), Active: instant(start.Add(time.Duration(active) * day))}
		if retire > 0 {
			k.Retire = instant(start.Add(time.Duration(retire) * day))
		}
		return k
	}
	for _, tt := range []struct {
		what string
		ksks []kskSeed
		gap  bool
	}{
		{"one for ever", []kskSeed{ksk(1, 0, 0)}, false},
		{"one that ends", []kskSeed{ksk(1, 0, 10)}, true},
		{"two that overlap", []kskSeed{ksk(1, 0, 10), ksk(2, 5, 0)}, false},
		{"two that touch", []kskSeed{ksk(1, 0, 10), ksk(2, 10, 0)}, false},
		{"two with a gap", []kskSeed{ksk(1, 0, 10), ksk(2, 11, 0)}, true},
		{"youngest first", []kskSeed{ksk(3, 15, 0), ksk(2, 5, 20), ksk(1, 0, 10)}, false},
		{"youngest first, with a gap", []kskSeed{ksk(3, 25, 0), ksk(2, 5, 20), ksk(1, 0, 10)}, true},
		{"the last ends", []kskSeed{ksk(1, 0, 10), ksk(2, 5, 20)}, true},
	} {
		raw, err := testDocument(t, 13, func(d *document) { d.KSKs = tt.ksks }).marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseKeys(raw); (err != nil) != tt.gap {
			t.Errorf("%s: Error is %v", tt.what, err)
		}
	}
}

func TestPrintingKeysGivesNoSeedAway(t *testing.T) {
	d, err := parseDocument([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseKeys([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	k.zsk(0)
	octets, _ := base64.StdEncoding.DecodeString(secret)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed := fmt.Sprintf(verb+verb+verb, *d, k, d.KSKs)
		for _, form := range []string{secret, hex.EncodeToString(octets), "4 5 6 7 8", "0x4, 0x5, 0x6"} {
			if strings.Contains(printed, form) {
				t.Errorf("%s prints a seed: %s", verb, printed)
			}
		}
	}
	if got := d.ZSKs[0].Seed.String(); got != "(secret)" {
		t.Errorf("A seed prints as %s", got)
	}
}

func TestADocumentWithoutSeedIsNotWritten(t *testing.T) {
	if _, err := testDocument(t, 13, func(d *document) { d.ZSKs[0].Seed = seed{} }).marshal(); err == nil {
		t.Error("A document without a seed was written")
	}
}

func FuzzWhatIsParsedIsWrittenAndParsedTheSame(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(strings.ReplaceAll(minimal, "13", "15")))
	f.Add([]byte(strings.Replace(minimal, `"publish"`, `"retire": "2027-11-24T12:00:00+02:00", "publish"`, 1)))
	f.Add([]byte(`{"schema":1,"zsks":[null],"ksks":[{}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := ParseKeys(raw); err != nil {
			return
		}
		d, err := parseDocument(raw)
		if err != nil {
			t.Fatal(err)
		}
		written, err := d.marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseDocument(written)
		if err != nil {
			t.Fatalf("%v in\n%s", err, written)
		}
		rewritten, err := again.marshal()
		if err != nil || !bytes.Equal(written, rewritten) {
			t.Fatalf("Error is %v, and\n%s\nbecomes\n%s", err, written, rewritten)
		}
	})
}
