package policy

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Mode says how long a CA may rely on a record.
type Mode uint8

// The modes.
const (
	Rolling Mode = iota // persistUntil moves on, Floor to Floor+Step ahead of the clock
	Fixed               // persistUntil is At
	None                // no persistUntil
)

func (m Mode) String() string { return [...]string{"rolling", "fixed", "none"}[m] }

// Until is the persistUntil of a grant's records.
type Until struct {
	Mode Mode
	// Floor (1 h to 365 days) and Step (1 h to 30 days) are whole seconds. A
	// grant that is not rolling has those of its issuer: they say where a
	// freeze ends it.
	Floor, Step time.Duration
	At          time.Time // where Mode is Fixed
}

// The built-in default lets a CA hold a validation for five days at most.
var defaultUntil = Until{Mode: Rolling, Floor: 96 * time.Hour, Step: 24 * time.Hour}

const day = 24 * time.Hour

// The bounds of floor and step: shorter ones would have records leave their
// RRset before every cached copy has expired.
const (
	leastFloor, mostFloor = time.Hour, 365 * day
	leastStep, mostStep   = time.Hour, 30 * day
)

// under fills in what u leaves to outer, the Until of what it stands in.
func (u Until) under(outer Until) Until {
	if u.Floor == 0 {
		u.Floor, u.Step = outer.Floor, outer.Step
	}
	return u
}

// until reads "rolling", "none", an instant, or an object of mode, floor and
// step. It counts as a whole: what it leaves out has the built-in default.
func (o *object) until(outer Until) Until {
	const name = "until"
	v, ok := o.take(name)
	switch {
	case !ok:
		return outer
	case v.kind == jsontext.KindBeginObject:
		return o.rolling(v)
	case v.says("rolling"):
		return defaultUntil
	case v.says("none"):
		return Until{Mode: None}.under(outer)
	}
	at, err := parseInstant(v)
	if err != nil {
		o.fault(name, `%v, "rolling", "none" or {"mode": "rolling", "floor": "96h", "step": "24h"}`, err)
	}
	return Until{Mode: Fixed, At: at}.under(outer)
}

func (o *object) rolling(v value) Until {
	in := newObject(fieldOf(o.path, "until"), v)
	if mode, ok := in.take("mode"); ok && !mode.says("rolling") {
		in.fault("mode", `is %s: floor and step go with "rolling" only; write "until": "none" or "until": INSTANT for the others`, mode)
	}
	u := Until{
		Mode:  Rolling,
		Floor: in.duration("floor", defaultUntil.Floor, leastFloor, mostFloor),
		Step:  in.duration("step", defaultUntil.Step, leastStep, mostStep),
	}
	in.finish()
	o.faults.join(in.faults)
	return u
}

// shorter returns v where it never promises more than u may at the most, from
// the instant at on, and u where it does or says the same.
func (u Until) shorter(v Until, at time.Time) Until {
	less := false
	switch {
	case v.Mode == None:
	case u.Mode == None:
		less = true
	case u.Mode == Fixed:
		less = v.Mode == Fixed && v.At.Before(u.At) // rolling has no end
	case v.Mode == Fixed:
		less = !v.At.After(at.Add(u.Floor + u.Step))
	default:
		less = v.Floor+v.Step < u.Floor+u.Step
	}
	if less {
		return v
	}
	return u
}

// excess says why u may not be promised by a document written at written under
// a max_until of most, empty if it may. It counts from the writing, never from
// the clock: a grant that is too long does not become valid by waiting.
func (u Until) excess(written time.Time, most time.Duration) string {
	switch u.Mode {
	case Rolling:
		if u.Floor+u.Step > most {
			return fmt.Sprintf("floor %s and step %s are together above the issuer's max_until %s: write shorter ones", u.Floor, u.Step, most)
		}
	case Fixed:
		if !u.At.After(written) {
			return fmt.Sprintf("%s is in the past, the document was written at %s: write a later instant", stamp(u.At), stamp(written))
		}
		if end := written.Add(most); u.At.After(end) {
			return fmt.Sprintf("%s is beyond the issuer's max_until %s, counted from when the document was written: write %s at the latest", stamp(u.At), most, stamp(end))
		}
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
