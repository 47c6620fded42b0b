package dnssec

import "time"

// zoneKeys are the keys that sign the data of a zone, wherever they come from.
type zoneKeys interface {
	// published returns the keys in the DNSKEY RRset at the instant at, apart
	// from the key signing keys, and the next instant at which they are others.
	published(at time.Time) (keys []*key, changes time.Time)
	// signing returns the key that signs in the window w around the instant at,
	// and the part of w around at in which it does; nil if none does.
	signing(w span, at time.Time) (*key, span)
	// status returns the state of each key at the instant at.
	status(at time.Time) []KeyStatus
	// origin is what says all this, for people.
	origin() string
}

// derivedKeys are the keys that are derived from the seeds of a key document.
type derivedKeys struct{ k *KeySet }

func (d derivedKeys) origin() string { return "the key document" }

func (d derivedKeys) published(at time.Time) (keys []*key, changes time.Time) {
	first, last := d.k.zsks.published(at)
	for epoch := first; epoch <= last; epoch++ {
		keys = append(keys, d.k.zsk(epoch))
	}
	return keys, earlier(d.k.zsks.life(first).remove, d.k.zsks.life(last+1).publish)
}

func (d derivedKeys) signing(w span, _ time.Time) (*key, span) {
	return d.k.zsk(d.k.zsks.epoch(w.from)), w
}

// status includes the next key, which is not published yet.
func (d derivedKeys) status(at time.Time) []KeyStatus {
	first, last := d.k.zsks.published(at)
	all := make([]KeyStatus, 0, last-first+2)
	for epoch := first; epoch <= last+1; epoch++ {
		all = append(all, d.k.zsk(epoch).status("ZSK", d.k.zsks.life(epoch), at, d.k.zskReason(epoch)))
	}
	return all
}
