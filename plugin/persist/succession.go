package persist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// A reload must not replace the keys of a zone by any others, nor leave it
// unsigned, nor make a part of a wider zone of it: the parent's DS would match
// nothing, and every answer be bogus. What a key document may not do, another path
// or another shape in the Corefile may not do either. So it is with every cut that
// is granted: a server does not know which of them are delegated. What nobody
// answers for any more is not bogus, and the operator's own doing.

// each returns the first error of check over what is taken over, by the zone of the
// earlier stanza.
func (all inheritance) each(check func(left []bequest) error) error {
	for _, zone := range slices.Sorted(maps.Keys(all)) {
		if err := check(all[zone]); err != nil {
			return err
		}
	}
	return nil
}

// predecessor returns the keys that the zones of p are signed with so far, nil
// if none are or not all by the same. Those that another zone leaves to p are not
// among them: p does not sign all its zones with them, but must continue them.
func (p *Persist) predecessor(all inheritance) *dnssec.KeySet {
	var one *dnssec.KeySet
	for zone, left := range all {
		if p.authorities[zone] == nil {
			continue
		}
		for _, b := range left {
			if one != nil && b.keys != one {
				return nil
			}
			one = b.keys
		}
	}
	return one
}

// stayZones refuses to answer as a part of another zone what was a zone of its own.
// A view that is new may, beside one that goes on to have that zone.
func (p *Persist) stayZones(all inheritance) error {
	return all.each(func(left []bequest) error {
		lost := slices.IndexFunc(left, func(b bequest) bool { return !p.isApex(b.apex) && !p.goesOnElsewhere(b) })
		if lost < 0 || p.insecure(left) {
			return nil
		}
		apex := left[lost].apex
		return fmt.Errorf("zone %s is signed so far, and no zone of its own any more where %s is served like this, so that answers would be bogus if its parent has a DS: serve it as before, "+
			"or run persistctl keys insecure and wait until the DS is gone, or end this process if there has never been one", apex, p.authority(apex).Zone().Origin)
	})
}

// staySigned refuses to serve zones unsigned whose parents may have a DS. A view
// that is new may be unsigned beside one that goes on to sign the zone.
func (p *Persist) staySigned(all inheritance) error {
	return all.each(func(left []bequest) error {
		lost := slices.IndexFunc(left, func(b bequest) bool { return !p.goesOnElsewhere(b) })
		if lost < 0 || p.insecure(left) {
			return nil
		}
		return fmt.Errorf("zone %s is signed so far, and would be bogus without keys if its parent has a DS: "+
			"run persistctl keys insecure and wait until the DS is gone, or end this process if there has never been one", left[lost].apex)
	})
}

// insecure reports whether all keys of what p takes over have the parents remove
// their DS.
func (p *Persist) insecure(left []bequest) bool {
	return !slices.ContainsFunc(left, func(b bequest) bool { return !b.keys.GoesInsecure(p.now()) })
}

// mayMakeKeys refuses a directory in which keys would be made now, for zones that
// others have signed.
func (p *Persist) mayMakeKeys(all inheritance) error {
	dir := p.config.keys.path
	inUse := func(k *keyring) bool { return k.location == dir && k.set.Load() != nil }
	if p.config.keys.kind != "dir" || p.predecessor(all) != nil || slices.ContainsFunc(keyrings.all(), inUse) {
		return nil
	}
	if _, err := dnssec.LoadDir(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return all.each(func(left []bequest) error {
		return fmt.Errorf("%s: zone %s is signed so far, and %s holds no keys: write the keys property by which it is signed, or end this process to start anew", p.config.keysAt, left[0].apex, dir)
	})
}

// stayValid refuses keys that do not continue those by which the zones of p are
// signed so far.
func (p *Persist) stayValid(all inheritance) error {
	return all.each(func(left []bequest) error {
		set := p.firstKeys()
		if set == nil {
			return fmt.Errorf("zone %s is signed so far, and the keys in %s cannot be read yet, so nobody knows whether they continue those: "+
				"reload when they can be, leave its keys property as it was, or end this process to start anew", left[0].apex, p.keyring.location)
		}
		var why error
		for _, b := range left {
			if b.keys == set {
				return nil
			}
			if why = set.Continues(b.keys, p.now()); why == nil {
				return nil
			}
		}
		return fmt.Errorf("zone %s is signed so far with other keys than those in %s: leave its keys property as it was, or end this process to start anew (%w)", left[0].apex, p.keyring.location, why)
	})
}

// firstKeys returns the keys that p is going to sign with, which are fetched where
// they are not there yet; nil where that fails.
func (p *Persist) firstKeys() *dnssec.KeySet {
	if set := p.keyring.set.Load(); set != nil {
		return set
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(patience, time.Second))
	defer cancel()
	p.keyring.refresh(ctx)
	return p.keyring.set.Load()
}
