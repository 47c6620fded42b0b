package dnssec

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// shelf is what servers can read: a key document, and the bundles beside it.
type shelf struct {
	from         time.Time
	raw, bundles []byte
}

// administrator rolls a key that is kept away, in runs of which one ends after a
// number of writes.
type administrator struct {
	t         *testing.T
	algorithm uint8
	safe      []byte // the KSK document
	shelves   []shelf
	writes    int // that are left before a run is cut short
	parent    []*dns.DS
	swapped   []time.Time
}

// cut is what a run ends with that is cut short.
type cut struct{}

func newAdministrator(t *testing.T, algorithm uint8, writes int) *administrator {
	t.Helper()
	safe, err := GenerateKSKs("test", algorithm, random(101))
	if err != nil {
		t.Fatal(err)
	}
	a := &administrator{t: t, algorithm: algorithm, safe: safe, writes: writes}
	raw, err := GenerateAwayKeys("test", start.Add(-100*day), random(1), a.ksks().Newest())
	keys := parsed(t, raw, err)
	b := NewBundles(keys)
	if _, err := b.Sign(keys, origin, start.Add(-day), start.Add(7*week), a.ksks().Private); err != nil {
		t.Fatal(err)
	}
	a.shelves = []shelf{{start.Add(-day), raw, writtenOut(t, b)}}
	a.swap(start.Add(-100 * day))
	return a
}

func (a *administrator) last() shelf { return a.shelves[len(a.shelves)-1] }

func (a *administrator) ksks() *KSKs {
	a.t.Helper()
	k, err := ParseKSKs(a.safe, "test", a.algorithm)
	if err != nil {
		a.t.Fatal(err)
	}
	return k
}

// swap has the parent take the DS that CDS names.
func (a *administrator) swap(at time.Time) {
	keys := parsed(a.t, a.last().raw, nil)
	a.parent, a.swapped = append(a.parent, keys.EntryPoint(origin, at).ToDS(dns.SHA256)), append(a.swapped, at)
}

// pointers are the DS records that caches may hold.
func (a *administrator) pointers(at time.Time) []*dns.DS {
	var all []*dns.DS
	for i, ds := range a.parent {
		last := i == len(a.parent)-1
		if !at.Before(a.swapped[i]) && (last || at.Before(a.swapped[i+1].Add(dsTTL))) {
			all = append(all, ds)
		}
	}
	return all
}

// write is one write of a run, after which that may be cut short.
func (a *administrator) write(at time.Time, change func(*shelf)) {
	if a.writes == 0 {
		a.writes--
		panic(cut{})
	}
	a.writes--
	next := a.last()
	next.from = at
	change(&next)
	a.shelves = append(a.shelves, next)
}

// sign writes bundles for a key document, if that changes them.
func (a *administrator) sign(raw []byte, at time.Time, how func(*Bundles, *KeySet, string, time.Time, time.Time, SignerOf) (int, error)) {
	a.t.Helper()
	b, err := ParseBundles(a.last().bundles)
	if err != nil {
		a.t.Fatal(err)
	}
	b.Prune(at)
	if _, err := how(b, parsed(a.t, raw, nil), origin, at, at.Add(7*week), a.ksks().Private); err != nil {
		a.t.Fatal(err)
	}
	if after := writtenOut(a.t, b); !bytes.Equal(after, a.last().bundles) {
		a.write(at, func(s *shelf) { s.bundles = after })
	}
}

// edit is a step: bundles for what is to come beside those for what is, the key
// document, and the bundles for that alone.
func (a *administrator) edit(at time.Time, change func(raw []byte) ([]byte, error)) {
	a.t.Helper()
	raw, err := change(a.last().raw)
	parsed(a.t, raw, err)
	a.sign(raw, at, (*Bundles).SignBeside)
	a.write(at, func(s *shelf) { s.raw = raw })
	a.sign(raw, at, (*Bundles).Sign)
}

// run is one run at an instant. It returns false if it was cut short.
func (a *administrator) run(at time.Time) (whole bool) {
	a.t.Helper()
	defer func() {
		if r := recover(); r != nil {
			if _, ours := r.(cut); !ours {
				panic(r)
			}
			whole = false
		}
	}()
	a.sign(a.last().raw, at, (*Bundles).Sign)
	keys := parsed(a.t, a.last().raw, nil)
	switch step := keys.Roll(at); {
	case step.Phase == Settled && len(a.parent) == 1:
		if newest := a.ksks().Newest(); newest.Tag == step.Old {
			raw, err := AddKSK(a.safe, keys, random(7))
			if err != nil {
				a.t.Fatal(err)
			}
			a.safe = raw
		}
		a.edit(at, func(raw []byte) ([]byte, error) {
			return BeginAwayRoll(raw, []string{origin}, dsTTL, at, a.ksks().Newest())
		})
	case step.Phase == Spreading && step.Submit.IsZero():
		a.edit(at, func(raw []byte) ([]byte, error) { return OfferRoll(raw, at) })
	case step.Phase == Submitted:
		if len(a.parent) == 1 {
			a.swap(at)
		}
		a.edit(at, func(raw []byte) ([]byte, error) { return EndRoll(raw, dsTTL, at) })
	case step.Phase == Finished:
		a.edit(at, func(raw []byte) ([]byte, error) { return FinishRoll(raw, at) })
	}
	return true
}

// roll runs every six hours, or after a run that was cut short after three weeks,
// until the roll-over is finished. It returns when, and how many writes were left.
func (a *administrator) roll() (end time.Time, left int) {
	a.t.Helper()
	for at := start; at.Before(start.Add(20 * week)); at = at.Add(6 * time.Hour) {
		if !a.run(at) {
			at = at.Add(3 * week)
		}
		if len(a.parent) == 2 && parsed(a.t, a.last().raw, nil).Roll(at).Phase == Settled {
			return at, a.writes
		}
	}
	a.t.Fatal("The roll-over never ends")
	return time.Time{}, 0
}

// serve checks at many instants that a server which reads late finds its way from
// each shelf to the next, and that by any DS which a cache may hold a validator
// trusts what it says of keys.
func (a *administrator) serve(late time.Duration, until time.Time) {
	a.t.Helper()
	var instants []time.Time
	for at := start; at.Before(until); at = at.Add(11 * time.Hour) {
		instants = append(instants, at)
	}
	for _, s := range a.shelves {
		for _, after := range []time.Duration{0, 30 * time.Minute, late, time.Hour, 2 * time.Hour, 3 * time.Hour, 26 * time.Hour} {
			if at := s.from.Add(after); !at.Before(start) {
				instants = append(instants, at)
			}
		}
	}
	slices.SortFunc(instants, time.Time.Compare)
	var keys *KeySet
	read := -1
	for _, at := range instants {
		now := 0
		for i, s := range a.shelves {
			if !at.Before(s.from.Add(late)) {
				now = i
			}
		}
		if now != read {
			keys, read = a.load(keys, a.shelves[now], at), now
		}
		for _, ds := range a.pointers(at) {
			checkKeySets(a.t, keys, origin, ds, at)
		}
	}
}

// load is what a server does that has keys in use.
func (a *administrator) load(before *KeySet, s shelf, at time.Time) *KeySet {
	a.t.Helper()
	keys := parsed(a.t, s.raw, nil)
	if err := keys.Continues(before, at); err != nil {
		a.t.Fatalf("At %v: %v", at, err)
	}
	b, err := ParseBundles(s.bundles)
	if err != nil {
		a.t.Fatal(err)
	}
	keys.UseBundles(b, at)
	if err := keys.Prove(origin, at); err != nil {
		a.t.Fatalf("At %v: %v", at, err)
	}
	return keys
}

// Wherever a run is cut short, and however long nobody comes back: servers that
// read at once and those that read late serve keys that validators trust by the
// DS of before and by the one of after.
func TestARollOfAKeyThatIsAwayMayBeInterruptedAnywhere(t *testing.T) {
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		uncut := newAdministrator(t, algorithm, 1000)
		end, left := uncut.roll()
		writes := 1000 - left
		if writes < 12 {
			t.Fatalf("Only %d writes in a roll-over of four steps", writes)
		}
		for n := range writes + 1 {
			a := newAdministrator(t, algorithm, n)
			cutEnd, _ := a.roll()
			if n < writes && cutEnd.Before(end.Add(2*week)) {
				t.Errorf("Cut short after %d writes, it ends at %v, too early", n, cutEnd)
			}
			for _, late := range []time.Duration{0, lag} {
				a.serve(late, cutEnd.Add(week))
			}
			keys := parsed(t, a.last().raw, nil)
			if all := keys.Away(); len(all) != 1 || all[0].PublicKey != a.ksks().Newest().PublicKey || len(a.ksks().keys) != 2 {
				t.Errorf("Cut short after %d writes: expected one key at the end, the second of two, got %v", n, all)
			}
		}
	}
}
