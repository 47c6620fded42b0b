package dnssec

import "time"

// State is where a key is in its life.
type State string

// The states, in the order that every key goes through.
const (
	Waiting   State = "waiting"   // not in the DNSKEY RRset yet
	Published State = "published" // in the DNSKEY RRset, does not sign yet
	Active    State = "active"    // signs
	Retired   State = "retired"   // signs nothing new; what it signed is still about
	Removed   State = "removed"   // not in the DNSKEY RRset any more
)

// never is later than any instant that a key document can hold.
var never = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)

// undecided stands in a key document for an instant that somebody has yet to
// choose. It is the last one that RFC 3339 can write.
var undecided = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// life is when a key enters its states. The zero publish and active are ever
// since, the zero retire and remove never.
type life struct{ publish, active, retire, remove time.Time }

func (l life) published(at time.Time) bool { return during(at, l.publish, l.remove) }
func (l life) signs(at time.Time) bool     { return during(at, l.active, l.retire) }

// during reports whether at is in [from, until), for a zero until in [from, ∞).
func during(at, from, until time.Time) bool {
	return !at.Before(from) && (until.IsZero() || at.Before(until))
}

// state returns the state at the instant at and the one that follows, with the
// instant of the change; none follows if that is zero.
func (l life) state(at time.Time) (now, next State, when time.Time) {
	switch {
	case at.Before(l.publish):
		return Waiting, Published, l.publish
	case at.Before(l.active):
		return Published, Active, l.active
	case during(at, l.active, l.retire):
		return Active, Retired, l.retire
	case during(at, l.retire, l.remove):
		return Retired, Removed, l.remove
	}
	return Removed, "", time.Time{}
}
