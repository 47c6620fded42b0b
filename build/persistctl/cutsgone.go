package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// metCuts are those that a process has asked about, as it found them last. A run from
// a timer has met none before.
type metCuts map[string]cutState

// leave returns those that were met, and are none of all any more, sorted.
func (m metCuts) leave(all cutStates) (gone cutStates) {
	here := map[string]bool{}
	for _, s := range all {
		here[s.Cut] = true
	}
	for cut, s := range m {
		if !here[cut] {
			gone = append(gone, s)
		}
	}
	slices.SortFunc(gone, func(a, b cutState) int { return strings.Compare(a.Cut, b.Cut) })
	return gone
}

// meet remembers all.
func (m metCuts) meet(all cutStates) {
	for _, s := range all {
		m[s.Cut] = s
	}
}

// goneText says how many cuts there are, and which have left. Of one that left before
// this process began nobody knows, but for who compares the numbers.
func (p cutsProgress) goneText(w io.Writer) {
	fmt.Fprintf(w, "\nThe documents have %s now: one that has left them is not waited for, and breaks when the old key goes if its parent has the DS of that alone.\n",
		counted(p.Total, "cut"))
	if len(p.Gone) == 0 {
		return
	}
	rows := [][]string{{"IN NO DOCUMENT ANY MORE", "THE PARENT HAD"}}
	for _, s := range p.Gone[:min(len(p.Gone), mostStragglers)] {
		rows = append(rows, []string{s.Cut, meanings[s.DS]})
	}
	fmt.Fprintln(w)
	table(w, rows...)
	if more := len(p.Gone) - mostStragglers; more > 0 {
		fmt.Fprintf(w, "and %d more, which -o json has.\n", more)
	}
}
