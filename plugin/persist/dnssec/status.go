package dnssec

import (
	"fmt"
	"strconv"
	"time"
)

// KeyStatus is what an operator wants to know of one key.
type KeyStatus struct {
	Role      string // "KSK" or "ZSK"
	Tag       uint16
	Algorithm uint8
	State     State
	Next      State     // the state that follows, "" if none does
	When      time.Time // the instant of that change, zero if none follows
	Reason    string    // why then, or why never
}

// Status returns the state of every key as of the instant at: the key signing
// keys in the order of the key document, then every zone signing key that is
// published, and the next one.
func (k *KeySet) Status(at time.Time) []KeyStatus {
	all := make([]KeyStatus, 0, len(k.ksks))
	for _, s := range k.ksks {
		all = append(all, s.status("KSK", s.life, at, k.kskReason))
	}
	return append(all, k.zone.status(at)...)
}

func (k *key) status(role string, l life, at time.Time, reason func(next State) string) KeyStatus {
	s := KeyStatus{Role: role, Tag: k.tag, Algorithm: k.record.Algorithm}
	if s.State, s.Next, s.When = l.state(at); s.When.IsZero() || s.When.Equal(never) {
		s.Next, s.When = "", time.Time{}
	}
	s.Reason = reason(s.Next)
	return s
}

func (k *KeySet) kskReason(next State) string {
	if next == "" && !k.hold.IsZero() {
		return "held since " + k.hold.Format(time.RFC3339) + because(k.reason)
	}
	return reason(k.zone, next)
}

// because puts a reason behind what it is the reason of.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + strconv.QuoteToGraphic(reason)
}

// zskReason explains the life of an epoch's key.
func (k *KeySet) zskReason(epoch int64) func(next State) string {
	return func(next State) string {
		switch next {
		case Published:
			return fmt.Sprintf("%s before it signs, so that no resolver holds a DNSKEY RRset without it by then", hours(k.zsks.ahead.Round(time.Hour)))
		case Active:
			return "the key before it retires then"
		case Retired:
			if k.zsks.cutShort(epoch) {
				return "the next seed takes over then"
			}
			return fmt.Sprintf("each key signs for %s", hours(k.zsks.reign(epoch).lifetime))
		}
		return "what it signed is served and cached until then"
	}
}
