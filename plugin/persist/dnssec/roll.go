package dnssec

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// A key signing key is rolled by the Double-KSK method (RFC 7583 section 3.3.1,
// RFC 6781 section 4.1.2): the new key is published and signs beside the old
// one; once every server has been seen to serve it, and it is in every cache,
// the parent is asked for its DS record; once that is at every server of the
// parent, and the old one in no cache any more, the old key goes. Whoever rolls
// writes each instant into the key document before it comes, and nobody waits
// for a reader. Where nobody looks, nothing comes.

// BeginRoll returns the key document raw with a new key signing key, made of
// random, whose DS record the parents of zones shall have in the place of the
// present one's. ttl is that of the DS RRset there, the longest of all parents.
//
// The key is published an hour from at, when every server has read the document.
// It is offered to no parent before OfferRoll says when.
func BeginRoll(raw []byte, zones []string, ttl time.Duration, at time.Time, random io.Reader) ([]byte, error) {
	return begin(raw, ttl, at, func(d *document, before *KeySet, k kskSeed) error {
		d.Zones = zones
		return d.addServersKSK(before, k, random)
	})
}

// BeginCutsRoll is BeginRoll for a key that signs every cut of the zones cuts too,
// whose names the document does not hold: whoever rolls lists them for each step.
func BeginCutsRoll(raw []byte, zones, cuts []string, ttl time.Duration, at time.Time, random io.Reader) ([]byte, error) {
	return begin(raw, ttl, at, func(d *document, before *KeySet, k kskSeed) error {
		d.Zones, d.Cuts = zones, cuts
		return d.addServersKSK(before, k, random)
	})
}

// BeginAwayRoll is BeginRoll for a new key signing key that is kept away from the
// servers. Whoever writes the document has bundles for it before.
func BeginAwayRoll(raw []byte, zones []string, ttl time.Duration, at time.Time, next Away) ([]byte, error) {
	return begin(raw, ttl, at, func(d *document, _ *KeySet, k kskSeed) error {
		d.Zones = zones
		away, err := next.entry()
		k.awayKSK = away
		d.KSKs = append(d.KSKs, k)
		return err
	})
}

// begin adds a key that add completes.
func begin(raw []byte, ttl time.Duration, at time.Time, add func(*document, *KeySet, kskSeed) error) ([]byte, error) {
	return revise(raw, at, func(d *document, before *KeySet) error {
		if err := before.mayRoll(at); err != nil {
			return err
		}
		publish := instant(secondsUp(at.UTC()).Add(notice))
		d.DSTTL = uint32(ttl / time.Second) // #nosec G115 -- a TTL has 32 bits
		return add(d, before, kskSeed{Publish: publish, Active: publish, CDS: instant(undecided)})
	})
}

// mayRoll refuses a roll-over beside another one, in a hold, and to insecurity.
func (k *KeySet) mayRoll(at time.Time) error {
	switch step := k.Roll(at); {
	case !k.insecure.IsZero():
		return errors.New("the zone goes insecure, so no parent would take a new DS: undo that first")
	case !step.Held.IsZero():
		return errors.New("KSKs are held: resume first")
	case step.Phase != Settled && step.Phase != Finished:
		return fmt.Errorf("the KSK with tag %d is being rolled already", step.Old)
	}
	return nil
}

// OfferRoll returns the key document raw with the instant at which CDS begins to
// name the new key, now that every server of every zone has been seen, at the
// instant seen, to serve it: when it is in every cache (Ipub of RFC 7583), which
// hold the RRset of the slowest server for the TTL. A secondary that nobody has
// asked may be as late as for a ZSK.
func OfferRoll(raw []byte, seen time.Time) ([]byte, error) {
	return revise(raw, seen, func(d *document, before *KeySet) error {
		step := before.Roll(seen)
		if step.Phase != Spreading || !step.Held.IsZero() || !step.Submit.IsZero() {
			return fmt.Errorf("no KSK waits for servers to serve it: the roll-over is %s", step.Phase)
		}
		for i, k := range d.KSKs {
			key, err := k.ksk(d)
			if err != nil {
				return err
			}
			if key.tag != step.New {
				continue
			}
			estimated := k.Publish.time().Add(d.ahead())
			observed := secondsUp(seen.UTC()).Add(time.Duration(d.TTL)*time.Second + notice)
			d.KSKs[i].CDS = instant(later(estimated, observed))
		}
		return nil
	})
}

// addServersKSK adds k with a new seed, where servers have those of the others.
func (d *document) addServersKSK(before *KeySet, k kskSeed, random io.Reader) error {
	if len(before.Away()) > 0 {
		return errors.New("the KSK is kept away from the servers, and the next one would be where they have it: see BeginAwayRoll")
	}
	return d.addKSK(k, random)
}

// addKSK adds k with a new seed. One whose tag is that of another key is passed
// over.
func (d *document) addKSK(k kskSeed, random io.Reader) (err error) {
	d.KSKs = append(d.KSKs, k)
	for range 100 {
		if d.KSKs[len(d.KSKs)-1].Seed, err = newSeed(random); err != nil {
			return err
		}
		if _, err = d.keySet(); err == nil {
			return nil
		}
	}
	return err
}

// EndRoll returns the key document raw with the end of the old key signing keys:
// the instant at which no cache has the DS RRset without the new key any more,
// now that one with it has been seen, at the instant seen, at every server of
// every parent. ttl is that of the DS RRset there, the longest of all; the one
// when the roll-over began may be longer and then counts. The new key keeps what
// was seen, for servers that read of it only when the old key is gone.
func EndRoll(raw []byte, ttl time.Duration, seen time.Time) ([]byte, error) {
	return revise(raw, seen, func(d *document, before *KeySet) error {
		step := before.Roll(seen)
		if step.Phase != Submitted || !step.Held.IsZero() {
			return fmt.Errorf("no KSK waits for its DS: the roll-over is %s", step.Phase)
		}
		ttl = max(ttl, time.Duration(d.DSTTL)*time.Second)
		d.DSTTL = uint32(ttl / time.Second) // #nosec G115 -- a TTL has 32 bits
		end := instant(secondsUp(seen.UTC()).Add(ttl + notice))
		for i, k := range d.KSKs {
			key, err := k.ksk(d)
			switch {
			case err != nil:
				return err
			case key.tag == step.New:
				d.KSKs[i].Seen = instant(secondsUp(seen.UTC()))
			case k.Remove.IsZero():
				if d.KSKs[i].Remove = end; k.Retire.IsZero() {
					d.KSKs[i].Retire = end
				}
			}
		}
		return nil
	})
}

// ReopenRoll takes EndRoll back, because at the instant at a server of a parent has
// been seen without the DS of the new key: the old ones stay until every server
// has it again.
func ReopenRoll(raw []byte, at time.Time) ([]byte, error) {
	return revise(raw, at, func(d *document, before *KeySet) error {
		step := before.Roll(at)
		if step.Phase != Retiring || !step.Held.IsZero() {
			return fmt.Errorf("no KSK waits for its end: the roll-over is %s", step.Phase)
		}
		for i, k := range d.KSKs {
			key, err := k.ksk(d)
			switch {
			case err != nil:
				return err
			case key.tag == step.New:
				d.KSKs[i].Seen = instant{}
			default:
				d.KSKs[i].Retire, d.KSKs[i].Remove = instant{}, instant{}
			}
		}
		return nil
	})
}

// FinishRoll returns the key document raw without the keys that are removed.
func FinishRoll(raw []byte, at time.Time) ([]byte, error) {
	return revise(raw, at, func(*document, *KeySet) error { return nil })
}
