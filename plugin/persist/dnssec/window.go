package dnssec

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/miekg/dns"
)

// Times in the life of a signature.
const (
	// backdate is how long before its window a signature becomes valid: the
	// clocks of validators may be slow (RFC 6781 section 4.4.2).
	backdate = time.Hour
	// leastLife is what is left of a signature at the end of its window, at
	// least. Every TTL is shorter, by more than clocks differ.
	leastLife = 12 * time.Hour
)

// span is the time from an instant up to another, which is no part of it.
type span struct{ from, until time.Time }

// cut shortens s, which contains at, so that edge is not inside. A zero edge
// is none.
func (s *span) cut(at, edge time.Time) {
	switch {
	case edge.IsZero():
	case edge.After(at):
		s.until = earlier(s.until, edge)
	case edge.After(s.from):
		s.from = edge
	}
}

// nextEdge is the first of changes and those edges that come after the instant at.
func nextEdge(changes, at time.Time, edges ...time.Time) time.Time {
	for _, edge := range edges {
		if edge.After(at) {
			changes = earlier(changes, edge)
		}
	}
	return changes
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Window returns the window [start, end) that contains at, in which one
// signature of the RRset is the one to serve. All windows of an RRset are half
// as long as its signatures are valid, and begin on the same second on every
// server. When that is depends on owner and type, so that the RRsets of a zone
// do not all need a new signature at once.
func (k *KeySet) Window(owner string, rrtype uint16, at time.Time) (start, end time.Time) {
	w := windowOf(owner, rrtype, k.validity(rrtype), at)
	return w.from, w.until
}

// validity is the time between inception and expiration of the signatures of a
// type, in whole hours.
func (k *KeySet) validity(rrtype uint16) time.Duration {
	if KeySigned(rrtype) {
		return k.keyValidity
	}
	return k.dataValidity
}

// window is how long one signature of data is served.
func (k *KeySet) window() time.Duration { return k.dataValidity / 2 }

func windowOf(owner string, rrtype uint16, validity time.Duration, at time.Time) span {
	step := seconds(validity / 2)
	jitter := int64(spread(owner, rrtype) % uint64(step)) // #nosec G115 -- step is a positive int64
	start := floorDiv(at.Unix()-jitter, step)*step + jitter
	return span{time.Unix(start, 0).UTC(), time.Unix(start+step, 0).UTC()}
}

// spread is an even hash of what a signature is for.
func spread(owner string, rrtype uint16) uint64 {
	sum := sha256.Sum256(binary.BigEndian.AppendUint16([]byte(dns.CanonicalName(owner)), rrtype))
	return binary.BigEndian.Uint64(sum[:])
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// floorDiv rounds towards the past, before the Unix epoch as after it.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
