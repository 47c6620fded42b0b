package dnssec

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const week = 7 * day

// strongbox keeps key signing keys away and counts what they sign. Its signatures
// over the same message differ, as those of Vault's ECDSA keys do.
type strongbox struct {
	*KSKs
	signed int
}

func (s *strongbox) Private(a Away) (crypto.Signer, error) {
	signer, err := s.KSKs.Private(a)
	return counted{signer, s}, err
}

type counted struct {
	crypto.Signer
	safe *strongbox
}

func (c counted) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	c.safe.signed++
	return c.Signer.Sign(random(byte(c.safe.signed)), digest, opts)
}

// awayKeys are the keys of a server whose key signing key is kept in the safe.
func awayKeys(tb testing.TB, algorithm uint8, edit func(*document)) (*KeySet, *strongbox) {
	tb.Helper()
	raw, err := GenerateKSKs("test", algorithm, random(algorithm+100))
	if err != nil {
		tb.Fatal(err)
	}
	ksks, err := ParseKSKs(raw, "test", algorithm)
	if err != nil {
		tb.Fatal(err)
	}
	away := ksks.Newest()
	k := testKeys(tb, algorithm, func(d *document) {
		d.KSKs[0].Seed = seed{}
		if err := d.KSKs[0].PublicKey.UnmarshalText([]byte(away.PublicKey)); err != nil {
			tb.Fatal(err)
		}
		if edit != nil {
			edit(d)
		}
	})
	return k, &strongbox{KSKs: ksks}
}

// bundlesFor signs bundles and passes them on as a document.
func bundlesFor(tb testing.TB, k *KeySet, s *strongbox, zone string, from, until time.Time) *Bundles {
	tb.Helper()
	b := NewBundles(k)
	if _, err := b.Sign(k, zone, from, until, s.Private); err != nil {
		tb.Fatal(err)
	}
	return again(tb, b)
}

// again writes and reads bundles.
func again(tb testing.TB, b *Bundles) *Bundles {
	tb.Helper()
	read, err := ParseBundles(writtenOut(tb, b))
	if err != nil {
		tb.Fatal(err)
	}
	return read
}

func writtenOut(tb testing.TB, b *Bundles) []byte {
	tb.Helper()
	raw, err := b.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// checkKeySets has another implementation, miekg/dns, verify all that a server
// says of keys at an instant, as a validator does that trusts ds.
func checkKeySets(tb testing.TB, k *KeySet, origin string, ds *dns.DS, at time.Time) {
	tb.Helper()
	dnskey, _ := k.DNSKEY(origin, at)
	cds, cdnskey, _ := k.CDS(origin, at)
	for _, rrset := range [][]dns.RR{dnskey, cds, cdnskey} {
		s, err := k.Sign(rrset, origin, at, time.Time{})
		if err != nil {
			tb.Fatalf("At %v: %v", at, err)
		}
		if !during(at, s.From, s.Until) {
			tb.Errorf("At %v: the signature is for %v to %v", at, s.From, s.Until)
		}
		trusted := false
		for _, rr := range s.RRSIG {
			sig := rr.(*dns.RRSIG)
			key := keyAmong(tb, dnskey, sig.KeyTag)
			if err := sig.Verify(key, rrset); err != nil {
				tb.Errorf("At %v: %v: %v", at, sig, err)
			}
			for _, instant := range []time.Time{at, s.Until.Add(time.Hour - 1)} {
				if !sig.ValidityPeriod(instant) {
					tb.Errorf("At %v: %v is not valid at %v", at, sig, instant)
				}
			}
			trusted = trusted || key.ToDS(dns.SHA256).Digest == ds.Digest
		}
		if !trusted {
			tb.Errorf("At %v: nothing that the DS names has signed %v", at, rrset)
		}
	}
}

func keyAmong(tb testing.TB, rrset []dns.RR, tag uint16) *dns.DNSKEY {
	tb.Helper()
	for _, rr := range rrset {
		if key := rr.(*dns.DNSKEY); key.KeyTag() == tag {
			return key
		}
	}
	tb.Fatalf("No key %d among %v", tag, rrset)
	return nil
}

func TestServersWithoutTheKeyServeForEightWeeksFromBundles(t *testing.T) {
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		k, safe := awayKeys(t, algorithm, nil)
		for _, err := range k.UseBundles(bundlesFor(t, k, safe, origin, start, start.Add(8*week)), start) {
			t.Error(err)
		}
		ds := k.DS(origin, start)[0]
		for at := start; at.Before(start.Add(8 * week)); at = at.Add(3 * time.Hour) {
			checkKeySets(t, k, origin, ds, at)
		}
		if end, needed := k.BundlesEnd(origin, start); !needed || end.Before(start.Add(8*week)) || end.After(start.Add(9*week)) {
			t.Errorf("The bundles are said to end at %v, %v", end, needed)
		}
	}
}

func TestAServerWithASlowClockIsServedToo(t *testing.T) {
	k, safe := awayKeys(t, 13, nil)
	at := k.bundleWindow(origin, start).until // a new window has just begun
	k.UseBundles(bundlesFor(t, k, safe, origin, at, at.Add(week)), at)
	for _, behind := range []time.Duration{0, time.Second, 5 * time.Minute, time.Hour} {
		checkKeySets(t, k, origin, k.DS(origin, at)[0], at.Add(-behind))
	}
}

func TestWithoutABundleNothingIsSigned(t *testing.T) {
	k, safe := awayKeys(t, 13, nil)
	b := bundlesFor(t, k, safe, origin, start, start.Add(week))
	k.UseBundles(b, start)
	end, _ := k.BundlesEnd(origin, start)
	for _, c := range []struct {
		zone string
		at   time.Time
	}{{origin, end}, {"other.example.", start}} {
		rrset, _ := k.DNSKEY(c.zone, c.at)
		s, err := k.Sign(rrset, c.zone, c.at, time.Time{})
		if err == nil || !strings.Contains(err.Error(), "run persistctl keys sign") || len(s.RRSIG) > 0 {
			t.Errorf("%s at %v: %v, %v", c.zone, c.at, s, err)
		}
	}
	checkKeySets(t, k, origin, k.DS(origin, start)[0], end.Add(-time.Second))
}

func TestZoneDataIsSignedWithoutBundles(t *testing.T) {
	k, _ := awayKeys(t, 13, nil)
	set := rrs(t, "a.persist.example. 300 IN TXT a")
	sig := mustSign(t, k, set, start).RRSIG[0].(*dns.RRSIG)
	if err := sig.Verify(keyOf(t, k, sig, start), set); err != nil {
		t.Error(err)
	}
}

// A job that runs every day signs only what is new.
func TestBundlesThatAreRightAreKeptToTheLastOctet(t *testing.T) {
	k, safe := awayKeys(t, 13, nil)
	b := NewBundles(k)
	records := map[string]bool{}
	for at := start; at.Before(start.Add(26 * week)); at = at.Add(day) {
		before := writtenOut(t, b)
		signed, err := b.Sign(k, origin, at, at.Add(8*week), safe.Private)
		if err != nil {
			t.Fatal(err)
		}
		if signed == 0 && len(b.zones[origin]) == 0 || signed > 2 && at.After(start) {
			t.Errorf("At %v %d bundles were signed", at, signed)
		}
		for _, one := range b.zones[origin] {
			for _, line := range one.lines() {
				records[one.from.String()+line] = true
			}
		}
		calls := safe.signed
		after := writtenOut(t, b)
		b = again(t, b)
		if signed, err := b.Sign(k, origin, at.Add(time.Minute), at.Add(8*week), safe.Private); signed != 0 || err != nil || safe.signed != calls {
			t.Errorf("At %v the second run signed %d (%v)", at, signed, err)
		}
		if !bytes.Equal(writtenOut(t, b), after) {
			t.Errorf("At %v the second run has changed the document", at)
		}
		if signed == 0 && bytes.Count(after, []byte("\n")) > bytes.Count(before, []byte("\n")) {
			t.Errorf("At %v the document grew by itself", at)
		}
	}
	sigs := 0
	for record := range records {
		if strings.Contains(record, " RRSIG ") {
			sigs++
		}
	}
	if sigs != safe.signed {
		t.Errorf("%d signatures were made, and %d were in documents", safe.signed, sigs)
	}
	if first := b.zones[origin][0]; first.until.Before(start.Add(26*week - 2*day)) {
		t.Errorf("A bundle that ended at %v is still there", first.until)
	}
}

// rollOver plans a roll from a key of the strongbox to another one, or to a seed.
func rollOver(d *document, next kskSeed) {
	d.KSKs[0].Retire, d.KSKs[0].Remove = instant(start.Add(20*day)), instant(start.Add(21*day))
	next.Publish, next.Active, next.CDS = instant(start.Add(9*day)), instant(start.Add(10*day)), instant(start.Add(12*day))
	d.KSKs = append(d.KSKs, next)
}

func TestBundlesFollowARollOfTheKey(t *testing.T) {
	k, safe := awayKeys(t, 13, func(d *document) { rollOver(d, kskSeed{Seed: testSeed(t, 50)}) })
	for _, err := range k.UseBundles(bundlesFor(t, k, safe, origin, start, start.Add(40*day)), start) {
		t.Error(err)
	}
	old, next := k.DS(origin, start)[0], k.DS(origin, start.Add(30*day))[0]
	for at := start; at.Before(start.Add(40 * day)); at = at.Add(time.Hour) {
		if at.Before(start.Add(20 * day)) {
			checkKeySets(t, k, origin, old, at)
		}
		if !at.Before(start.Add(10 * day)) {
			checkKeySets(t, k, origin, next, at)
		}
	}
}

// A clock that was a day ahead as bundles were read, and is set right, needs those
// that had ended by it.
func TestBundlesServeAClockThatWasAheadWhenTheyWereRead(t *testing.T) {
	k, safe := awayKeys(t, 13, nil)
	b := bundlesFor(t, k, safe, origin, start, start.Add(20*day))
	end := k.bundleWindow(origin, start).until
	for _, err := range k.UseBundles(b, end.Add(day-time.Hour)) {
		t.Error(err)
	}
	checkKeySets(t, k, origin, k.DS(origin, start)[0], end.Add(-time.Hour))
}

// From the instant on at which no key that signs is away, servers need nobody.
func TestABundleIsNeededOnlyWhileAKeyIsAway(t *testing.T) {
	k, safe := awayKeys(t, 13, func(d *document) { rollOver(d, kskSeed{Seed: testSeed(t, 50)}) })
	b := bundlesFor(t, k, safe, origin, start, start.Add(100*day))
	k.UseBundles(b, start)
	last := b.zones[origin][len(b.zones[origin])-1]
	if diff := cmp.Diff(start.Add(20*day), last.until); diff != "" {
		t.Errorf("The end of the last bundle differs: %s", diff)
	}
	if end, needed := k.BundlesEnd(origin, start); !needed || end.Before(start.Add(horizon)) {
		t.Errorf("The bundles are said to end at %v, %v", end, needed)
	}
	if _, needed := testKeys(t, 13, nil).BundlesEnd(origin, start); needed {
		t.Error("Bundles are said to be needed with all keys at hand")
	}
}

// A roll is planned in the key document before its bundles are signed. What is
// served now goes on until the first change that no bundle has.
func TestAnOlderBundleServesUntilTheKeyDocumentSaysOtherwise(t *testing.T) {
	before, safe := awayKeys(t, 13, nil)
	b := bundlesFor(t, before, safe, origin, start, start.Add(8*week))
	k, _ := awayKeys(t, 13, func(d *document) { rollOver(d, kskSeed{Seed: testSeed(t, 50)}) })
	if faults := k.UseBundles(b, start); len(faults) == 0 {
		t.Error("Bundles without the new key are not named")
	}
	end, _ := k.BundlesEnd(origin, start)
	if diff := cmp.Diff(start.Add(9*day), end); diff != "" {
		t.Errorf("The end of what can be served differs: %s", diff)
	}
	ds := k.DS(origin, start)[0]
	for at := start; at.Before(end); at = at.Add(time.Hour) {
		checkKeySets(t, k, origin, ds, at)
	}
	if signed, err := b.Sign(k, origin, start, start.Add(8*week), safe.Private); err != nil || signed == 0 {
		t.Errorf("%d bundles were signed anew, %v", signed, err)
	}
	for _, err := range k.UseBundles(again(t, b), start) {
		t.Error(err)
	}
	if end, _ := k.BundlesEnd(origin, start); end.Before(start.Add(8 * week)) {
		t.Errorf("The bundles end at %v", end)
	}
}

func TestABundleThatFailsIsNotUsedAndIsNamed(t *testing.T) {
	k, safe := awayKeys(t, 13, nil)
	other, otherSafe := awayKeys(t, 13, func(d *document) { d.ZSKs[0].Seed = testSeed(t, 51) })
	thief, thiefSafe := awayKeys(t, 15, nil)
	thief.Name = k.Name
	replace := func(old, with string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, with, 1) }
	}
	for _, c := range []struct {
		name   string
		k      *KeySet
		safe   *strongbox
		change func(string) string
		want   string
	}{
		{"another ZSK", other, otherSafe, nil, "DNSKEY: it is not the RRset that the key document gives"},
		{"another algorithm", thief, thiefSafe, nil, "DNSKEY: it is not the RRset that the key document gives"},
		{"another TTL", k, safe, replace("persist.example. 3600 IN DNSKEY 257", "persist.example. 60 IN DNSKEY 257"), "DNSKEY: it is not the RRset"},
		{"no CDS", k, safe, func(s string) string { return cutLine(s, " IN CDS ") }, "CDS: it is not the RRset"},
		{"no signature", k, safe, func(s string) string { return cutLine(s, " RRSIG CDS ") }, "CDS: it has 0 signatures, and 1 keys sign"},
		{"a changed signature", k, safe, replace("DNSKEY 13 2 3600 2026", "DNSKEY 13 2 3600 2027"), "DNSKEY: the signature of the KSK"},
		{"a longer window", k, safe, replace(`"until": "2026`, `"until": "2027`), "is not valid from the window's beginning to 12h0m0s after its end"},
		{"a window at whose end 8 hours are left", k, safe, lasting(335*time.Hour - 8*time.Hour), "is not valid from the window's beginning to 12h0m0s after its end"},
		{"no window", k, safe, replace(`"until": "2026`, `"until": "2025`), ""},
	} {
		text := string(writtenOut(t, bundlesFor(t, c.k, c.safe, origin, start.Add(2*time.Hour), start.Add(3*time.Hour))))
		if c.change != nil {
			changed := c.change(text)
			if changed == text {
				t.Fatalf("%s: nothing was changed in\n%s", c.name, text)
			}
			text = changed
		}
		b, err := ParseBundles([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, text)
		}
		faults := errors.Join(k.UseBundles(b, start)...)
		if c.want != "" && (faults == nil || !strings.Contains(faults.Error(), c.want) || !strings.Contains(faults.Error(), origin)) {
			t.Errorf("%s: the fault is %v, want %q", c.name, faults, c.want)
		}
		rrset, _ := k.DNSKEY(origin, start.Add(2*time.Hour))
		if s, err := k.Sign(rrset, origin, start.Add(2*time.Hour), time.Time{}); err == nil {
			t.Errorf("%s: the bundle is served: %v", c.name, s)
		}
	}
}

// lasting has the first bundle in a document end so long after it begins.
func lasting(d time.Duration) func(string) string {
	window := regexp.MustCompile(`"from": "([^"]*)",\s*"until": "[^"]*"`)
	return func(text string) string {
		from, err := time.Parse(time.RFC3339, window.FindStringSubmatch(text)[1])
		if err != nil {
			return text
		}
		until := from.Add(d).Format(time.RFC3339)
		return window.ReplaceAllString(text, fmt.Sprintf(`"from": "$1", "until": %q`, until))
	}
}

func cutLine(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return strings.Replace(text, line, "", 1)
		}
	}
	return text
}

func TestBundlesAreSignedByTheRightKeyOnly(t *testing.T) {
	k, safe := awayKeys(t, 13, nil)
	wrong := testKeys(t, 13, nil).ksks[0].signer
	b := NewBundles(k)
	broken := errors.New("sealed")
	for _, c := range []struct {
		private SignerOf
		want    string
	}{
		{func(Away) (crypto.Signer, error) { return wrong, nil }, "is another one"},
		{func(Away) (crypto.Signer, error) { return nil, broken }, "sealed"},
		{func(a Away) (crypto.Signer, error) {
			signer, err := safe.Private(a)
			return lying{signer, wrong}, err
		}, "does not verify"},
	} {
		if _, err := b.Sign(k, origin, start, start.Add(week), c.private); err == nil || !strings.Contains(err.Error(), c.want) || len(b.Zones()) > 0 {
			t.Errorf("The error is %v, want %q; the zones are %q", err, c.want, b.Zones())
		}
	}
	stranger := NewBundles(&KeySet{Name: "other"})
	if _, err := stranger.Sign(k, origin, start, start.Add(week), safe.Private); err == nil {
		t.Error("Bundles of another key set are signed")
	}
	if faults := k.UseBundles(stranger, start); len(faults) != 1 {
		t.Errorf("Bundles of another key set give the faults %v", faults)
	}
}

// lying signs with another key than it says.
type lying struct {
	crypto.Signer
	with crypto.Signer
}

func (l lying) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return l.with.Sign(random, digest, opts)
}

func TestBundlesOfOtherZonesStayUntilTheyAreOver(t *testing.T) {
	k, safe := awayKeys(t, 13, nil)
	b := NewBundles(k)
	for zone, until := range map[string]time.Time{"a.example.": start.Add(week), "B.example": start.Add(8 * week)} {
		if _, err := b.Sign(k, zone, start, until, safe.Private); err != nil {
			t.Fatal(err)
		}
	}
	end := b.zones["a.example."][len(b.zones["a.example."])-1].until
	if b.Prune(end.Add(day)); len(b.Zones()) != 2 { // a clock may be a day behind
		t.Errorf("A day after the end of the last bundle the zones are %q", b.Zones())
	}
	b.Prune(start.Add(4 * week))
	if diff := cmp.Diff([]string{"b.example."}, b.Zones()); diff != "" {
		t.Errorf("Zones: %s", diff)
	}
}

func TestDocumentsOfBundlesAreReadStrictly(t *testing.T) {
	const window = `"from": "2026-11-24T12:00:00Z", "until": "2026-11-25T12:00:00Z"`
	for text, want := range map[string]string{
		``:                              "is not JSON",
		`{"schema": 2, "name": "test"}`: "schema is 2",
		`{"schema": 1, "key": ""}`:      "key is unknown",
		`{"schema": 1, "zones": {"A.example": []}}`:                                                               `is not written like "a.example."`,
		`{"schema": 1, "zones": {"..": []}}`:                                                                      `zone ".." is not a domain name`,
		`{"schema": 1, "zones": {"a.": [{` + window + `, "records": ["a. 60 IN DNSKEY 1"]}]}}`:                    `zones["a."][0].records[0]`,
		`{"schema": 1, "zones": {"a.": [{` + window + `, "records": [""]}]}}`:                                     "it is empty",
		`{"schema": 1, "zones": {"a.": [{` + window + `, "records": ["$ORIGIN b."]}]}}`:                           "records[0]",
		`{"schema": 1, "zones": {"a.": [{` + window + `, "records": ["a. 60 IN TXT a"]}]}}`:                       "a. TXT has no place in a bundle",
		`{"schema": 1, "zones": {"a.": [{"from": "now"}]}}`:                                                       "is not an instant",
		`{"schema": 1, "zones": {"a.": [{` + window + `, "records": ["a. 60 IN CDS 0 0 0 00", "$INCLUDE /x"]}]}}`: "records[1]",
	} {
		if _, err := ParseBundles([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %q", text, err, want)
		}
	}
}
