package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/go-json-experiment/json/jsontext"
)

// Reason says who braked, when and why. It is for people: a stop without one
// stops as well.
type Reason struct {
	At         time.Time // zero: it does not say
	By, Reason string
}

// Stop is a stop in a control document.
type Stop struct {
	Scope Scope
	Reason
}

// ControlDocument is a control document that is about to be changed. Whatever
// is not changed stays as it is written, what cannot be read included: a
// document that is not valid lifts nothing, and must not become valid by the
// way.
type ControlDocument struct{ top value }

// noteOfFreeze is the member beside freeze_at that says who froze, and why.
const noteOfFreeze = "x_freeze"

// ParseControl reads the body of a control document, nil where there is none.
// It fails only if that is no JSON object.
func ParseControl(body []byte) (*ControlDocument, error) {
	if body == nil {
		body = []byte(`{}`)
	}
	top, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	return &ControlDocument{top}, nil
}

// Check returns why the document is not valid, nil if it is. One that is not
// lifts nothing, whatever is removed from it.
func (c *ControlDocument) Check() error {
	e := controls.advance(nil, &store.Document{Path: store.ControlPath, Body: c.JSON()})
	if len(e.faults.list) == 0 {
		return nil
	}
	one := e.faults.list[0]
	return fmt.Errorf("%s: %s", one.field, one.reason)
}

// JSON returns the document as it is to be written, with a line feed at the end.
func (c *ControlDocument) JSON() []byte { return c.top.indented() }

// Stops returns the stops of the document, in their order.
func (c *ControlDocument) Stops() []Stop {
	var list []Stop
	for _, m := range c.entries() {
		if scope, err := readScope(m.name); err == nil {
			list = append(list, Stop{scope, readReason(m.value)})
		}
	}
	return list
}

// entries are those of every member stop.
func (c *ControlDocument) entries() []member {
	return newObject("", c.top).allEntries("stop")
}

// Stop adds a stop. One that is there already keeps its reason, and the result
// is false. It fails where the document has something else in the place of
// stops, which must be corrected first.
func (c *ControlDocument) Stop(scope Scope, why Reason) (added bool, err error) {
	if slices.ContainsFunc(c.Stops(), func(s Stop) bool { return s.Scope == scope }) {
		return false, nil
	}
	empty := value{kind: jsontext.KindBeginObject}
	stops := c.top.member("stop")
	if stops == nil {
		stops = c.top.set("stop", empty)
	}
	if !stops.isObject() {
		o := newObject("", empty)
		list := o.entries("stop", *stops)
		if len(o.faults.list) > 0 {
			return false, fmt.Errorf("stop %s", o.faults.list[0].reason)
		}
		*stops = value{kind: jsontext.KindBeginObject, members: list}
	}
	stops.set(scope.String(), why.value())
	return true, nil
}

// Lift removes a stop, however its scope is spelled. The result is false where
// there is none. It is for documents that are valid: see Check.
func (c *ControlDocument) Lift(scope Scope) (lifted bool) {
	entries := c.entries()
	rest := slices.DeleteFunc(slices.Clone(entries), func(m member) bool {
		s, err := readScope(m.name)
		return err == nil && s == scope
	})
	if len(rest) == len(entries) {
		return false
	}
	c.top.set("stop", value{kind: jsontext.KindBeginObject, members: rest})
	return true
}

// Freeze returns the instant from which rotation stands still, and who said so;
// zero: never.
func (c *ControlDocument) Freeze() (at time.Time, why Reason) {
	at = readControl(newObject("", c.top), &store.Document{}).brakes.Freeze
	if note := c.top.member(noteOfFreeze); note != nil {
		why = readReason(*note)
	}
	return at, why
}

// SetFreeze has rotation stand still from the instant at on. One that is there
// already and is not later stays, and the result is false. It fails where
// freeze_at cannot be read: what held before may be earlier.
func (c *ControlDocument) SetFreeze(at time.Time, why Reason) (set bool, err error) {
	was, _ := c.Freeze()
	switch member := c.top.member("freeze_at"); {
	case member != nil && was.IsZero():
		return false, fmt.Errorf("freeze_at is %s, which is no instant: correct it first", *member)
	case !was.IsZero() && !at.Before(was):
		return false, nil
	}
	c.top.set("freeze_at", value{kind: jsontext.KindString, text: stamp(at)})
	c.top.set(noteOfFreeze, why.value())
	return true, nil
}

// Thaw removes the freeze. The result is false where there is none.
func (c *ControlDocument) Thaw() (thawed bool) {
	if c.top.member("freeze_at") == nil {
		return false
	}
	c.top.members = slices.DeleteFunc(c.top.members, func(m member) bool { return m.name == "freeze_at" || m.name == noteOfFreeze })
	return true
}

// readReason reads what stands beside a stop, whatever it is.
func readReason(v value) Reason {
	o := newObject("", v)
	return Reason{At: o.instant("at"), By: o.text("by"), Reason: o.text("reason")}
}

func (r Reason) value() value {
	v := value{kind: jsontext.KindBeginObject}
	for _, m := range []struct{ name, text string }{{"at", stamp(r.At)}, {"by", r.By}, {"reason", r.Reason}} {
		if m.text != "" && (m.name != "at" || !r.At.IsZero()) {
			v.set(m.name, value{kind: jsontext.KindString, text: m.text})
		}
	}
	return v
}
