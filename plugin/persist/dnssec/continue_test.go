package dnssec

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A document that would break the chain of trust from one moment to the next
// must not take the place of the one in use.
func TestOnlyADocumentThatContinuesMayTakeOver(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	raw, err := GenerateKeys("a", 13, at, rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	other, err := GenerateKeys("a", 13, at, rand.NewChaCha8([32]byte{2}))
	if err != nil {
		t.Fatal(err)
	}
	parse := func(raw []byte) *KeySet {
		t.Helper()
		k, err := ParseKeys(raw)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	type object = map[string]any
	change := func(edit func(ours, theirs object)) *KeySet {
		t.Helper()
		var ours, theirs object
		for document, from := range map[*object][]byte{&ours: raw, &theirs: other} {
			if err := json.Unmarshal(from, document); err != nil {
				t.Fatal(err)
			}
		}
		edit(ours, theirs)
		changed, err := json.Marshal(ours)
		if err != nil {
			t.Fatal(err)
		}
		return parse(changed)
	}
	first := func(o object, list string) object { return o[list].([]any)[0].(object) }
	before := parse(raw)
	for _, c := range []struct {
		name, fragment string
		edit           func(ours, theirs object)
	}{
		{"nothing", "", func(object, object) {}},
		{"validity", "", func(o, _ object) { o["validity"] = object{"data": "96h", "dnskey": "336h"} }},
		{"another KSK beside", "", func(o, th object) { o["ksks"] = []any{first(th, "ksks"), first(o, "ksks")} }},
		{"name", "name or algorithm", func(o, _ object) { o["name"] = "b" }},
		{"algorithm", "name or algorithm", func(o, _ object) { o["algorithm"] = 15 }},
		{"ZSK seed", "ZSKs", func(o, th object) { first(o, "zsks")["seed"] = first(th, "zsks")["seed"] }},
		{"ZSK start", "ZSKs", func(o, _ object) { first(o, "zsks")["start"] = "2026-01-01T00:00:00Z" }},
		{"ZSK lifetime", "ZSKs", func(o, _ object) { first(o, "zsks")["lifetime"] = "800h" }},
		{"another KSK instead", "is not in it", func(o, th object) { o["ksks"] = th["ksks"] }},
		{"another installation's", "ZSKs", func(o, th object) {
			clear(o)
			maps.Copy(o, th)
		}},
	} {
		err := change(c.edit).Continues(before, at)
		if (err == nil) != (c.fragment == "") || err != nil && !strings.Contains(err.Error(), c.fragment) {
			t.Errorf("%s: expected an error with %q, got %v", c.name, c.fragment, err)
		}
	}
	if err := before.Continues(nil, at); err != nil {
		t.Errorf("Expected any document to be the first, got %v", err)
	}
}

// A second seed may come in as long as every cache has its first key by the
// time at which that signs, and a first one may go once nothing of it is left.
func TestANewSeedOfZSKsMayTakeOverOnceEveryCacheHasItsKey(t *testing.T) {
	const takeover = 40 * day
	one := testKeys(t, 13, nil)
	two := func(startsAt time.Duration) *KeySet {
		return testKeys(t, 13, func(d *document) { d.ZSKs = append(d.ZSKs, next(t, d, startsAt)) })
	}
	alone := testKeys(t, 13, func(d *document) { d.ZSKs = []zskSeed{next(t, d, takeover)} })
	longLife := testKeys(t, 13, func(d *document) {
		d.ZSKs = append(d.ZSKs, next(t, d, takeover))
		d.ZSKs[1].Lifetime = hours(40 * day)
	})
	gone := takeover + one.zsks.after // when the last key of the first seed is removed
	for _, c := range []struct {
		name          string
		before, after *KeySet
		at            time.Duration
		fragment      string
	}{
		{"long before", one, two(takeover), 10 * day, ""},
		{"when it is published", one, two(takeover), takeover - 2*time.Hour, ""},
		{"late, and every cache has the key in time", one, two(takeover), takeover - 66*time.Minute, ""},
		{"late, and a cache may not", one, two(takeover), takeover - 64*time.Minute, "let it start later; if other servers"},
		{"after it has begun to sign", one, two(takeover), takeover + day, "let it start later"},
		{"taken back before it is published", two(takeover), one, takeover - 3*time.Hour, ""},
		{"taken back before it signs", two(takeover), one, takeover - time.Second, ""},
		{"taken back when it signs", two(takeover), one, takeover + time.Second, "put it back"},
		{"put off before it signs", two(takeover), two(takeover + 2*day), takeover - day, "another start"},
		{"another life", two(takeover), longLife, takeover - day, "another start, lifetime"},
		{"the first goes while it signs", two(takeover), alone, takeover - time.Second, "put it back"},
		{"the first goes while what it signed is served", two(takeover), alone, takeover + day, "put it back"},
		{"the first goes when it is removed", two(takeover), alone, gone, ""},
		{"the first goes long after", two(takeover), alone, takeover + 100*day, ""},
		{"the first comes back long after", alone, two(takeover), takeover + 100*day, ""},
	} {
		err := c.after.Continues(c.before, start.Add(c.at))
		if (err == nil) != (c.fragment == "") || err != nil && !strings.Contains(err.Error(), c.fragment) {
			t.Errorf("%s: expected an error with %q, got %v", c.name, c.fragment, err)
		}
	}
}

// next is a seed that takes over from the only one of d.
func next(t *testing.T, d *document, startsAt time.Duration) zskSeed {
	t.Helper()
	z := zskSeed{Seed: testSeed(t, 60), Start: instant(start.Add(startsAt)), Lifetime: defaultLifetime}
	z.Epoch = uint32(d.ZSKs[0].epochsBefore(z.Start.time()))
	return z
}

// No resolver that has asked a server before it took over another document
// finds its answers bogus after it, or the other way round.
func TestWhatContinuesNeverTurnsACacheBogus(t *testing.T) {
	const takeover = 40 * day
	one := testKeys(t, 13, nil)
	two := testKeys(t, 13, func(d *document) { d.ZSKs = append(d.ZSKs, next(t, d, takeover)) })
	alone := testKeys(t, 13, func(d *document) { d.ZSKs = []zskSeed{next(t, d, takeover)} })
	accepted := 0
	for _, change := range [][2]*KeySet{{one, two}, {two, one}, {two, alone}, {alone, two}, {one, alone}} {
		before, after := change[0], change[1]
		for at := start.Add(takeover - 10*time.Hour); at.Before(start.Add(takeover + 50*time.Hour)); at = at.Add(7 * time.Minute) {
			if after.Continues(before, at) != nil {
				continue
			}
			accepted++
			served := func(when time.Time) *KeySet {
				if when.Before(at) {
					return before
				}
				return after
			}
			for when := at.Add(-65 * time.Minute); when.Before(at.Add(65 * time.Minute)); when = when.Add(5 * time.Minute) {
				sig := mustSign(t, served(when), rrs(t, "n.persist.example. 3600 IN TXT a"), when).RRSIG[0].(*dns.RRSIG)
				for _, fetched := range []time.Time{when.Add(-time.Hour), when, at.Add(-1), at, when.Add(time.Hour)} {
					if fetched.Sub(when).Abs() <= time.Hour {
						keyOf(t, served(fetched), sig, fetched)
					}
				}
			}
		}
	}
	if accepted < 100 {
		t.Errorf("Only %d changes were accepted, so little was tried", accepted)
	}
}

// A server that was away while a KSK was rolled takes the document over, but no
// document drops the KSK out of the blue.
func TestAServerThatMissedARollOfTheKSKCatchesUp(t *testing.T) {
	rolled := submitting(t, 13)
	before := testKeys(t, 13, nil)
	alone := testKeys(t, 13, func(d *document) { d.KSKs[0].Seed = testSeed(t, 50) })
	sudden := testKeys(t, 13, func(d *document) {
		d.KSKs[0].Retire, d.KSKs[0].Remove = instant(start.Add(9*day)), instant(start.Add(9*day))
		d.KSKs = append(d.KSKs, kskSeed{Seed: testSeed(t, 50), Publish: instant(start.Add(9 * day)), Active: instant(start.Add(9 * day))})
	})
	held := testKeys(t, 13, func(d *document) { d.Hold = instant(start.Add(day)) })
	insecure := testKeys(t, 13, func(d *document) { d.Insecure = instant(start.Add(day)) })
	for _, c := range []struct {
		name          string
		before, after *KeySet
		at            time.Duration
		fragment      string
	}{
		{"the roll begins", before, rolled, 8 * day, ""},
		{"in the middle", before, rolled, 15 * day, ""},
		{"when the old one has retired", before, rolled, 21 * day, ""},
		{"the old one is pruned", rolled, alone, 21 * day, ""},
		{"the old one is dropped", before, alone, 21 * day, "is not in it"},
		{"the old one is dropped while the parent may have its DS", rolled, alone, 15 * day, "is not in it"},
		{"the new one is dropped before the parent knows it", rolled, before, 9*day + time.Hour, ""},
		{"the new one is dropped when the parent may have its DS", rolled, before, 15 * day, "is not in it"},
		{"the old one retires as the new one comes", before, sudden, 9*day + time.Minute, "is not in it"},
		{"hold", before, held, 2 * day, ""},
		{"resume", held, before, 2 * day, ""},
		{"insecure", before, insecure, 2 * day, ""},
		{"secure again", insecure, before, 2 * day, ""},
	} {
		err := c.after.Continues(c.before, start.Add(c.at))
		if (err == nil) != (c.fragment == "") || err != nil && !strings.Contains(err.Error(), c.fragment) {
			t.Errorf("%s: expected an error with %q, got %v", c.name, c.fragment, err)
		}
	}
}

// A server that was cut off while the old key got its end and went knows of no
// end. It takes the new key alone, because the document says that all the world
// has its DS, and then its answers are those of the others.
func TestAServerThatMissedTheEndOfARollTakesTheNewKeyAlone(t *testing.T) {
	h, p := rolled(t, 13, 5*day)
	gone := h[finished].from
	for _, missed := range []int{0, begun, offered} {
		for _, late := range []time.Duration{0, time.Minute, 300 * day} {
			if err := h[finished].keys.Continues(h[missed].keys, gone.Add(late)); err != nil {
				t.Errorf("In use is edition %d, %v after the end: %v", missed, late, err)
			}
		}
	}
	for _, back := range []time.Duration{0, 5 * time.Hour, 10 * day} {
		cutOff := append(slices.Clone(h[:ended]), edition{gone.Add(back), h[finished].keys})
		if at := chainBreaks(t, cutOff, p, start.Add(-day), gone.Add(back+3*day)); !at.IsZero() {
			t.Errorf("Taken over %v after the end, a chain of trust breaks at %v", back, at)
		}
	}
}

// What nobody says to be at every parent is not there, and what was there before
// another key was offered need not be there any more.
func TestAKSKMayNotGoBeforeTheDSOfItsSuccessorIsEverywhere(t *testing.T) {
	h, p := rolled(t, 13, 5*day)
	gone := h[finished].from
	documents, _ := documentsOfRoll(t, 13, 5*day)
	last := documents[finished].raw
	d, err := parseDocument(last)
	if err != nil {
		t.Fatal(err)
	}
	d.KSKs[0].Seen = instant{}
	unseen := parsed(t, written(t, d), nil)
	raw, err := BeginRoll(last, nil, dsTTL, gone.Add(30*day), random(11))
	parsed(t, raw, err)
	published := gone.Add(30*day + time.Hour)
	raw, err = OfferRoll(raw, published)
	next := parsed(t, raw, err)
	at := next.Roll(published).Submit
	for _, c := range []struct {
		name          string
		before, after *KeySet
		at            time.Time
	}{
		{"the old one is struck out by hand, as the parent may have its DS", h[offered].keys, unseen, gone.Add(300 * day)},
		{"caches may hold the DS of the old one", h[offered].keys, h[finished].keys, p.swapped.Add(p.slower + dsTTL)},
		{"a backup is put back when the parents were offered the next key", next, h[finished].keys, at},
		{"a backup is put back long after", next, h[finished].keys, at.Add(300 * day)},
	} {
		if err := c.after.Continues(c.before, c.at); err == nil || !strings.Contains(err.Error(), "is not in it") {
			t.Errorf("%s: expected a refusal, got %v", c.name, err)
		}
	}
	if err := h[finished].keys.Continues(next, at.Add(-1)); err != nil {
		t.Errorf("A backup is put back before the parents were offered the next key: %v", err)
	}
}

// A KSK of BIND without SyncPublish is named by no CDS: its DS was put at the
// parent by hand, and it must not be dropped either.
func TestAKSKThatNoCDSNamesIsNotDropped(t *testing.T) {
	before := testKeys(t, 13, nil)
	before.ksks[0].submit, before.ksks[0].planned.submit = never, never
	after := testKeys(t, 13, func(d *document) { d.KSKs[0].Seed = testSeed(t, 50) })
	if err := after.Continues(before, start.Add(day)); err == nil || !strings.Contains(err.Error(), "is not in it") {
		t.Errorf("Expected a refusal, got %v", err)
	}
}
