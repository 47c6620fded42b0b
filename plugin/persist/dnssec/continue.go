package dnssec

import (
	"errors"
	"time"
)

// Continues reports why k must not take the place of before, which is in use
// at the instant at: nil if a validator that has seen answers by either finds
// the other's valid. before may be nil.
//
// Resolvers hold the DNSKEY RRset of before for its TTL and the parent its DS
// for longer. So the zone signing keys must be the same ones, and a key signing
// key that signs now must go on to.
func (k *KeySet) Continues(before *KeySet, at time.Time) error {
	switch {
	case before == nil:
		return nil
	case k.Name != before.Name || k.deriver.algorithm != before.deriver.algorithm:
		return errors.New("key document: name or algorithm is another than that of the keys in use: put the document back, or start a new server with it")
	case !k.deriver.equal(before.deriver) || !k.zsks.start.Equal(before.zsks.start) || k.zsks.lifetime != before.zsks.lifetime:
		return errors.New("key document: the seed, start or lifetime of its ZSKs is another than that of the keys in use, so all signatures would be bogus: put the document back")
	}
	for _, old := range before.ksks {
		for _, s := range k.ksks {
			if old.signs(at) && s.signs(at) && s.record.PublicKey == old.record.PublicKey {
				return nil
			}
		}
	}
	return errors.New("key document: no KSK that signs now is in it, so the parent's DS would match nothing: put it back, and let it retire when the DS has changed")
}
