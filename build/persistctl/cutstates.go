package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// cutStates are those of all cuts.
type cutStates []cutState

// with returns the cuts with one of some DS RRsets.
func (c cutStates) with(ds ...cutDS) []*cutState {
	var some []*cutState
	for i := range c {
		if slices.Contains(ds, c[i].DS) {
			some = append(some, &c[i])
		}
	}
	return some
}

// await has the cuts with one of some DS RRsets waited for.
func (c cutStates) await(ds ...cutDS) {
	for _, s := range c.with(ds...) {
		s.Lacks = s.why
	}
}

// ttl is the longest TTL of a DS RRset.
func (c cutStates) ttl() (most time.Duration) {
	for _, s := range c {
		most = max(most, s.ttl)
	}
	return most
}

// mostStragglers is how many cuts are named to people.
const mostStragglers = 20

// cutsProgress is how far a roll-over of all cuts has come.
type cutsProgress struct {
	Total      int           `json:"total"`
	Counts     map[cutDS]int `json:"ds"`
	Stragglers cutStates     `json:"stragglers"`     // are waited for
	Forgotten  cutStates     `json:"forgotten"`      // would be
	Gone       cutStates     `json:"gone,omitempty"` // were there when this process looked before
}

// progress sums up. What is to be forgotten is not waited for.
func (c cutStates) progress(forget map[string]bool) cutsProgress {
	p := cutsProgress{Total: len(c), Counts: map[cutDS]int{}, Stragglers: cutStates{}, Forgotten: cutStates{}}
	for _, s := range c {
		p.Counts[s.DS]++
		switch {
		case s.Lacks == "":
		case forget[s.Cut]:
			p.Forgotten = append(p.Forgotten, s)
		default:
			p.Stragglers = append(p.Stragglers, s)
		}
	}
	return p
}

// missing returns why not every cut is ready.
func (p cutsProgress) missing() error {
	if len(p.Stragglers) == 0 {
		return nil
	}
	return fmt.Errorf("%s of %d, such as %s (%s)", counted(len(p.Stragglers), "cut"), p.Total, p.Stragglers[0].Cut, p.Stragglers[0].Lacks)
}

const (
	unknownMeans = "unknown, as a server of the parent, or its name, cannot be had"
	noneMeans    = "no DS, so that nothing can break"
)

// meanings are for people, in a roll-over.
var meanings = map[cutDS]string{
	oldDS:     "a DS of the old key alone: such a cut breaks when that goes",
	unknownDS: unknownMeans,
	bothDS:    "a DS of the new key too",
	newDS:     "a DS of the new key alone",
	otherDS:   "a DS of neither: broken, or served by somebody else",
	noDS:      noneMeans,
}

// settledMeanings are those where one key is in force, and none comes.
var settledMeanings = map[cutDS]string{
	oldDS:     "a DS of the key in force",
	unknownDS: unknownMeans,
	otherDS:   "a DS of another key alone: broken, or served by somebody else",
	noDS:      noneMeans,
}

// count prints how many cuts there are of each kind that has a meaning.
func (p cutsProgress) count(w io.Writer, meanings map[cutDS]string) {
	rows := make([][]string, 0, 1+len(cutDSs))
	rows = append(rows, []string{"CUTS", "THE PARENT HAS"})
	for _, ds := range cutDSs {
		if means, ok := meanings[ds]; ok {
			rows = append(rows, []string{strconv.Itoa(p.Counts[ds]), means})
		}
	}
	table(w, rows...)
}

// text is what there is to say in a roll-over.
func (p cutsProgress) text(w io.Writer) {
	p.count(w, meanings)
	some := p.Stragglers[:min(len(p.Stragglers), mostStragglers)]
	some.list(w, "WAITED FOR")
	if more := len(p.Stragglers) - len(some); more > 0 {
		fmt.Fprintf(w, "and %d more, which -o json has.\n", more)
	}
	p.Forgotten.list(w, "FORGOTTEN, AND MAY BREAK")
}

// list prints cuts, if any, with what they lack.
func (c cutStates) list(w io.Writer, title string) {
	if len(c) == 0 {
		return
	}
	rows := [][]string{{title, "BECAUSE"}}
	for _, s := range c {
		rows = append(rows, []string{s.Cut, s.Lacks})
	}
	fmt.Fprintln(w)
	table(w, rows...)
}
