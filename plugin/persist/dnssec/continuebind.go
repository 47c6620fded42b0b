package dnssec

import (
	"errors"
	"fmt"
	"time"
)

// continuesBIND is Continues for key pairs of BIND, which may have been changed
// in any way: by dnssec-settime, or by other files in their place.
func (k *KeySet) continuesBIND(before *KeySet, at time.Time) error {
	if k.algorithm != before.algorithm {
		return errors.New("the keys are of another algorithm than those in use: put these back, or start a new server")
	}
	for _, used := range []time.Time{at.Add(-before.window() - MaxTTL*time.Second), at} {
		if key := before.signingAt(used); key != nil && !k.publishes(key, at) {
			return fmt.Errorf("the key %d is not published any more, and what it signed is still about: put it back, with a later time of deletion", key.tag)
		}
	}
	held := at.Add(time.Duration(before.ttl)*time.Second + skew)
	for _, using := range []time.Time{at.Add(-k.window()), at, held} {
		if key := k.signingAt(using); key != nil && !before.publishes(key, at) {
			return fmt.Errorf("the key %d signs before %s, and until then resolvers hold a DNSKEY RRset without it: let it be active later (dnssec-settime -A)",
				key.tag, held.UTC().Format(time.RFC3339))
		}
	}
	return k.keepsKSK(before, at)
}

// signingAt is the key that signs in a window that begins at the instant at, nil
// if there is none.
func (k *KeySet) signingAt(at time.Time) *key {
	signer, _ := k.zone.signing(span{at, at.Add(time.Second)}, at)
	return signer
}

// publishes reports whether a key is in the DNSKEY RRset at the instant at.
func (k *KeySet) publishes(key *key, at time.Time) bool {
	zsks, _ := k.zone.published(at)
	for _, other := range zsks {
		if other.same(key) {
			return true
		}
	}
	for _, s := range k.ksks {
		if s.published(at) && s.same(key) {
			return true
		}
	}
	return false
}
