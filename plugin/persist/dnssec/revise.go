package dnssec

import (
	"fmt"
	"slices"
	"time"
)

// revise returns the key document raw as edit changes it. Keys that are removed
// by the instant at go from it. The result is checked, and refused where a
// server that has raw in use would refuse it.
//
// edit gets the document, which it changes, and the keys of raw.
func revise(raw []byte, at time.Time, edit func(*document, *KeySet) error) ([]byte, error) {
	d, err := parseDocument(raw)
	if err != nil {
		return nil, err
	}
	before, err := d.keySet()
	if err != nil {
		return nil, err
	}
	d.prune(at)
	if err := edit(d, before); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("the key document would be wrong: %w", err)
	}
	after, err := d.keySet()
	if err != nil {
		return nil, err
	}
	if err := after.Continues(before, at); err != nil {
		return nil, err
	}
	return d.marshal()
}

// prune drops the keys that are removed. The next seed of ZSKs tells where it
// goes on, so nothing depends on the one before. Under a hold no KSK is removed.
func (d *document) prune(at time.Time) {
	if len(d.ZSKs) == mostZSKs && !at.Before(d.overlap()) {
		d.ZSKs = d.ZSKs[1:]
	}
	d.KSKs = slices.DeleteFunc(d.KSKs, func(k kskSeed) bool {
		return d.Hold.IsZero() && !k.Remove.IsZero() && !at.Before(k.Remove.time())
	})
}

// overlap is when the last key of the first of two seeds is removed.
func (d *document) overlap() time.Time { return d.ZSKs[1].Start.time().Add(d.after()) }

// secondsUp is at, rounded up to the second.
func secondsUp(at time.Time) time.Time {
	if down := at.Truncate(time.Second); !down.Equal(at) {
		return down.Add(time.Second)
	}
	return at
}
