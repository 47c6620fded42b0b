package dnssec

import (
	"slices"
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
	// notice is how long before it matters a new instant is written into a key
	// document, for every server to have read it by then, and what a wait for
	// others is longer than it must be.
	notice = time.Hour
)

// zskSchedule is the life of the zone signing keys. Their epochs are numbered
// across all seeds. The very first key also signs, and is published, at any
// time before its epoch.
//
// A key is published ahead of its epoch for as long as a resolver may hold a
// DNSKEY RRset without it, and after it for as long as signatures made with it
// are served and held (RFC 6781 section 4.1.1.1).
type zskSchedule struct {
	reigns []reign       // in the order of their starts, at least one
	ahead  time.Duration // from publication to the epoch
	after  time.Duration // from the end of the epoch to removal
}

// reign is the time in which the keys of one seed sign: from start up to the
// start of the next reign. Each of its epochs is one lifetime long, but the last
// one, which the next reign ends.
type reign struct {
	deriver
	first    int64 // the number of the epoch that begins at start
	start    time.Time
	lifetime time.Duration
}

// ahead is how long a ZSK is published before it signs: for as long as a
// resolver may hold a DNSKEY RRset without it (Ipub of RFC 7583 section 3.2.1).
func (d *document) ahead() time.Duration { return time.Duration(d.TTL)*time.Second + margin }

// after is how long a ZSK is published after its epoch: for as long as what it
// signed is served, and then held by resolvers (Iret of the same section).
func (d *document) after() time.Duration {
	return time.Duration(d.Validity.Data)/2 + MaxTTL*time.Second + margin
}

// epoch is the epoch whose key signs in windows that begin at the instant at.
func (s zskSchedule) epoch(at time.Time) int64 {
	r := s.reigns[0]
	for _, next := range s.reigns[1:] {
		if !at.Before(next.start) {
			r = next
		}
	}
	return r.first + max(0, floorDiv(at.Unix()-r.start.Unix(), seconds(r.lifetime)))
}

// reign is the one that an epoch is of.
func (s zskSchedule) reign(epoch int64) reign {
	r := s.reigns[0]
	for _, next := range s.reigns[1:] {
		if epoch >= next.first {
			r = next
		}
	}
	return r
}

// begins is when an epoch does.
func (s zskSchedule) begins(epoch int64) time.Time {
	r := s.reign(epoch)
	return time.Unix(r.start.Unix()+(epoch-r.first)*seconds(r.lifetime), 0).UTC()
}

// cutShort reports whether the next seed ends an epoch before its time.
func (s zskSchedule) cutShort(epoch int64) bool {
	return s.begins(epoch+1).Sub(s.begins(epoch)) < s.reign(epoch).lifetime
}

// life is the life of an epoch's key.
func (s zskSchedule) life(epoch int64) life {
	l := life{retire: s.begins(epoch + 1), remove: s.begins(epoch + 1).Add(s.after)}
	if epoch > s.reigns[0].first {
		l.active = s.begins(epoch)
		l.publish = l.active.Add(-s.ahead)
	}
	return l
}

// published returns the first and the last epoch whose keys are published.
func (s zskSchedule) published(at time.Time) (first, last int64) {
	return s.epoch(at.Add(-s.after)), s.epoch(at.Add(s.ahead))
}

// ksk is a key signing key and its life, as the key document gives it and as
// far as a hold lets it come.
type ksk struct {
	*key
	life
	submit   time.Time // from then on the parent's DS record shall point to it
	withdraw time.Time // from then on it is not asked for any more, zero: never
	seen     time.Time // its DS was at every server of every parent then, zero: nobody has said so
	planned  plan      // without the hold
	away     *Away     // nil: the private half is here
}

// plan is the life of a key signing key as the key document gives it.
type plan struct {
	life
	submit time.Time
}

// newKSK returns the key that s describes. A hold, unless it is zero, keeps all
// from coming that would come after it.
func newKSK(k *key, s kskSeed, hold time.Time) *ksk {
	held := &ksk{key: k, life: s.life(), submit: s.submit(), seen: s.Seen.time(), planned: plan{s.life(), s.submit()}}
	if hold.IsZero() {
		return held
	}
	for _, begins := range []*time.Time{&held.publish, &held.active, &held.submit} {
		if begins.After(hold) {
			*begins = never
		}
	}
	for _, ends := range []*time.Time{&held.retire, &held.remove} {
		if ends.After(hold) {
			*ends = time.Time{}
		}
	}
	return held
}

// keyTypes are the types of RRsets that say what the keys are.
var keyTypes = []uint16{dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY}

// KeySigned reports whether RRsets of a type say what the keys are, and are
// signed by the key signing keys (RFC 7344 section 4.1 for the copies that are
// for the parent).
func KeySigned(rrtype uint16) bool { return slices.Contains(keyTypes, rrtype) }

// signers returns the keys that sign in the window w, and the part of w around
// at in which they do.
func (k *KeySet) signers(rrtype uint16, w span, at time.Time) ([]*key, span) {
	if !KeySigned(rrtype) {
		signer, w := k.zone.signing(w, at)
		if signer == nil {
			return nil, w
		}
		return []*key{signer}, w
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
	have, _ := k.derived.LoadOrStore(epoch, k.zsks.reign(epoch).zsk(epoch))
	return have.(*key)
}
