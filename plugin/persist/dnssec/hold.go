package dnssec

import (
	"errors"
	"fmt"
	"time"
)

// Hold returns the key document raw with the lives of its key signing keys
// standing still from the instant at on, which is now. reason is for people and
// may be empty.
func Hold(raw []byte, reason string, at time.Time) ([]byte, error) {
	return revise(raw, at, func(d *document, before *KeySet) error {
		if !d.Hold.IsZero() {
			return fmt.Errorf("KSKs are held already, since %s: resume first, then hold for another reason", before.hold.Format(time.RFC3339))
		}
		d.Hold, d.Reason = instant(at.UTC().Truncate(time.Second)), reason
		return nil
	})
}

// Resume returns the key document raw with the lives of its key signing keys
// going on from the instant at, which is now. All that was to come after the
// hold comes later by as long as that was, so that no wait becomes shorter.
func Resume(raw []byte, at time.Time) ([]byte, error) {
	return revise(raw, at, func(d *document, before *KeySet) error {
		if d.Hold.IsZero() {
			return errors.New("KSKs are not held")
		}
		late := max(0, secondsUp(at).Sub(before.hold))
		for i := range d.KSKs {
			k := &d.KSKs[i]
			for _, edge := range []*instant{&k.Publish, &k.Active, &k.CDS, &k.Retire, &k.Remove} {
				if edge.time().After(before.hold) && !edge.time().Equal(undecided) {
					*edge = instant(edge.time().Add(late))
				}
			}
		}
		d.Hold, d.Reason = instant{}, ""
		return nil
	})
}

// GoInsecure returns the key document raw with CDS and CDNSKEY asking parents
// to remove their DS (RFC 8078 section 4), from the instant at on. The zone
// stays signed: whoever wants it unsigned waits until the DS is gone from every
// parent and cache.
func GoInsecure(raw []byte, at time.Time) ([]byte, error) {
	return revise(raw, at, func(d *document, before *KeySet) error {
		if !d.Insecure.IsZero() {
			return fmt.Errorf("the zone goes insecure already, since %s", before.insecure.Format(time.RFC3339))
		}
		d.Insecure = instant(at.UTC().Truncate(time.Second))
		return nil
	})
}

// StaySecure takes GoInsecure back: CDS and CDNSKEY name the key in force.
func StaySecure(raw []byte, at time.Time) ([]byte, error) {
	return revise(raw, at, func(d *document, _ *KeySet) error {
		if d.Insecure.IsZero() {
			return errors.New("the zone does not go insecure")
		}
		d.Insecure = instant{}
		return nil
	})
}
