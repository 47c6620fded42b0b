package audit

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

// notes are changes that many names have in common, until they are said in a
// line for all of them.
type notes map[note]*noted

// note is one such change. The account is set where it is one of an account, and
// else it is one of all records of the class but for those that it does not apply to.
type note struct {
	event    Event
	zone     *served
	account  string
	class    class
	old, new int64 // persistUntil
}

// noted is what a change is one of: how many names, and which cohorts.
type noted struct {
	names   int
	cohorts []*cohort
}

// hold notes that the records of an account's class are, or are not any more, stale.
func (n notes) hold(event Event, c *cohort) {
	n.add(note{event: event, zone: c.zone, account: c.account(), class: c.class()}, c)
}

// rotate notes that the records of a cohort have moved on.
func (n notes) rotate(c *cohort, from time.Time) {
	n.add(note{event: Rotated, zone: c.zone, class: c.class(), old: from.Unix(), new: c.until.Unix()}, c)
}

func (n notes) add(what note, c *cohort) {
	if n[what] == nil {
		n[what] = &noted{}
	}
	n[what].names += c.names
	n[what].cohorts = append(n[what].cohorts, c)
}

// summarise says what was noted, each thing in one line.
func (l *Ledger) summarise(at time.Time) {
	for _, n := range slices.SortedFunc(maps.Keys(l.notes), note.compare) {
		all := l.notes[n]
		line := all.cohorts[0].line(n.event, "")
		if n.event == Rotated {
			line = l.notes.rotation(n)
		}
		line.At, line.Count = at, all.names
		l.say(line)
	}
	clear(l.notes)
}

// compare has lines that make records known again stand before those that rotate
// them.
func (n note) compare(m note) int {
	return cmp.Or(
		cmp.Compare(m.event, n.event), cmp.Compare(n.zone.Origin, m.zone.Origin), cmp.Compare(n.account, m.account),
		cmp.Compare(n.class.floor, m.class.floor), cmp.Compare(n.class.step, m.class.step), cmp.Compare(n.old, m.old), cmp.Compare(n.new, m.new),
	)
}

func (n notes) rotation(what note) Line {
	return Line{
		Event: what.event, Zone: what.zone.Origin, Source: what.zone.view.Source, Floor: what.class.floor, Step: what.class.step,
		Old: []string{untilText(what.old)}, New: []string{untilText(what.new)}, Except: n.except(what), Digest: what.zone.digest.String(),
	}
}

// except are the accounts whose records would be taken for rotated, and are not:
// they stand still, or have gone somewhere else, or come from somewhere else.
func (n notes) except(what note) []string {
	names := map[string]bool{}
	for _, c := range what.zone.cohorts {
		if c.served && c.until.Unix() == what.old && c.class() == what.class {
			names[c.account()] = true
		}
	}
	for other, all := range n {
		if other.event == Rotated && other.zone == what.zone && other.class == what.class && other.old == what.old && other.new != what.new {
			for _, c := range all.cohorts {
				names[c.account()] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func untilText(seconds int64) string { return "persistUntil=" + strconv.FormatInt(seconds, 10) }
