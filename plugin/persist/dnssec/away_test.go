package dnssec

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// fitting returns an Ed25519 key whose tags are of the KSKs' class, or of none.
func fitting(tb testing.TB, fits bool) string {
	tb.Helper()
	for n := byte(0); ; n++ {
		public, _, err := ed25519.GenerateKey(random(n))
		if err != nil {
			tb.Fatal(err)
		}
		text := base64.StdEncoding.EncodeToString(public)
		key := dns.DNSKEY{Flags: 257, Protocol: 3, Algorithm: dns.ED25519, PublicKey: text}
		if (key.KeyTag()%4 == 3) == fits && FitsKSK(dns.ED25519, public) == fits {
			return text
		}
	}
}

func TestAKeyDocumentMayHaveAPublicKeyInThePlaceOfASeed(t *testing.T) {
	public := fitting(t, true)
	raw, err := GenerateAwayKeys("test", start, random(1), Away{PublicKey: public, Algorithm: 15, Transit: "transit/example", Version: 3})
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseKeys(raw)
	if err != nil {
		t.Fatal(err)
	}
	key := &dns.DNSKEY{Hdr: dns.RR_Header{Name: origin}, Flags: 257, Protocol: 3, Algorithm: 15, PublicKey: public}
	if diff := cmp.Diff([]Away{{public, 15, key.KeyTag(), "transit/example", 3}}, k.Away()); diff != "" {
		t.Error(diff)
	}
	if ds := k.DS(origin, start); len(ds) != 1 || ds[0].Digest != key.ToDS(dns.SHA256).Digest {
		t.Errorf("DS is %v, want the digest of %v", ds, key)
	}
	if s := string(raw); strings.Count(s, "seed") != 1 {
		t.Errorf("The document has another number of seeds than one:\n%s", s)
	}
	if len(testKeys(t, 13, nil).Away()) != 0 {
		t.Error("A key whose seed is in the document is said to be away")
	}
}

// The next key would be made in the key document, where servers have it.
func TestAKeyThatIsAwayIsNotRolledIntoTheKeyDocument(t *testing.T) {
	raw, err := GenerateAwayKeys("test", start, random(1), Away{PublicKey: fitting(t, true), Algorithm: 15})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := BeginRoll(raw, nil, time.Hour, start, random(2)); err == nil || !strings.Contains(err.Error(), "the next one would be where they have it") {
		t.Errorf("The error is %v", err)
	}
}

func TestWhatIsWrongWithAKeyThatIsAwayIsSaid(t *testing.T) {
	good := fitting(t, true)
	for members, want := range map[string]string{
		`"public_key": "` + good + `", "seed": "` + secret + `"`:            "ksks[0] has both seed and public_key",
		`"seed": "` + secret + `", "transit": "a/b", "version": 1`:          "ksks[0].transit and version are for keys with public_key",
		`"public_key": "` + good + `", "version": 1`:                        "ksks[0].version is that of a Transit key",
		`"public_key": "` + good + `", "transit": "b", "version": 1`:        "ksks[0].transit is not MOUNT/KEY",
		`"public_key": "` + good + `", "transit": "a/../b/", "version": 1`:  "ksks[0].transit is not MOUNT/KEY",
		`"public_key": "` + good + `", "transit": "a/b"`:                    "ksks[0].version is missing",
		`"public_key": "` + good + `", "transit": "a/b", "version": -1`:     "ksks[0].version is missing",
		`"public_key": "` + good[4:] + `"`:                                  "ksks[0].public_key has 29 octets",
		`"public_key": "?"`:                                                 "ksks[0].public_key is no public key",
		`"public_key": ""`:                                                  "ksks[0].public_key is no public key",
		`"public_key": "` + fitting(t, false) + `"`:                         "which a ZSK may get too",
		`"public_key": "` + good + `", "transit": "a/b", "version": "last"`: "ksks[0].version is no such value",
		`"cds": null`: "ksks[0].seed is missing",
	} {
		text := strings.Replace(minimal, `[{"seed": "`+secret+`", "publish"`, "[{"+members+`, "publish"`, 1)
		text = strings.Replace(text, `"algorithm": 13`, `"algorithm": 15`, 1)
		if _, err := ParseKeys([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %q", members, err, want)
		}
	}
	noPoint := base64.StdEncoding.EncodeToString(make([]byte, 64))
	text := strings.Replace(minimal, `[{"seed": "`+secret+`", "publish"`, `[{"public_key": "`+noPoint+`", "publish"`, 1)
	if _, err := ParseKeys([]byte(text)); err == nil || !strings.Contains(err.Error(), "is no point of P-256") {
		t.Errorf("The error is %v", err)
	}
	if _, err := GenerateAwayKeys("test", start, random(1), Away{PublicKey: noPoint, Algorithm: 13}); err == nil {
		t.Error("A document was made that cannot be read")
	}
}

func TestKSKDocumentsAreReadStrictly(t *testing.T) {
	raw, err := GenerateKSKs("test", 13, random(1))
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseKSKs(raw, "test", 13)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Private(Away{PublicKey: "other", Tag: 7}); err == nil || !strings.Contains(err.Error(), "no key for the KSK 7") {
		t.Errorf("The error is %v", err)
	}
	for text, want := range map[string]string{
		``: "is not JSON",
		`{"schema": 2, "name": "test", "algorithm": 13}`:                                               "schema is 2",
		`{"schema": 1, "name": "test", "algorithm": 15, "seeds": ["` + secret + `"]}`:                  "another key set than test of algorithm 13",
		`{"schema": 1, "name": "other", "algorithm": 13, "seeds": ["` + secret + `"]}`:                 "another key set than test of algorithm 13",
		`{"schema": 1, "name": "test", "algorithm": 13, "seeds": []}`:                                  "seeds is empty",
		`{"schema": 1, "name": "test", "algorithm": 13, "seeds": ["` + secret[4:] + `"]}`:              "seeds[0] is not a seed",
		`{"schema": 1, "name": "test", "algorithm": 13, "seeds": ["` + secret + `"], "ksks": "` + `"}`: "ksks is unknown",
	} {
		_, err := ParseKSKs([]byte(text), "test", 13)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret[4:]) {
			t.Errorf("%s: the error is %v, want %q", text, err, want)
		}
	}
	if printed := fmt.Sprintf("%v %+v", k.keys[0].signer.Public(), kskDocument{Seeds: []seed{testSeed(t, 1)}}); strings.Contains(printed, "AAEC") {
		t.Errorf("A seed is printed: %s", printed)
	}
}

func TestBundlesInADirectoryAreReplacedWhole(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadBundles(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Without bundles the error is %v", err)
	}
	for _, step := range []struct {
		raw, replaces string
		want          error
		left          string
	}{
		{"one", "", nil, "one"},
		{"two", "", ErrBundlesChanged, "one"},
		{"two", "one", nil, "two"},
		{"three", "one", ErrBundlesChanged, "two"},
	} {
		if err := StoreBundles(dir, []byte(step.raw), []byte(step.replaces)); !errors.Is(err, step.want) {
			t.Errorf("%q for %q: the error is %v, want %v", step.raw, step.replaces, err, step.want)
		}
		if raw, err := LoadBundles(dir); err != nil || string(raw) != step.left {
			t.Errorf("%q for %q: %q is left (%v), want %q", step.raw, step.replaces, raw, err, step.left)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("Files are left behind: %v (%v)", left, err)
	}
	if err := StoreBundles(filepath.Join(dir, "missing"), nil, nil); err == nil {
		t.Error("Bundles were stored in a directory that is not there")
	}
	if err := StoreBundles(dir, make([]byte, mostBundles+1), []byte("two")); err == nil || !strings.Contains(err.Error(), "a key directory of their own") {
		t.Errorf("Too large: the error is %v", err)
	}
	if err := os.Truncate(filepath.Join(dir, BundleFile), mostBundles+1); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadBundles(dir); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("Too large: the error is %v", err)
	}
}
