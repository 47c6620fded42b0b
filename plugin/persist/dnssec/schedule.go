package dnssec

import (
	"time"

	"github.com/miekg/dns"
)

const (
	// MaxTTL is the longest TTL in seconds of an RRset that a zone signing key
	// signs: it bounds how long a signature outlives its window in caches.
	MaxTTL = 3600
	// margin is what a key is published longer than the caches of validators
	// need it, on either side, because servers lag behind each other: by a day
	// where a secondary keeps a zone up to its SOA EXPIRE (the Dprp of RFC 7583
	// section 2) or a clock was set back, and a little where clocks differ.
	margin = 25 * time.Hour
)

// zskSchedule is the life of the zone signing keys of one seed: the key of
// epoch n signs for one lifetime from start + n lifetimes on. The first one
// also signs, and is published, at any time before.
//
// A key is published ahead of its epoch for as long as a resolver may hold a
// DNSKEY RRset without it, and after it for as long as signatures made with it
// are served and held (RFC 6781 section 4.1.1.1).
type zskSchedule struct {
	start    time.Time
	lifetime time.Duration
	ahead    time.Duration // from publication to the epoch
	after    time.Duration // from the end of the epoch to removal
}

// epoch is the epoch whose key signs in windows that begin at the instant at.
func (s zskSchedule) epoch(at time.Time) int64 {
	return max(0, floorDiv(at.Unix()-s.start.Unix(), seconds(s.lifetime)))
}

// begins is when an epoch does.
func (s zskSchedule) begins(epoch int64) time.Time {
	return time.Unix(s.start.Unix()+epoch*seconds(s.lifetime), 0).UTC()
}

// life is the life of an epoch's key.
func (s zskSchedule) life(epoch int64) life {
	l := life{retire: s.begins(epoch + 1), remove: s.begins(epoch + 1).Add(s.after)}
	if epoch > 0 {
		l.active = s.begins(epoch)
		l.publish = l.active.Add(-s.ahead)
	}
	return l
}

// published returns the first and the last epoch whose keys are published.
func (s zskSchedule) published(at time.Time) (first, last int64) {
	return s.epoch(at.Add(-s.after)), s.epoch(at.Add(s.ahead))
}

// ksk is a key signing key and its life, as the key document gives it.
type ksk struct {
	*key
	life
	submit time.Time // from then on the parent's DS record shall point to it
}

// keySigned reports whether RRsets of a type are signed by the key signing
// keys (RFC 7344 section 4.1 for the copies that are for the parent).
func keySigned(rrtype uint16) bool {
	return rrtype == dns.TypeDNSKEY || rrtype == dns.TypeCDS || rrtype == dns.TypeCDNSKEY
}

// signers returns the keys that sign in the window w, and the part of w around
// at in which they do.
func (k *KeySet) signers(rrtype uint16, w span, at time.Time) ([]*key, span) {
	if !keySigned(rrtype) {
		return []*key{k.zsk(k.zsks.epoch(w.from))}, w
	}
	var keys []*key
	for _, s := range k.ksks {
		if s.signs(at) {
			keys = append(keys, s.key)
		}
		w.cut(at, s.active)
		w.cut(at, s.retire)
	}
	return keys, w
}

// zsk returns the zone signing key of an epoch, derived once.
func (k *KeySet) zsk(epoch int64) *key {
	if have, ok := k.derived.Load(epoch); ok {
		return have.(*key)
	}
	have, _ := k.derived.LoadOrStore(epoch, k.deriver.zsk(epoch))
	return have.(*key)
}
