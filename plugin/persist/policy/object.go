package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// object reads the members of one JSON object and gathers what is wrong with
// them. Members that nobody asked for by the time finish is called are faults.
type object struct {
	path    string // of the object inside its document, "" at the top
	members []member
	asked   []string
	faults  faults // for which the object is rejected
	parts   faults // for which only a part of it is
}

// newObject starts to read v, which stands at path.
func newObject(path string, v value) *object {
	o := &object{path: path, members: v.members}
	if !v.isObject() {
		o.faults.add(fault{field: path, reason: fmt.Sprintf("is %s: write an object, {…}", v)})
	}
	o.findRepeated()
	return o
}

func (o *object) findRepeated() {
	if len(o.members) < 2 {
		return
	}
	seen := make(map[string]bool, len(o.members))
	for _, m := range o.members {
		if seen[m.name] {
			o.fault(m.name, "stands twice: keep one of them")
		}
		seen[m.name] = true
	}
}

func (o *object) fault(name, format string, args ...any) {
	o.faults.add(fault{field: fieldOf(o.path, name), reason: fmt.Sprintf(format, args...)})
}

// check adds err as a fault of the member name and reports whether there is none.
func (o *object) check(name string, err error) bool {
	if err != nil {
		o.fault(name, "%v", err)
	}
	return err == nil
}

// take returns the member name, the first where it is repeated.
func (o *object) take(name string) (value, bool) {
	o.asked = append(o.asked, name)
	for _, m := range o.members {
		if m.name == name {
			return m.value, true
		}
	}
	return value{}, false
}

// takeAll returns the member name as often as it stands there. For what
// restricts: a repetition is a fault, and none of it may be lost by it.
func (o *object) takeAll(name string) []value {
	o.asked = append(o.asked, name)
	var all []value
	for _, m := range o.members {
		if m.name == name {
			all = append(all, m.value)
		}
	}
	return all
}

// sound reports whether the member name of a document, present or not, has
// been read without a fault, so that what it says or leaves out can be relied
// on.
func (o *object) sound(name string) bool { return !o.faults.members[name] }

// finish finds the members that nobody asked for. At the top of a document
// those that start with x_ are the writer's own.
func (o *object) finish() {
	var known []string
	var members string // of them
	for _, m := range o.members {
		if slices.Contains(o.asked, m.name) || o.path == "" && strings.HasPrefix(m.name, "x_") {
			continue
		}
		if known == nil {
			known = slices.Compact(slices.Sorted(slices.Values(o.asked)))
			members = strings.Join(known, ", ")
		}
		instead := ""
		if len(o.faults.list) < mostFaults { // what is counted only needs none
			instead = meant(m.name, known)
		}
		if instead != "" {
			instead = ", write " + instead
		}
		o.fault(m.name, "is unknown here%s: the members are %s", instead, members)
	}
}

func (o *object) flag(name string, otherwise bool) bool {
	v, ok := o.take(name)
	if !ok {
		return otherwise
	}
	if !v.says("true") && !v.says("false") {
		o.fault(name, "is %s: write true or false", v)
	}
	return v.says("true")
}

// enabled reports whether nothing here says otherwise. Present and not true is
// a no, even where it is also a fault.
func (o *object) enabled() bool {
	on := o.flag("enabled", true)
	for _, m := range o.members {
		on = on && (m.name != "enabled" || m.value.says("true"))
	}
	return on
}

// schema refuses documents of a later format.
func (o *object) schema() {
	if v, ok := o.take("schema"); ok {
		if n, err := parseCount(v); err != nil || n != 1 {
			o.fault("schema", "is %s: this version reads schema 1 only", v)
		}
	}
}

func (o *object) text(name string) string {
	v, ok := o.take(name)
	if ok && v.kind != jsontext.KindString {
		o.fault(name, "is %s: write a string", v)
	}
	return v.text
}

func (o *object) count(name string, otherwise int) int {
	v, ok := o.take(name)
	if !ok {
		return otherwise
	}
	n, err := parseCount(v)
	o.check(name, err)
	return n
}

// duration reads a duration between least and most.
func (o *object) duration(name string, otherwise, least, most time.Duration) time.Duration {
	v, ok := o.take(name)
	if !ok {
		return otherwise
	}
	d, err := parseDuration(v)
	if o.check(name, err) && (d < least || d > most) {
		o.fault(name, "is %s: write %s to %s", d, least, most)
	}
	return d
}

// instant reads an instant; it is zero where there is none.
func (o *object) instant(name string) time.Time {
	v, ok := o.take(name)
	if !ok {
		return time.Time{}
	}
	t, err := parseInstant(v)
	o.check(name, err)
	return t
}

// list reads an array of strings, or one string with commas or spaces between.
func (o *object) list(name string) []string {
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	var list []string
	for _, m := range o.entries(name, v) {
		list = append(list, m.name)
	}
	return list
}

// allEntries reads the entries of a member as often as it stands there.
func (o *object) allEntries(name string) []member {
	values := o.takeAll(name)
	lists := make([][]member, len(values))
	for i, v := range values {
		lists[i] = o.entries(name, v)
	}
	return slices.Concat(lists...)
}

// entries reads what list reads, and maps too. What stands in an array or a
// string has no value of its own and gets that of an empty object.
func (o *object) entries(name string, v value) []member {
	var names []string
	switch v.kind {
	case jsontext.KindBeginObject:
		return v.members
	case jsontext.KindString:
		names = strings.FieldsFunc(v.text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	case jsontext.KindBeginArray:
		for _, item := range v.items {
			if item.kind != jsontext.KindString {
				o.fault(name, "contains %s: write strings", item)
				continue
			}
			names = append(names, item.text)
		}
	default:
		o.fault(name, "is %s: write a list", v)
	}
	members := make([]member, len(names))
	for i, n := range names {
		members[i] = member{n, value{kind: jsontext.KindBeginObject}}
	}
	return members
}

// isHostname reports whether name is one that quotes, and is shown whole, as it is.
func isHostname(name string) bool {
	return len(name) <= mostShown && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_*") == ""
}

// fieldOf names the member of the object at path, the way jq and JavaScript do.
func fieldOf(path, name string) string {
	plain := name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
	switch {
	case !plain && isHostname(name):
		return path + `["` + name + `"]`
	case !plain:
		return path + "[" + quote(name) + "]"
	case path == "":
		return name
	}
	return path + "." + name
}
