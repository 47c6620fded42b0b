package dnssec

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// ParseBIND returns the keys of the zone origin from key pairs of BIND, with the
// lives that their timing metadata gives them. Keys with the flags 257 sign
// RRsets of keys, and all others too where there is none with 256. Signatures
// are valid as long as a key document has it by default.
//
// It fails where no key signs at the instant at, and where a time that is still
// to come would have answers turn bogus.
func ParseBIND(pairs []BINDKey, origin string, at time.Time) (*KeySet, error) {
	origin = dns.CanonicalName(origin)
	k := &KeySet{
		Name:         origin,
		dataValidity: time.Duration(defaultData),
		keyValidity:  time.Duration(defaultDNSKEY),
	}
	keys := make([]*bindKey, 0, len(pairs))
	for _, pair := range pairs {
		key, err := pair.parse(origin)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if err := k.agree(keys); err != nil {
		return nil, err
	}
	zone := &bindKeys{ahead: time.Duration(k.ttl)*time.Second + margin}
	for _, key := range keys {
		if key.record.Flags == kskFlags {
			k.ksks = append(k.ksks, key.ksk())
		} else {
			zone.keys = append(zone.keys, key)
		}
	}
	if zone.combined = len(zone.keys) == 0; zone.combined {
		zone.keys = keys
	}
	k.zone = zone
	return k, k.checkBIND(keys, at)
}

// agree takes over what all keys must have in common, and refuses tags that two
// of them have (a validator would try one after the other).
func (k *KeySet) agree(keys []*bindKey) error {
	if len(keys) == 0 {
		return errors.New("no key is named")
	}
	k.algorithm, k.ttl = keys[0].record.Algorithm, keys[0].ttl
	owner := map[uint16]string{}
	for _, key := range keys {
		switch {
		case key.record.Algorithm != k.algorithm:
			return fmt.Errorf("%s and %s are of different algorithms, and each would have to sign everything: leave out those of one", keys[0].file, key.file)
		case key.ttl != k.ttl:
			return fmt.Errorf("%s and %s have different TTLs: set one with dnssec-settime -L", keys[0].file, key.file)
		}
		for _, tag := range []uint16{key.tag, key.revokedTag()} {
			if other, taken := owner[tag]; taken {
				return fmt.Errorf("%s and %s share the key tag %d: make another key for the younger one", other, key.file, tag)
			}
			owner[tag] = key.file
		}
	}
	return nil
}

// checkBIND refuses keys by which the zone would be bogus now, or later.
func (k *KeySet) checkBIND(keys []*bindKey, at time.Time) error {
	if !slices.ContainsFunc(k.ksks, func(s *ksk) bool { return s.signs(at) && s.published(at) }) {
		return errors.New("no key with the flags 257 is published and active: name one, or set its times with dnssec-settime -P -A")
	}
	if key, _ := k.zone.signing(span{at, at.Add(time.Second)}, at); key == nil {
		return errors.New("no key is active that signs the zone: name one, or set its times with dnssec-settime -P -A")
	}
	data := k.zone.(*bindKeys).keys
	for _, key := range keys {
		after := k.window() + MaxTTL*time.Second
		if !slices.Contains(data, key) { // it signs keys, which come with their signatures
			after = 0
		}
		switch least := key.retire.Add(after); {
		case key.active.Before(key.publish):
			return fmt.Errorf("%s is active before it is published: set -A after -P with dnssec-settime", key.file)
		case !key.remove.IsZero() && (key.retire.IsZero() || key.remove.Before(key.retire)):
			return fmt.Errorf("%s is deleted while it is active: set -I before -D with dnssec-settime", key.file)
		case key.remove.After(at) && key.remove.Before(least):
			return fmt.Errorf("%s is deleted at %s, and what it signed is served and cached until %s: set a later -D with dnssec-settime",
				key.file, key.remove.Format(time.RFC3339), least.Format(time.RFC3339))
		}
	}
	return k.checkBINDRolls(keys, at)
}

// checkBINDRolls refuses a key that will sign the zone before every resolver has
// it: the signer changes only where the time of one key begins or another's ends.
func (k *KeySet) checkBINDRolls(keys []*bindKey, at time.Time) error {
	held := time.Duration(k.ttl)*time.Second + skew
	for _, key := range keys {
		for _, edge := range []time.Time{key.active, key.retire} {
			signer := k.signingAt(edge)
			if !edge.After(at) || edge.Equal(never) || signer == nil || k.publishes(signer, edge.Add(-held)) {
				continue
			}
			i := slices.IndexFunc(keys, func(other *bindKey) bool { return other.same(signer) })
			return fmt.Errorf("%s signs at %s, and until %s resolvers hold a DNSKEY RRset without it: publish it %s earlier, or let the key before it be inactive later (dnssec-settime -P, -I)",
				keys[i].file, edge.Format(time.RFC3339), keys[i].publish.Add(held).Format(time.RFC3339), keys[i].publish.Add(held).Sub(edge))
		}
	}
	return nil
}

func (b *bindKey) ksk() *ksk {
	return &ksk{key: b.key, life: b.life, submit: b.submit, withdraw: b.withdraw, planned: plan{b.life, b.submit}}
}

// bindKeys are zone signing keys with a life of their own each.
type bindKeys struct {
	keys     []*bindKey
	combined bool          // whether they are the key signing keys too
	ahead    time.Duration // from publication until every resolver has a key
}

func (b *bindKeys) origin() string { return "its timing metadata" }

func (b *bindKeys) published(at time.Time) (keys []*key, changes time.Time) {
	changes = never
	if b.combined {
		return nil, changes
	}
	for _, k := range b.keys {
		if k.published(at) {
			keys = append(keys, k.key)
		}
		changes = nextEdge(changes, at, k.publish, k.remove)
	}
	return keys, changes
}

// signing prefers the youngest of the keys that are active when the window
// begins and that every resolver has by then. The first key of a zone, which
// none can have, signs as soon as it is active.
func (b *bindKeys) signing(w span, at time.Time) (*key, span) {
	var best *bindKey
	for _, k := range b.keys {
		if k.signs(w.from) && (best == nil || b.better(k, best, w.from)) {
			best = k
		}
	}
	if best != nil {
		return best.key, w
	}
	for _, k := range b.keys {
		if k.signs(at) && (best == nil || k.active.Before(best.active)) {
			best = k
		}
		w.cut(at, k.active)
	}
	if best == nil {
		return nil, w
	}
	return best.key, w
}

// better reports whether k is to sign and not other.
func (b *bindKeys) better(k, other *bindKey, from time.Time) bool {
	known, otherKnown := !from.Before(k.publish.Add(b.ahead)), !from.Before(other.publish.Add(b.ahead))
	switch {
	case known != otherKnown:
		return known
	case known && !k.active.Equal(other.active):
		return k.active.After(other.active)
	case !k.active.Equal(other.active):
		return k.active.Before(other.active)
	}
	return k.tag > other.tag
}

func (b *bindKeys) status(at time.Time) []KeyStatus {
	if b.combined {
		return nil
	}
	all := make([]KeyStatus, 0, len(b.keys))
	for _, k := range b.keys {
		all = append(all, k.status("ZSK", k.life, at, func(next State) string { return reason(b, next) }))
	}
	return all
}

// reason says why a key changes its state, or does not.
func reason(z zoneKeys, next State) string {
	if next == "" {
		return z.origin() + " plans nothing further"
	}
	return z.origin() + " says so"
}
