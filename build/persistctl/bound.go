package main

import (
	"fmt"
	"io"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/miekg/dns"
)

// lastTrace says until when records that are revoked at an instant may still
// count with somebody, in the worst case. A server that learns of it only at
// the end of its refresh has by then moved persistUntil and signed anew.
type lastTrace struct {
	At      time.Time `json:"at"`
	Cached  time.Time `json:"cached_until"`              // refresh and TTL
	Replay  time.Time `json:"replayable_until,omitzero"` // the signature's expiration; zero: not looked at
	Reuse   time.Time `json:"reusable_until,omitzero"`   // the last persistUntil; zero: a record has none
	refresh time.Duration
	ttl     uint32
	keys    string // where keys may be, as a flag
}

// near has the keys looked for where docs come from.
func (b *lastTrace) near(docs *documents) *lastTrace {
	if b != nil && docs.vault == "" {
		b.keys = "--keys DIR"
	}
	return b
}

// lastTrace returns the bound for all of grants, nil where none is served.
func (s *stanza) lastTrace(book *policy.Book, grants []*policy.Grant, at time.Time) *lastTrace {
	var b *lastTrace
	endless := false
	for _, g := range grants {
		for _, instant := range []time.Time{at, at.Add(s.refresh)} {
			now := s.standingOf(book, g, instant)
			if len(now.records) == 0 {
				continue
			}
			if b == nil {
				b = &lastTrace{At: at, refresh: s.refresh, ttl: s.ttl, keys: "--keys-vault MOUNT/PATH"}
				b.Cached = at.Add(s.refresh + time.Duration(s.ttl)*time.Second)
			}
			endless = endless || now.until().IsZero()
			b.Reuse = later(b.Reuse, now.until())
		}
	}
	if endless {
		b.Reuse = time.Time{}
	}
	return b
}

// sign adds the bound of signatures.
func (b *lastTrace) sign(a *answer.Authority, q answer.Query) {
	for _, instant := range []time.Time{b.At, b.At.Add(b.refresh)} {
		for _, rr := range a.Answer(q, instant).Answer {
			if sig, ok := rr.(*dns.RRSIG); ok {
				b.Replay = later(b.Replay, expiration(sig, instant))
			}
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (b *lastTrace) text(w io.Writer) {
	replay, reuse := []string{"signatures", stamp(b.Replay), "the end of the RRSIG"}, []string{"reuse by a CA", stamp(b.Reuse), "the last persistUntil"}
	if b.Replay.IsZero() {
		most := b.At.Add(b.refresh + dnssec.DefaultValidity)
		replay = []string{"signatures", stamp(most), fmt.Sprintf("refresh %s and the default validity %s, at most; see the RRSIG by: persistctl show NAME %s --zone ZONE --ns NAMES", b.refresh, dnssec.DefaultValidity, b.keys)}
	}
	if b.Reuse.IsZero() {
		reuse[2] = "a record has no persistUntil: 10 days after a CA's last validation (Baseline Requirements 3.2.2.4.22)"
	}
	fmt.Fprintf(w, "What is revoked at %s is without any effect after the last of:\n", stamp(b.At))
	table(w, []string{"caches", stamp(b.Cached), fmt.Sprintf("refresh %s and TTL %d s", b.refresh, b.ttl)}, replay, reuse)
}
