package dnssec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const (
	dsTTL = day
	lag   = 55 * time.Minute // of the slowest server behind the key document
)

// history is what key documents said, from which instants on.
type history []edition

type edition struct {
	from time.Time
	keys *KeySet
}

// read is what a server goes by that reads documents late.
func (h history) read(at time.Time, late time.Duration) *KeySet {
	keys := h[0].keys
	for _, e := range h {
		if !at.Before(e.from.Add(late)) {
			keys = e.keys
		}
	}
	return keys
}

func parsed(tb testing.TB, raw []byte, err error) *KeySet {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	k, err := ParseKeys(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func written(tb testing.TB, d *document) []byte {
	tb.Helper()
	raw, err := d.marshal()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// veteran has a KSK that has long been signing at start.
func veteran(tb testing.TB, algorithm uint8) *document {
	tb.Helper()
	return testDocument(tb, algorithm, func(d *document) {
		d.KSKs[0].Publish, d.KSKs[0].Active = instant(start.Add(-100*day)), instant(start.Add(-100*day))
	})
}

// parent is a parent zone with two servers, the second of which is slower.
type parent struct {
	old, young uint16 // tags
	swapped    time.Time
	slower     time.Duration
}

func (p parent) tag(at time.Time, server int) uint16 {
	if at.Before(p.swapped.Add(time.Duration(server) * p.slower)) {
		return p.old
	}
	return p.young
}

// chainBreaks returns an instant at which a resolver may hold a DS RRset and a
// DNSKEY RRset that do not fit, of all that were served from one to another
// instant; none if it is zero.
func chainBreaks(tb testing.TB, h history, p parent, from, until time.Time) time.Time {
	tb.Helper()
	for at := from; at.Before(until); at = at.Add(10 * time.Minute) {
		signers := map[uint16]int{}
		fetches := 0
		for fetched := at.Add(-cached); !fetched.After(at); fetched = fetched.Add(30 * time.Minute) {
			for _, late := range []time.Duration{0, lag} {
				fetches++
				for _, s := range h.read(fetched, late).ksks {
					if s.signs(fetched) {
						signers[s.tag]++
					}
				}
			}
		}
		for _, fetched := range []time.Time{at.Add(-dsTTL), at} {
			for server := range 2 {
				if signers[p.tag(fetched, server)] < fetches {
					return at
				}
			}
		}
	}
	return time.Time{}
}

// The editions of the history of a roll-over.
const (
	begun = iota + 1
	offered
	ended
	finished
)

// rolled is what documentsOfRoll say.
func rolled(tb testing.TB, algorithm uint8, patience time.Duration) (history, parent) {
	tb.Helper()
	documents, p := documentsOfRoll(tb, algorithm, patience)
	h := make(history, 0, len(documents))
	for _, d := range documents {
		h = append(h, edition{d.from, parsed(tb, d.raw, nil)})
	}
	return h, p
}

// dated is a key document from an instant on.
type dated struct {
	from time.Time
	raw  []byte
}

// documentsOfRoll walks through a roll-over that begins at start, in which every server
// is seen with the new key as soon as that is published, and at the end of which
// the parent's servers change their DS after patience and one more hour.
func documentsOfRoll(tb testing.TB, algorithm uint8, patience time.Duration) ([]dated, parent) {
	tb.Helper()
	documents := []dated{{start.Add(-100 * day), written(tb, veteran(tb, algorithm))}}
	write := func(at time.Time, change func(raw []byte) ([]byte, error)) Step {
		raw, err := change(documents[len(documents)-1].raw)
		documents = append(documents, dated{at, raw})
		return parsed(tb, raw, err).Roll(at)
	}
	step := write(start, func(raw []byte) ([]byte, error) {
		return BeginRoll(raw, []string{"persist.example."}, dsTTL, start, random(7))
	})
	publish := step.Publish
	step = write(publish, func(raw []byte) ([]byte, error) { return OfferRoll(raw, publish) })
	p := parent{step.Old, step.New, step.Submit.Add(patience), time.Hour}
	seen := p.swapped.Add(p.slower)
	step = write(seen, func(raw []byte) ([]byte, error) { return EndRoll(raw, time.Hour, seen) }) // the new DS RRset has a shorter TTL
	end := step.Remove
	write(end, func(raw []byte) ([]byte, error) { return FinishRoll(raw, end) })
	return documents, p
}

// The document holds no names of cuts, of which there may be more than fit, and keeps
// those of the zones that it signs beside them.
func TestARollOfCutsNamesTheZoneThatTheyAreCutsOf(t *testing.T) {
	raw, err := BeginCutsRoll(written(t, veteran(t, 13)), []string{"persist.example."}, []string{"."}, dsTTL, start, random(7))
	k := parsed(t, raw, err)
	if diff := cmp.Diff([][]string{{"persist.example."}, {"."}}, [][]string{k.Zones, k.Cuts}); diff != "" || k.Roll(start).Phase != Announced {
		t.Errorf("Expected a roll-over of a zone and of cuts: %s", diff)
	}
}

func TestInARollOfTheKSKEveryCacheHoldsAChainOfTrust(t *testing.T) {
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		for _, patience := range []time.Duration{0, 5 * day} {
			h, p := rolled(t, algorithm, patience)
			until := h[finished].from.Add(3 * day)
			if at := chainBreaks(t, h, p, start.Add(-day), until); !at.IsZero() {
				t.Errorf("Algorithm %d, after a wait of %v: a chain of trust breaks at %v", algorithm, patience, at)
			}
			for at := start; at.Before(until); at = at.Add(time.Hour) {
				keys := h.read(at, 0)
				set, _ := keys.DNSKEY(origin, at)
				verifyAll(t, keys, set, at)
				if n := len(keys.DS(origin, at)); n > 2 {
					t.Fatalf("At %v %d KSKs sign", at, n)
				}
				if cds, _, _ := keys.CDS(origin, at); len(cds) != 1 || !signsKeys(t, keys, cds[0].(*dns.CDS).KeyTag, at) {
					t.Fatalf("At %v CDS is %v", at, cds)
				}
			}
		}
	}
}

// What ended a roll-over is taken back as if it had never been.
func TestARollThatIsReopenedIsAsBeforeItsEnd(t *testing.T) {
	documents, _ := documentsOfRoll(t, dns.ECDSAP256SHA256, 0)
	offered, ended := documents[len(documents)-3], documents[len(documents)-2]
	at := ended.from.Add(time.Minute)
	raw, err := ReopenRoll(ended.raw, at)
	before, after := parsed(t, offered.raw, nil), parsed(t, raw, err)
	if diff := cmp.Diff(before.Roll(at), after.Roll(at)); diff != "" {
		t.Errorf("The step differs (-before +after): %s", diff)
	}
	for _, then := range []time.Time{at, at.Add(100 * day)} {
		was, _ := before.DNSKEY(origin, then)
		is, _ := after.DNSKEY(origin, then)
		if diff := cmp.Diff(fmt.Sprint(was), fmt.Sprint(is)); diff != "" {
			t.Errorf("At %v the keys differ (-before +after): %s", then, diff)
		}
	}
	for _, other := range []dated{documents[0], offered} {
		if _, err := ReopenRoll(other.raw, at); err == nil {
			t.Errorf("At %v there was no end to take back", other.from)
		}
	}
}

// The model finds out when any of the waits is cut by half.
func TestTheModelOfCachesFindsARollThatIsTooQuick(t *testing.T) {
	for name, hasten := range map[string]func(h history, p *parent){
		"the parent changes when half of the caches may lack the new key": func(h history, p *parent) {
			step := h[offered].keys.Roll(start)
			p.swapped = step.Publish.Add(step.Submit.Sub(step.Publish) / 2)
		},
		"the old key goes after half of the DS TTL": func(h history, _ *parent) {
			k := h[ended].keys.ksks[0]
			k.retire = h[ended].from.Add(k.retire.Sub(h[ended].from) / 2)
		},
		"the old key goes when one server of the parent has the new DS": func(_ history, p *parent) {
			p.slower += 3 * time.Hour
		},
	} {
		h, p := rolled(t, 13, 0)
		hasten(h, &p)
		if chainBreaks(t, h, p, start.Add(-day), h[finished].from.Add(3*day)).IsZero() {
			t.Errorf("No chain of trust breaks although %s", name)
		}
	}
}

func TestARollGoesByTheFormulasOfRFC7583(t *testing.T) {
	h, p := rolled(t, 13, 5*day)
	k := h[finished].keys
	offer := h[offered].keys.Roll(start)
	seen := p.swapped.Add(p.slower)
	const propagation, secondaries, safety = time.Hour, day, time.Hour
	want := Step{
		Phase: Announced, Old: p.old, New: p.young,
		Publish: start.Add(propagation),
		Submit:  start.Add(propagation + secondaries + time.Hour + safety), // Ipub = Dprp + TTLkey
		Until:   start.Add(propagation),
		Waits:   "every server to read the key document",
	}
	if diff := cmp.Diff(want, offer); diff != "" {
		t.Errorf("The roll begins otherwise: %s", diff)
	}
	want.Submit = time.Time{}
	if diff := cmp.Diff(want, h[begun].keys.Roll(start)); diff != "" {
		t.Errorf("The roll begins otherwise: %s", diff)
	}
	if got, want := h[ended].keys.Roll(seen).Remove, seen.Add(dsTTL+safety); !got.Equal(want) {
		t.Errorf("Expected the old key to go at %v, Iret = DprpP + TTLds after the DS was seen, got %v", want, got)
	}
	if diff := cmp.Diff(Step{Phase: Settled, Old: p.young, Publish: offer.Publish, Submit: offer.Submit}, k.Roll(h[finished].from)); diff != "" {
		t.Errorf("The roll ends otherwise: %s", diff)
	}
	if diff := cmp.Diff([]string{"persist.example."}, k.Zones); diff != "" {
		t.Errorf("The zones are others: %s", diff)
	}
	if len(k.ksks) != 1 {
		t.Errorf("Expected the old key to be pruned, got %d KSKs", len(k.ksks))
	}
}

func TestARollIsFinishedOnceTheOldKeyIsRemoved(t *testing.T) {
	h, p := rolled(t, 13, 0)
	remove := h[finished].from
	for at, want := range map[time.Time]Phase{remove.Add(-1): Retiring, remove: Finished, remove.Add(30 * day): Finished} {
		got := h[ended].keys.Roll(at)
		if got.Phase != want || got.Old != p.old || got.New != p.young || !got.Remove.Equal(remove) {
			t.Errorf("At %v: expected %s, from %d to %d, got %+v", at, want, p.old, p.young, got)
		}
	}
}

func TestEachStepOfARollSaysWhatItWaitsFor(t *testing.T) {
	h, p := rolled(t, 13, 5*day)
	type step struct {
		Phase Phase
		Waits string
		Until time.Time
	}
	publish, submit, seen := start.Add(time.Hour), start.Add(27*time.Hour), p.swapped.Add(p.slower)
	remove := seen.Add(dsTTL + time.Hour)
	for _, c := range []struct {
		at   time.Time
		want step
	}{
		{start.Add(-1), step{Settled, "", time.Time{}}},
		{start, step{Announced, "every server to read the key document", publish}},
		{publish.Add(-1), step{Announced, "every server to read the key document", publish}},
		{publish, step{Spreading, "every cache to have the DNSKEY RRset with the new key", submit}},
		{submit.Add(-1), step{Spreading, "every cache to have the DNSKEY RRset with the new key", submit}},
		{submit, step{Submitted, fmt.Sprintf("every server of every parent to have the DS of the key with tag %d", p.young), time.Time{}}},
		{seen.Add(-1), step{Submitted, fmt.Sprintf("every server of every parent to have the DS of the key with tag %d", p.young), time.Time{}}},
		{seen, step{Retiring, "the DS RRset without the new key to leave every cache", remove}},
		{remove.Add(-1), step{Retiring, "the DS RRset without the new key to leave every cache", remove}},
		{remove, step{Settled, "", time.Time{}}},
		{remove.Add(7 * day), step{Settled, "", time.Time{}}},
	} {
		got := h.read(c.at, 0).Roll(c.at)
		if diff := cmp.Diff(c.want, step{got.Phase, got.Waits, got.Until}); diff != "" {
			t.Errorf("At %v: %s", c.at, diff)
		}
	}
}

// A server may be cut off for as long as it likes: until somebody has seen all
// of them with the new key, no parent is asked for its DS, and from then on caches
// have the time that they need.
func TestTheNewKeyIsOfferedOnlyAfterEveryServerWasSeenWithIt(t *testing.T) {
	raw, err := BeginRoll(written(t, veteran(t, 13)), nil, dsTTL, start, random(7))
	begun := parsed(t, raw, err)
	publish := start.Add(time.Hour)
	for _, late := range []time.Duration{0, day, 24*time.Hour + time.Second, 300 * day} {
		seen := publish.Add(late)
		if step := begun.Roll(seen); step.Phase != Spreading || !step.Submit.IsZero() || !step.Until.IsZero() || step.Waits != "every server to be seen with the new key" {
			t.Errorf("After %v: the step is %+v", late, step)
		}
		if cds, _, _ := begun.CDS(origin, seen); len(cds) != 1 || cds[0].(*dns.CDS).KeyTag != begun.Roll(seen).Old {
			t.Errorf("After %v: CDS is %v", late, cds)
		}
		raw, err := OfferRoll(raw, seen)
		offered := parsed(t, raw, err).Roll(seen)
		if want := later(publish.Add(26*time.Hour), seen.Add(2*time.Hour)); !offered.Submit.Equal(want) {
			t.Errorf("Seen %v after it is published, the key is offered at %v, want %v", late, offered.Submit, want)
		}
	}
}

// A hold does not bring the offer nearer, nor push it out of what can be written.
func TestAHoldBeforeTheOfferLeavesThatOpen(t *testing.T) {
	raw, err := BeginRoll(written(t, veteran(t, 13)), nil, dsTTL, start, random(7))
	parsed(t, raw, err)
	raw, err = Hold(raw, "", start.Add(2*time.Hour))
	parsed(t, raw, err)
	raw, err = Resume(raw, start.Add(500*day))
	if step := parsed(t, raw, err).Roll(start.Add(500 * day)); step.Phase != Spreading || !step.Submit.IsZero() {
		t.Errorf("After the hold the step is %+v", step)
	}
}

// Whatever the reason, a hold only ever makes a roll-over slower.
func TestARollThatWasHeldIsAsSafeAsOneThatWasNot(t *testing.T) {
	first := written(t, veteran(t, 13))
	begun, err := BeginRoll(first, nil, dsTTL, start, random(7))
	parsed(t, begun, err)
	begun, err = OfferRoll(begun, start.Add(time.Hour)) // whatever comes meanwhile
	parsed(t, begun, err)
	for _, when := range []time.Duration{0, 30 * time.Minute, time.Hour, 2 * time.Hour, 27 * time.Hour, 28 * time.Hour} {
		for _, long := range []time.Duration{time.Minute, 90 * time.Minute, 30 * day} {
			raw, err := Hold(begun, "a new registrar", start.Add(when))
			held := parsed(t, raw, err)
			if step := held.Roll(start.Add(when + long/2)); step.Waits != `the end of the hold: "a new registrar"` || !step.Held.Equal(start.Add(when)) {
				t.Errorf("Held after %v, it waits for %s since %v", when, step.Waits, step.Held)
			}
			raw, err = Resume(raw, start.Add(when+long))
			resumed := parsed(t, raw, err)
			free, late := parsed(t, begun, nil).ksks[1], resumed.ksks[1]
			for _, wait := range [][2]time.Duration{
				{free.publish.Sub(start), late.publish.Sub(start)},
				{free.submit.Sub(free.publish), late.submit.Sub(late.publish)},
			} {
				if wait[1] < wait[0] || wait[1] > wait[0]+long {
					t.Errorf("Held after %v for %v, a wait of %v becomes %v", when, long, wait[0], wait[1])
				}
			}
			h := history{{start.Add(-day), parsed(t, first, nil)}, {start, parsed(t, begun, nil)}, {start.Add(when), held}, {start.Add(when + long), resumed}}
			p := parent{free0(t, first), late.tag, late.submit, 0}
			if at := chainBreaks(t, h, p, start.Add(-day), late.submit.Add(3*day)); !at.IsZero() {
				t.Errorf("Held after %v for %v, a chain of trust breaks at %v", when, long, at)
			}
		}
	}
}

// free0 is the tag of the only KSK of a document.
func free0(tb testing.TB, raw []byte) uint16 {
	tb.Helper()
	return parsed(tb, raw, nil).ksks[0].tag
}

func TestWhatIsNotDueIsRefused(t *testing.T) {
	first := written(t, testDocument(t, 13, nil))
	begun, err := BeginRoll(first, nil, dsTTL, start, random(7))
	parsed(t, begun, err)
	held, err := Hold(first, "", start)
	parsed(t, held, err)
	insecure, err := GoInsecure(first, start)
	parsed(t, insecure, err)
	reseeded, _, err := Reseed(first, start, random(8))
	parsed(t, reseeded, err)
	late := start.Add(2 * day)
	begin := func(raw []byte) error { _, err := BeginRoll(raw, nil, dsTTL, late, random(9)); return err }
	promised, err := OfferRoll(begun, start.Add(time.Hour))
	parsed(t, promised, err)
	stopped, err := Hold(begun, "", start.Add(time.Hour))
	parsed(t, stopped, err)
	offer := func(raw []byte, at time.Time) error { _, err := OfferRoll(raw, at); return err }
	end := func(raw []byte, at time.Time) error { _, err := EndRoll(raw, dsTTL, at); return err }
	broken := errors.New("broken")
	for _, c := range []struct {
		name, fragment string
		err            error
	}{
		{"a roll in a roll", "is being rolled already", begin(begun)},
		{"a roll in a hold", "KSKs are held: resume first", begin(held)},
		{"a roll into insecurity", "the zone goes insecure", begin(insecure)},
		{"the end before the beginning", "the roll-over is settled", end(first, late)},
		{"the end before CDS names the key", "the roll-over is spreading", end(begun, start.Add(2*time.Hour))},
		{"an offer before the key is published", "the roll-over is announced", offer(begun, start)},
		{"an offer in a hold", "the roll-over is spreading", offer(stopped, late)},
		{"a second offer", "the roll-over is spreading", offer(promised, start.Add(2*time.Hour))},
		{"a hold in a hold", "held already, since 2026-11-24T12:00:00Z", second(Hold(held, "", late))},
		{"resume without a hold", "not held", second(Resume(first, late))},
		{"insecure twice", "already, since 2026-11-24T12:00:00Z", second(GoInsecure(insecure, late))},
		{"secure without", "does not go insecure", second(StaySecure(first, late))},
		{"a third seed", "in use until 2026-12-27T02:00:00Z: run this again then", third(Reseed(reseeded, late, random(9)))},
		{"a hold for a novel", "hold_reason has 201 octets", second(Hold(first, strings.Repeat("x", 201), late))},
		{"no random", "broken", second(BeginRoll(first, nil, dsTTL, late, iotest.ErrReader(broken)))},
		{"no random", "broken", third(Reseed(first, late, iotest.ErrReader(broken)))},
		{"no document", "is not JSON", second(Hold([]byte("x"), "", late))},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.fragment) {
			t.Errorf("%s: expected an error with %q, got %v", c.name, c.fragment, c.err)
		}
	}
}

func second(_ []byte, err error) error             { return err }
func third(_ []byte, _ time.Time, err error) error { return err }

// A seed whose tag another key has is not taken, so no validator has to try two
// keys (CVE-2023-50387).
func TestANewKSKSharesItsTagWithNoOtherKey(t *testing.T) {
	d := testDocument(t, 13, nil)
	old := d.KSKs[0].Seed.octets()
	young := testSeed(t, 9).octets()
	raw, err := BeginRoll(written(t, d), nil, dsTTL, start, strings.NewReader(string(slices.Concat(old, old, young))))
	k := parsed(t, raw, err)
	if k.ksks[0].tag == k.ksks[1].tag {
		t.Errorf("Both keys have the tag %d", k.ksks[0].tag)
	}
}

// Whenever a seed is replaced, the old one's signatures and the new one's find
// their keys in every cache, on servers that read the document late too.
func TestAReseedTurnsNoCacheBogus(t *testing.T) {
	type reseed func([]byte, time.Time) ([]byte, time.Time, error)
	for name, reseed := range map[string]reseed{
		"planned": func(raw []byte, at time.Time) ([]byte, time.Time, error) { return Reseed(raw, at, random(8)) },
		"urgent":  func(raw []byte, at time.Time) ([]byte, time.Time, error) { return ReseedNow(raw, at, random(8)) },
	} {
		for _, when := range []time.Duration{0, time.Hour, 10 * day, 30*day - 4*time.Hour, 30*day - time.Hour, 30 * day, 31 * day} {
			first := written(t, testDocument(t, 13, nil))
			raw, takeover, err := reseed(first, start.Add(when))
			two := parsed(t, raw, err)
			gone := takeover.Add(two.zsks.after)
			raw, err = FinishRoll(raw, gone)
			alone := parsed(t, raw, err)
			h := history{{start.Add(-day), parsed(t, first, nil)}, {start.Add(when), two}, {gone, alone}}
			if len(alone.zsks.reigns) != 1 {
				t.Errorf("%s after %v: the old seed is not pruned", name, when)
			}
			if name == "planned" && two.zsks.cutShort(two.zsks.reigns[1].first-1) {
				t.Errorf("After %v an epoch is cut short", when)
			}
			checkHistory(t, h, start.Add(when), takeover.Add(-27*time.Hour), takeover, gone.Add(-2*time.Hour), gone.Add(2*time.Hour))
		}
	}
}

// checkHistory checks at the instants that what any server signs finds its key
// in what any server published within the last and next TTL.
func checkHistory(t *testing.T, h history, around ...time.Time) {
	t.Helper()
	for _, middle := range around {
		for at := middle.Add(-2 * time.Hour); at.Before(middle.Add(2 * time.Hour)); at = at.Add(10 * time.Minute) {
			for _, late := range []time.Duration{0, lag} {
				sig := mustSign(t, h.read(at, late), rrs(t, "n.persist.example. 3600 IN TXT a"), at).RRSIG[0].(*dns.RRSIG)
				for _, later := range []time.Duration{0, lag} {
					for _, fetched := range []time.Time{at.Add(-cached), at, at.Add(cached)} {
						keyOf(t, h.read(fetched, later), sig, fetched)
					}
				}
			}
		}
	}
}

// A thief of the document has the seed that was to come next as well.
func TestAnUrgentReseedDropsTheSeedThatWasToComeLater(t *testing.T) {
	first := written(t, testDocument(t, 13, nil))
	raw, _, err := Reseed(first, start, random(8))
	planned := parsed(t, raw, err)
	raw, takeover, err := ReseedNow(raw, start.Add(10*day), random(9))
	urgent := parsed(t, raw, err)
	if urgent.zsks.reigns[1].equal(planned.zsks.reigns[1].deriver) || !takeover.Equal(start.Add(10*day+27*time.Hour)) {
		t.Errorf("The seed that takes over at %v is that of before", takeover)
	}
}

// Keys of today are replaced as soon as any others are: none was there before them.
func TestAnUrgentReseedOfYoungKeysTakesOverInADayToo(t *testing.T) {
	first := written(t, testDocument(t, 13, nil))
	for _, age := range []time.Duration{0, time.Second, day, 3 * day, 10 * day} {
		raw, takeover, err := ReseedNow(first, start.Add(age), random(8))
		parsed(t, raw, err)
		if want := start.Add(age + 27*time.Hour); !takeover.Equal(want) {
			t.Errorf("Keys that are %v old are replaced at %v, want %v", age, takeover, want)
		}
	}
}

// The keys of a second seed wait until those from before it are removed.
func TestAThirdSeedTakesOverInADayOnceTheFirstIsGone(t *testing.T) {
	raw, takeover, err := ReseedNow(written(t, testDocument(t, 13, nil)), start, random(8))
	gone := takeover.Add(parsed(t, raw, err).zsks.after)
	raw, again, err := ReseedNow(raw, gone, random(9))
	parsed(t, raw, err)
	if want := gone.Add(27 * time.Hour); !again.Equal(want) {
		t.Errorf("The third seed takes over at %v, want %v", again, want)
	}
}

// A roll from a key in the document to one that is kept away, begun by hand.
func TestARollToAKeyThatIsKeptAwayEnds(t *testing.T) {
	made, err := GenerateKSKs("test", 13, random(5))
	if err != nil {
		t.Fatal(err)
	}
	ksks, err := ParseKSKs(made, "test", 13)
	if err != nil {
		t.Fatal(err)
	}
	publish := start.Add(10 * day)
	next := kskSeed{Publish: instant(publish), Active: instant(publish), CDS: instant(publish.Add(2 * day))}
	if err := next.PublicKey.UnmarshalText([]byte(ksks.Newest().PublicKey)); err != nil {
		t.Fatal(err)
	}
	raw, err := testDocument(t, 13, func(d *document) { d.KSKs = append(d.KSKs, next) }).marshal()
	if err != nil {
		t.Fatal(err)
	}
	seen := publish.Add(5 * day)
	raw, err = EndRoll(raw, time.Hour, seen)
	step := parsed(t, raw, err).Roll(seen)
	if step.Phase != Retiring || step.New != ksks.Newest().Tag || !step.Remove.Equal(seen.Add(2*time.Hour)) {
		t.Errorf("The roll is %+v", step)
	}
}

// Whoever gave the parent the DS of a key that caches lack would break the chain,
// so it is not among those that are logged before.
func TestTheDSOfANewKeyIsNotForTheParentBeforeCDSNamesIt(t *testing.T) {
	raw, err := testDocument(t, 13, nil).marshal()
	if err != nil {
		t.Fatal(err)
	}
	raw, err = BeginRoll(raw, []string{origin}, time.Hour, start.Add(10*day), random(2))
	publish := parsed(t, raw, err).Roll(start.Add(10 * day)).Publish
	raw, err = OfferRoll(raw, publish)
	k := parsed(t, raw, err)
	step := k.Roll(publish)
	for at, want := range map[time.Time][]uint16{
		step.Publish.Add(-time.Second): {step.Old},
		step.Publish:                   {step.Old},
		step.Submit.Add(-time.Second):  {step.Old},
		step.Submit:                    {step.Old, step.New},
	} {
		var tags []uint16
		for _, ds := range k.DS(origin, at) {
			tags = append(tags, ds.KeyTag)
		}
		if !slices.Equal(tags, want) {
			t.Errorf("At %v: the DS records are those of %v, want %v", at, tags, want)
		}
	}
	raw, err = GoInsecure(raw, step.Submit)
	if ds := parsed(t, raw, err).DS(origin, step.Submit); len(ds) > 0 {
		t.Errorf("Of a zone that goes insecure the DS records are %v", ds)
	}
}
