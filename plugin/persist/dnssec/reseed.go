package dnssec

import (
	"fmt"
	"io"
	"time"
)

// Reseed returns the key document raw with a new seed of zone signing keys, made
// of random, and the instant at which it takes over: when the present epoch
// ends, or the next one where the first new key could not be in every cache by
// then.
func Reseed(raw []byte, at time.Time, random io.Reader) ([]byte, time.Time, error) {
	return reseed(raw, at, random, func(z zskSeed, earliest time.Time) time.Time {
		epochs := z.epochsBefore(earliest) - int64(z.Epoch)
		return z.Start.time().Add(time.Duration(epochs) * time.Duration(z.Lifetime))
	})
}

// ReseedNow is Reseed for a seed that somebody has stolen: the new one takes
// over as soon as its first key can be in every cache. The keys of the old seed
// stay in the DNSKEY RRset for as long as what they signed is about. A seed that
// was to come later is dropped: it may be stolen too.
func ReseedNow(raw []byte, at time.Time, random io.Reader) ([]byte, time.Time, error) {
	raw, err := revise(raw, at, func(d *document, _ *KeySet) error {
		if len(d.ZSKs) == mostZSKs && at.Add(2*notice).Before(d.ZSKs[1].Start.time()) {
			d.ZSKs = d.ZSKs[:1]
		}
		return nil
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return reseed(raw, at, random, func(_ zskSeed, earliest time.Time) time.Time { return earliest })
}

// reseed adds a seed that takes over at the instant that when chooses, given the
// earliest one: every server has read the document an hour from at, and
// publishes the key from then on.
func reseed(raw []byte, at time.Time, random io.Reader, when func(z zskSeed, earliest time.Time) time.Time) (revised []byte, start time.Time, err error) {
	revised, err = revise(raw, at, func(d *document, _ *KeySet) error {
		if len(d.ZSKs) == mostZSKs {
			return fmt.Errorf("the seed before the last is in use until %s: run this again then", d.overlap().Format(time.RFC3339))
		}
		z := d.ZSKs[0]
		earliest := secondsUp(at.UTC()).Add(d.ahead() + notice)
		if first := z.Start.time().Add(d.apart(z)); earliest.Before(first) {
			earliest = first
		}
		next := zskSeed{Start: instant(when(z, earliest)), Lifetime: z.Lifetime}
		start = next.Start.time()
		next.Epoch = uint32(z.epochsBefore(start)) // #nosec G115 -- epochs are days long
		var err error
		next.Seed, err = newSeed(random)
		d.ZSKs = append(d.ZSKs, next)
		return err
	})
	return revised, start, err
}
