package dnssec

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Whatever bundles say, a server that reads them serves none by which its keys
// would not validate, and what is parsed is written and parsed the same.
func FuzzBundlesThatAreServedValidate(f *testing.F) {
	k, safe := awayKeys(f, dns.ED25519, nil)
	good := writtenOut(f, bundlesFor(f, k, safe, origin, start, start.Add(week)))
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte("DNSKEY 15 2"), []byte("DNSKEY 15 3")))
	f.Add([]byte(`{"schema": 1, "name": "test", "zones": {"persist.example.": [null]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := ParseBundles(raw)
		if err != nil {
			return
		}
		written := writtenOut(t, b)
		if again, err := ParseBundles(written); err != nil || !bytes.Equal(writtenOut(t, again), written) {
			t.Fatalf("Error is %v of what was written:\n%s", err, written)
		}
		server, _ := awayKeys(t, dns.ED25519, nil)
		server.UseBundles(b, start)
		for _, at := range []time.Time{start, start.Add(day), start.Add(week)} {
			keys, _ := server.DNSKEY(origin, at)
			s, err := server.Sign(keys, origin, at, time.Time{})
			if err != nil {
				continue
			}
			if err := Verify(keys, s.RRSIG, keys, at); err != nil {
				t.Fatalf("At %v: %v", at, err)
			}
		}
	})
}

// Whatever stands in the files of a key pair, a zone that is signed with it
// validates.
func FuzzKeyPairsOfBINDThatAreTakenValidate(f *testing.F) {
	name := keygen(f, append(times(start, start), "-a", "15", "-f", "KSK")...)
	var halves [2][]byte
	for i, suffix := range []string{".key", ".private"} {
		var err error
		if halves[i], err = os.ReadFile(name + suffix); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(halves[0], halves[1])
	f.Add(bytes.ReplaceAll(halves[0], []byte("257"), []byte("256")), halves[1])
	f.Add(halves[0], bytes.ReplaceAll(halves[1], []byte("Publish"), []byte("Inactive")))
	f.Fuzz(func(t *testing.T, public, private []byte) {
		k, err := ParseBIND([]BINDKey{{Name: filepath.Base(name), Public: public, Private: private}}, origin, start)
		if err != nil {
			return
		}
		if err := k.Prove(origin, start); err != nil {
			t.Fatalf("Keys that were taken do not prove: %v\n%s\n%s", err, public, private)
		}
	})
}

func FuzzKSKDocumentsNeverPanic(f *testing.F) {
	good, err := GenerateKSKs("test", dns.ED25519, random(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte(`"schema"`), []byte(`"scheme"`)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, err := ParseKSKs(raw, "test", dns.ED25519)
		if err != nil {
			return
		}
		away := k.Newest()
		if signer, err := k.Private(away); err != nil || signer == nil {
			t.Fatalf("The private half of the newest key is not there: %v", err)
		}
	})
}

// The chain denies what it does not have, and nothing that it has.
func FuzzTheChainAgreesWithItsModel(f *testing.F) {
	f.Add("a.b c", "b")
	f.Add("* -", `\000.a`)
	f.Add("zz.a a.zz", "a.a.a")
	f.Fuzz(func(t *testing.T, there, asked string) {
		name := func(prefix string) (string, bool) {
			full := dns.CanonicalName(strings.Trim(prefix, ".") + "." + chainApex)
			l := split(full)
			return l.String(), len(l) > 0
		}
		var names []string
		for one := range strings.FieldsSeq(there) {
			if n, ok := name(one); ok {
				names = append(names, n)
			}
		}
		slices.Sort(names)
		names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == chainApex || !dns.IsSubDomain(chainApex, n) })
		question, ok := name(asked)
		if !ok || !dns.IsSubDomain(chainApex, question) {
			return
		}
		c := link(t, names...)
		if got, want := c.Exists(question), modelExists(names, question); got != want {
			t.Fatalf("%q in %q: expected existence %t, got %t", question, names, want, got)
		}
		if !c.Exists(question) {
			checkDenial(t, names, question, c.Deny(question))
		}
	})
}
