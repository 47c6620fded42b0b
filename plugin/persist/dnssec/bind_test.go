package dnssec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// keygen has dnssec-keygen make a key pair of the zone, and returns its name.
func keygen(tb testing.TB, args ...string) string {
	tb.Helper()
	program, err := exec.LookPath("dnssec-keygen")
	if err != nil {
		tb.Fatal("dnssec-keygen is missing: install bind9-utils")
	}
	dir := tb.TempDir()
	out, err := exec.Command(program, append(append([]string{"-q", "-K", dir}, args...), origin)...).Output()
	if err != nil {
		tb.Fatalf("dnssec-keygen %q: %v", args, err)
	}
	return filepath.Join(dir, strings.TrimSpace(string(out)))
}

// settime has dnssec-settime change the times of a key.
func settime(tb testing.TB, key string, args ...string) {
	tb.Helper()
	if out, err := exec.Command("dnssec-settime", append(args, key)...).CombinedOutput(); err != nil {
		tb.Fatalf("dnssec-settime %q: %v\n%s", args, err, out)
	}
}

// stamp is an instant as BIND's programs take it.
func stamp(at time.Time) string { return at.UTC().Format(bindTime) }

// times are the arguments for a key that is published, active, inactive and
// deleted at those instants.
func times(at ...time.Time) []string {
	args := make([]string, 0, 2*len(at))
	for i, t := range at {
		args = append(args, []string{"-P", "-A", "-I", "-D"}[i], stamp(t))
	}
	return args
}

func loadBIND(tb testing.TB, at time.Time, names ...string) (*KeySet, error) {
	tb.Helper()
	pairs, err := LoadBIND(names)
	if err != nil {
		return nil, err
	}
	return ParseBIND(pairs, origin, at)
}

func mustLoadBIND(tb testing.TB, at time.Time, names ...string) *KeySet {
	tb.Helper()
	k, err := loadBIND(tb, at, names...)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// pair makes a KSK and a ZSK that are active from an instant on.
func pair(tb testing.TB, algorithm string, from time.Time) (ksk, zsk string) {
	tb.Helper()
	at := times(from, from)
	return keygen(tb, append(at, "-a", algorithm, "-f", "KSK", "-L", "3600", "-P", "sync", stamp(from))...),
		keygen(tb, append(at, "-a", algorithm, "-L", "3600")...)
}

func TestZonesSignedWithKeysOfBINDPassItsVerifier(t *testing.T) {
	at := now(t)
	before := at.Add(-time.Hour)
	for _, algorithm := range []string{"13", "15"} {
		ksk, zsk := pair(t, algorithm, before)
		combined := keygen(t, append(times(before, before), "-a", algorithm, "-f", "KSK")...)
		for name, k := range map[string]*KeySet{
			"KSK and ZSK":  mustLoadBIND(t, at, ksk+".private", zsk+".key"),
			"one for both": mustLoadBIND(t, at, combined),
		} {
			args := []string{"-o", origin}
			if name == "one for both" {
				args = append(args, "-z")
			}
			file := filepath.Join(t.TempDir(), "zone")
			if err := os.WriteFile(file, []byte(signZone(t, k, at)), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("dnssec-verify", append(args, file)...).CombinedOutput(); err != nil {
				t.Errorf("%s of algorithm %s: dnssec-verify: %v\n%s", name, algorithm, err, out)
			}
		}
	}
}

// The DS record is the one that BIND makes of the key.
func TestDSOfAKeyOfBINDIsItsOwn(t *testing.T) {
	ksk, zsk := pair(t, "13", start)
	k := mustLoadBIND(t, start, ksk, zsk)
	out, err := exec.Command("dnssec-dsfromkey", "-2", ksk).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := rrs(t, strings.TrimSpace(string(out)))[0].(*dns.DS)
	if ds := k.DS(origin, start); len(ds) != 1 || !strings.EqualFold(ds[0].Digest, want.Digest) || ds[0].KeyTag != want.KeyTag {
		t.Errorf("DS is %v, want %v", ds, want)
	}
}

// A resolver may hold for an hour what it was told, keys and data alike. At no
// time does a pair of them fail to validate.
func TestAPrePublishRollByTimingMetadataIsNeverBogus(t *testing.T) {
	roll := start.Add(10 * day)
	ksk := keygen(t, append(times(start, start), "-a", "13", "-f", "KSK")...)
	old := keygen(t, append(times(start, start, roll, roll.Add(5*day)), "-a", "13")...)
	next := keygen(t, append(times(roll.Add(-3*day), roll), "-a", "13")...)
	k := mustLoadBIND(t, start, ksk, old, next)
	set := rrs(t, "t.persist.example. 3600 IN TXT a")
	signers := map[uint16]bool{}
	for at := start.Add(time.Hour); at.Before(start.Add(20 * day)); at = at.Add(20 * time.Minute) {
		fresh, stale := mustSign(t, k, set, at), mustSign(t, k, set, at.Add(-time.Hour))
		for _, c := range []struct {
			sig  Signature
			keys time.Time
		}{{fresh, at}, {fresh, at.Add(-time.Hour)}, {stale, at}} {
			if len(c.sig.RRSIG) != 1 {
				t.Fatalf("At %v: %d signatures", at, len(c.sig.RRSIG))
			}
			sig := c.sig.RRSIG[0].(*dns.RRSIG)
			signers[sig.KeyTag] = true
			if !sig.ValidityPeriod(at) {
				t.Errorf("At %v: %v is not valid", at, sig)
			}
			if err := sig.Verify(keyOf(t, k, sig, c.keys), set); err != nil {
				t.Errorf("At %v: %v", at, err)
			}
		}
	}
	if len(signers) != 2 {
		t.Errorf("%d keys have signed, want two", len(signers))
	}
	for at, want := range map[time.Time]int{start: 2, roll.Add(-day): 3, roll.Add(day): 3, roll.Add(5 * day): 2} {
		if keys, _ := k.DNSKEY(origin, at); len(keys) != want {
			t.Errorf("At %v: %d keys are published, want %d", at, len(keys), want)
		}
	}
	if _, changes := k.DNSKEY(origin, start); !changes.Equal(roll.Add(-3 * day)) {
		t.Errorf("The next change of the DNSKEY RRset is said to be at %v", changes)
	}
}

// dnssec-keygen makes keys that are published and active at once.
func TestAKeyThatResolversLackLeavesTheSigningToTheOneTheyHave(t *testing.T) {
	added := start.Add(10 * day)
	ksk := keygen(t, append(times(start, start), "-a", "13", "-f", "KSK")...)
	old := keygen(t, append(times(start, start), "-a", "13")...)
	next := keygen(t, append(times(added, added), "-a", "13")...)
	k := mustLoadBIND(t, added, ksk, old, next)
	set := rrs(t, "t.persist.example. 3600 IN TXT a")
	signers := map[uint16]bool{}
	for at := added; at.Before(added.Add(5 * day)); at = at.Add(20 * time.Minute) {
		sig := mustSign(t, k, set, at).RRSIG[0].(*dns.RRSIG)
		signers[sig.KeyTag] = true
		if err := sig.Verify(keyOf(t, k, sig, at.Add(-time.Hour)), set); err != nil {
			t.Errorf("At %v: %v", at, err)
		}
		// A window that begins just after the key was added is the hard case.
		if signer := k.signingAt(at); at.Before(added.Add(time.Hour)) && keyTag(t, old) != signer.tag {
			t.Errorf("At %v the key %d signs, which no resolver has", at, signer.tag)
		}
	}
	if len(signers) != 2 {
		t.Errorf("%d keys have signed, want two", len(signers))
	}
}

// keyTag is the tag in the name of a key's files.
func keyTag(t *testing.T, name string) uint16 {
	t.Helper()
	tag, err := strconv.ParseUint(name[len(name)-5:], 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(tag)
}

func TestSyncTimesSayWhenTheParentIsAsked(t *testing.T) {
	ksk := keygen(t, append(times(start, start), "-a", "13", "-f", "KSK", "-P", "sync", stamp(start.Add(day)), "-D", "sync", stamp(start.Add(9*day)))...)
	k := mustLoadBIND(t, start, ksk)
	for at, want := range map[time.Time]int{start: 0, start.Add(day): 1, start.Add(8 * day): 1, start.Add(9 * day): 0} {
		if cds, cdnskey, _ := k.CDS(origin, at); len(cds) != want || len(cdnskey) != want {
			t.Errorf("At %v: %v, %v, want %d of each", at, cds, cdnskey, want)
		}
	}
	if _, _, changes := k.CDS(origin, start); !changes.Equal(start.Add(day)) {
		t.Errorf("The next change is said to be at %v", changes)
	}
}

// A key that signs as soon as it is published, because the one before it ends
// then, signs what nobody can validate who has asked for the keys a moment ago.
func TestAKeyOfBINDThatResolversWillLackIsRefused(t *testing.T) {
	roll := start.Add(10 * day)
	for name, c := range map[string]struct {
		published, ends time.Time // of the new key, and of the old one
		refused         bool
	}{
		"published when it signs":    {roll, roll, true},
		"published an hour before":   {roll.Add(-time.Hour), roll, true},
		"published two hours before": {roll.Add(-2 * time.Hour), roll, false},
		"the old one goes on":        {roll, roll.Add(2 * day), false},
	} {
		ksk := keygen(t, append(times(start, start), "-a", "13", "-f", "KSK", "-L", "3600")...)
		old := keygen(t, append(times(start, start, c.ends, c.ends.Add(5*day)), "-a", "13", "-L", "3600")...)
		next := keygen(t, append(times(c.published, roll), "-a", "13", "-L", "3600")...)
		_, err := loadBIND(t, start, ksk, old, next)
		if c.refused != (err != nil) || err != nil && !strings.Contains(err.Error(), filepath.Base(next)+" signs at "+roll.Format(time.RFC3339)) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// A KSK has signed nothing but RRsets of keys, and may be deleted as it ends:
// the next one signs them then.
func TestAKSKOfBINDEndsAsItIsDeleted(t *testing.T) {
	ends := start.Add(10 * day)
	old := keygen(t, append(times(start, start, ends, ends), "-a", "13", "-f", "KSK")...)
	next := keygen(t, append(times(start.Add(day), start.Add(day)), "-a", "13", "-f", "KSK")...)
	zsk := keygen(t, append(times(start, start), "-a", "13")...)
	mustLoadBIND(t, start, old, next, zsk)
	if _, err := loadBIND(t, start, old, next); err == nil || !strings.Contains(err.Error(), "is deleted at") {
		t.Errorf("Keys that sign data too: the error is %v", err)
	}
}

func TestKeysOfBINDThatWouldFailAreRefused(t *testing.T) {
	ksk, zsk := pair(t, "13", start)
	other, _ := pair(t, "15", start)
	rsa := keygen(t, append(times(start, start), "-a", "RSASHA256", "-b", "1024")...)
	short := keygen(t, append(times(start, start, start.Add(day), start.Add(2*day)), "-a", "13")...)
	later := keygen(t, append(times(start.Add(day), start.Add(day)), "-a", "13", "-f", "KSK")...)
	swapped := keygen(t, append(times(start, start), "-a", "13")...)
	private, err := os.ReadFile(zsk + ".private")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(swapped+".private", private, 0o600); err != nil {
		t.Fatal(err)
	}
	ttl := keygen(t, append(times(start, start), "-a", "13", "-L", "60")...)
	for want, names := range map[string][]string{
		"no key with the flags 257":                    {zsk},
		"no key is named":                              {},
		"of algorithm 8: roll the zone to 13":          {ksk, rsa},
		"are of different algorithms":                  {ksk, zsk, other},
		"is deleted at 2026-11-26T12:00:00Z":           {ksk, short},
		"no key with the flags 257 is published":       {later, zsk},
		"is not the private half of the key":           {ksk, swapped},
		"have different TTLs: set one with":            {ksk, ttl},
		"share the key tag":                            {ksk, zsk, zsk},
		"no such file or directory":                    {ksk, zsk + "1"},
		filepath.Base(zsk) + ".private: Publish is no": {ksk, edited(t, zsk, ".private", "Publish: 2026", "Publish: x")},
		"has no private key of its algorithm":          {ksk, edited(t, zsk, ".private", "PrivateKey: ", "PrivateKex: ")},
		"has no DNSKEY record":                         {ksk, edited(t, zsk, ".key", " DNSKEY ", " DS ")},
		"has the flags 385":                            {ksk, edited(t, zsk, ".key", " 256 ", " 385 ")},
		"is of the zone other.example., and":           {ksk, edited(t, zsk, ".key", "\n"+origin, "\nother.example.")},
	} {
		if _, err := loadBIND(t, start, names...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want %q", names, err, want)
		} else if secret := secretOf(t, zsk); strings.Contains(err.Error(), secret) {
			t.Errorf("The error has a private key in it: %v", err)
		}
	}
	if err := os.Chmod(zsk+".private", 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadBIND(t, start, ksk, zsk); err == nil || !strings.Contains(err.Error(), "run chmod 600 "+zsk+".private") {
		t.Errorf("The error is %v", err)
	}
	if _, err := LoadBIND([]string{filepath.Join(t.TempDir(), "K")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("The error is %v", err)
	}
}

// edited is a copy of a key pair with something in the place of something else
// in one of its files.
func edited(t *testing.T, name, end, old, with string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(name))
	for _, e := range []string{".key", ".private"} {
		raw, err := os.ReadFile(name + e)
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		if e == end {
			if text = strings.Replace(text, old, with, 1); text == string(raw) {
				t.Fatalf("%s%s has no %q", name, e, old)
			}
		}
		if err := os.WriteFile(to+e, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func secretOf(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name + ".private")
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(string(raw), "PrivateKey: ")
	return secret[:40]
}

// Files are changed by dnssec-settime, replaced and lost while a server runs.
func TestChangedFilesOfBINDAreTakenOverOnlyIfNothingBreaks(t *testing.T) {
	ksk, zsk := pair(t, "13", start)
	otherKSK, otherZSK := pair(t, "13", start.Add(time.Hour)) // younger
	at := start.Add(10 * day)
	later := keygen(t, append(times(at, at.Add(3*day)), "-a", "13", "-L", "3600")...)
	published := at.Add(-25*time.Hour - 15*time.Minute) // on other servers
	late := keygen(t, append(times(published, published), "-a", "13", "-L", "3600")...)
	before := mustLoadBIND(t, at, ksk, zsk)
	for want, names := range map[string][]string{
		"":                           {ksk, zsk, later},
		"is not published any more":  {ksk, otherZSK},
		"signs now and is not in it": {otherKSK, zsk},
		"signs before":               {ksk, zsk, otherZSK},
		"until then resolvers hold":  {ksk, zsk, late},
	} {
		err := mustLoadBIND(t, at, names...).Continues(before, at)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want %q", names, err, want)
		}
	}
	if err := before.Continues(nil, at); err != nil {
		t.Error(err)
	}
	settime(t, zsk, "-I", stamp(at.Add(4*day)), "-D", stamp(at.Add(9*day)))
	after := mustLoadBIND(t, at, ksk, zsk, later)
	if err := after.Continues(before, at); err != nil {
		t.Error(err)
	}
	if keys, _ := after.DNSKEY(origin, at.Add(9*day)); len(keys) != 2 {
		t.Errorf("After its time the old key is still published: %v", keys)
	}
	for hours, want := range map[int]bool{36: false, 38: true} { // for which a signature is served, and held
		replaced := at.Add(3*day + time.Duration(hours)*time.Hour)
		if err := mustLoadBIND(t, replaced, ksk, later).Continues(after, replaced); (err == nil) != want {
			t.Errorf("Without the old key, %d hours after the new one began to sign: %v", hours, err)
		}
	}
}

func TestStatusOfKeysOfBINDSaysWhatTheirTimesSay(t *testing.T) {
	ksk, zsk := pair(t, "13", start)
	settime(t, zsk, "-I", stamp(start.Add(9*day)), "-D", stamp(start.Add(19*day)))
	states := mustLoadBIND(t, start, ksk, zsk).Status(start.Add(day))
	got := make([]string, 0, len(states))
	for _, s := range states {
		got = append(got, fmt.Sprint(s.Role, " ", s.State, " ", s.Next, " ", s.When.Equal(start.Add(9*day)), " ", s.Reason))
	}
	want := []string{
		"KSK active  false its timing metadata plans nothing further",
		"ZSK active retired true its timing metadata says so",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
