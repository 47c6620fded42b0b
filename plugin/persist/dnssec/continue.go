package dnssec

import (
	"errors"
	"fmt"
	"time"
)

// skew is how far the clocks of servers and validators may differ.
const skew = 5 * time.Minute

// Continues reports why k must not take the place of before, which is in use
// at the instant at: nil if a validator that has seen answers by either finds
// the other's valid. before may be nil.
//
// Resolvers hold the DNSKEY RRset of before for its TTL, signatures for theirs,
// and the parent its DS for longer. So what before has signed must find its key
// in the DNSKEY RRset of k, what k signs must find it in that of before, and a
// key signing key that signs now and that the parent may know must go on to,
// unless k says that all the world has the DS of another.
func (k *KeySet) Continues(before *KeySet, at time.Time) error {
	if before == nil {
		return nil
	}
	if _, imported := k.zone.(*bindKeys); imported {
		return k.continuesBIND(before, at)
	}
	if k.Name != before.Name || k.algorithm != before.algorithm {
		return errors.New("key document: name or algorithm is another than that of the keys in use: put the document back; a new server would start with it, and be bogus to all who have a DS of the keys in use")
	}
	for _, check := range []func(*KeySet, time.Time) error{k.keepsSeeds, k.keepsZSKs, k.awaitsZSKs, k.keepsKSK} {
		if err := check(before, at); err != nil {
			return fmt.Errorf("key document: %w", err)
		}
	}
	return nil
}

// keepsSeeds refuses a seed of before that derives its keys for other times
// than it did.
func (k *KeySet) keepsSeeds(before *KeySet, _ time.Time) error {
	for i, r := range k.zsks.reigns {
		for _, old := range before.zsks.reigns {
			if r.equal(old.deriver) && (!r.start.Equal(old.start) || r.lifetime != old.lifetime || r.first != old.first) {
				return fmt.Errorf("zsks[%d] has the seed of the ZSKs in use and another start, lifetime or epoch, so all signatures would be bogus: put them back", i)
			}
		}
	}
	return nil
}

// keepsZSKs refuses to drop a key of before whose signatures are still about:
// served until now, and then held for their TTL.
func (k *KeySet) keepsZSKs(before *KeySet, at time.Time) error {
	held := at.Add(MaxTTL * time.Second)
	first := before.zsks.epoch(at.Add(-before.window() - MaxTTL*time.Second))
	for epoch := first; epoch <= before.zsks.epoch(at); epoch++ {
		key, removed := before.zsk(epoch), before.zsks.life(epoch).remove
		if !k.publishesZSK(key, at) || !k.publishesZSK(key, earlier(held, removed.Add(-1))) {
			return fmt.Errorf("the seed of its ZSKs is not that of the ZSKs in use, so all signatures would be bogus: put it back, and leave it until the key with tag %d is removed, at %s", key.tag, removed.Format(time.RFC3339))
		}
	}
	return nil
}

// awaitsZSKs refuses keys that sign before every resolver has them: for as long
// as one may hold the DNSKEY RRset of before, its keys alone must be signing.
func (k *KeySet) awaitsZSKs(before *KeySet, at time.Time) error {
	held := at.Add(time.Duration(before.ttl)*time.Second + skew)
	for epoch := k.zsks.epoch(at.Add(-k.window())); epoch <= k.zsks.epoch(held); epoch++ {
		if key := k.zsk(epoch); !before.publishesZSK(key, at) {
			return fmt.Errorf("the seed of its ZSKs with the key of tag %d signs before %s, the end of the time for which resolvers may hold the DNSKEY RRset without it: "+
				"let it start later; if other servers have taken it over already, start this one anew, which breaks answers for one dnskey_ttl at most",
				key.tag, held.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// publishesZSK reports whether a key is one of the ZSKs that are published.
func (k *KeySet) publishesZSK(key *key, at time.Time) bool {
	first, last := k.zsks.published(at)
	for epoch := first; epoch <= last; epoch++ {
		if k.zsk(epoch).same(key) {
			return true
		}
	}
	return false
}

// keepsKSK refuses to drop a key to which the parent's DS may point, which is
// one that was offered to it.
func (k *KeySet) keepsKSK(before *KeySet, at time.Time) error {
	for _, old := range before.ksks {
		if old.signs(at) && old.offered(at) && !k.follows(old, at) && !k.succeeded(old, at) {
			return fmt.Errorf("the KSK with tag %d signs now and is not in it, and if the parent's DS points to that, it would match nothing: "+
				"put it back, and let it retire when the DS has changed; if other servers have long been without it, start this one anew", old.tag)
		}
	}
	return nil
}

// offered reports whether the parent may know the key: by CDS, or by hand where
// no CDS ever names it.
func (s *ksk) offered(at time.Time) bool {
	return !at.Before(s.submit) || s.planned.submit.Equal(never)
}

// follows reports whether k goes on from a key that signs: it signs here too, or
// another key has been offered to the parent before it retired, as in a
// roll-over which this server reads of only now.
func (k *KeySet) follows(old *ksk, at time.Time) bool {
	for _, s := range k.ksks {
		if !s.same(old.key) {
			continue
		}
		if s.signs(at) {
			return true
		}
		for _, other := range k.ksks {
			if !s.retire.IsZero() && other.signs(at) && other.submit.Before(s.retire) {
				return true
			}
		}
	}
	return false
}

// succeeded reports whether another key has taken the place of one that k does
// not have any more: it signs here, was offered to the parents after that one,
// and its DS was then seen at every server of theirs, so long ago that no cache
// has a DS RRset without it. So it is for a server that was cut off while the
// old key got its end and went. Its answers are those of the others from now on,
// and what resolvers hold of it stays valid: the ZSKs are the same.
func (k *KeySet) succeeded(old *ksk, at time.Time) bool {
	spread := at.Add(-time.Duration(k.dsTTL)*time.Second - notice)
	for _, s := range k.ksks {
		if s.signs(at) && s.submit.After(old.submit) && !s.seen.IsZero() && !s.seen.After(spread) {
			return true
		}
	}
	return false
}
