package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// overlaps adds to verdicts, one for each of rules, when the records that are accepted
// go by overlaps, and notes of what is refused whether an overlap has ended that had a
// record for it.
func (t *told) overlaps(grants []*policy.Grant, q record.Question, rules []record.Rules, verdicts []verdict) {
	ends := overlapEnds(grants)
	for i := range verdicts {
		if v := &verdicts[i]; v.Accepted {
			v.Ends = v.endsBy(ends)
		} else {
			t.Hints = append(t.Hints, endedFor(grants, q, rules[i])...)
		}
	}
}

// overlapEnds are when overlaps end the records of grants, by what these say but for
// persistUntil; zero for what goes on.
func overlapEnds(grants []*policy.Grant) map[record.Record]time.Time {
	ends := map[record.Record]time.Time{}
	for _, g := range grants {
		for _, p := range g.Promises() {
			if known, ok := ends[p.Record]; ok && (known.IsZero() || p.Ends.IsZero()) {
				ends[p.Record] = time.Time{}
			} else {
				ends[p.Record] = later(known, p.Ends)
			}
		}
	}
	return ends
}

// endsBy is when the last record goes that is accepted; zero: one of them goes on.
func (v verdict) endsBy(ends map[record.Record]time.Time) time.Time {
	var last time.Time
	for _, f := range v.Records {
		if f.Outcome != record.Accepted.String() {
			continue
		}
		r, err := record.Parse(f.Text)
		r.Until = time.Time{}
		end := ends[r]
		if err != nil || end.IsZero() {
			return time.Time{}
		}
		last = later(last, end)
	}
	return last
}

// endedFor says which overlaps have ended whose records would be accepted.
func endedFor(grants []*policy.Grant, q record.Question, rules record.Rules) []string {
	var notes []string
	for _, g := range grants {
		for _, p := range g.Promises() {
			text, err := p.Render()
			if err != nil || p.Ends.IsZero() || p.Ends.After(q.At) || !record.Judge(rules, q, []string{text}).Accepted {
				continue
			}
			notes = append(notes, fmt.Sprintf("%s had a record that %s would accept, by an overlap that ended at %s", g.Path(), rules, stamp(p.Ends)))
		}
	}
	return slices.Compact(notes)
}
