package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// documented are the records that the documents put at a name.
type documented struct {
	records []documentedRecord
	subtree record.FQDN // from whose subtree they are; empty: they are the name's own
}

// documentedRecord is one of them. A persistUntil that rolls is not known to the step:
// clocks differ, servers keep the last one in an outage, and with denial nsec it moves
// at an instant of the zone.
type documentedRecord struct {
	record.Record

	text string
	step time.Duration // 0: persistUntil does not roll
}

// documented returns what the documents say is served for a name at the instant at.
func (s *stanza) documented(book *policy.Book, name record.FQDN, at time.Time) *documented {
	w := &documented{subtree: subtreeOf(book, name)}
	for _, g := range s.grantsAt(book, name) {
		for _, r := range s.standingOf(book, g, at).records {
			one := documentedRecord{Record: r.Record, text: r.Text}
			if g.Until.Mode == policy.Rolling {
				one.step = g.Until.Step
			}
			w.records = append(w.records, one)
		}
	}
	return w
}

// is reports whether a record that is served is this one.
func (w documentedRecord) is(text string) bool {
	if text == w.text {
		return true
	}
	r, err := record.Parse(text)
	if err != nil || w.step == 0 || r.Until.IsZero() {
		return false
	}
	ahead := r.Until.Sub(w.Until)
	r.Until = w.Until
	return r == w.Record && ahead.Abs() <= w.step
}

// compare notes in what a server differs from the documents. What a CA accepts is
// wrong all the same if they do not say it.
func (j judge) compare(v *liveView) {
	if j.documented == nil {
		return
	}
	for _, text := range v.Records {
		if !slices.ContainsFunc(j.documented.records, func(w documentedRecord) bool { return w.is(text) }) {
			v.Extra = append(v.Extra, text)
		}
	}
	for _, w := range j.documented.records {
		if !slices.ContainsFunc(v.Records, w.is) {
			v.Lacking = append(v.Lacking, w.text)
		}
	}
	if v.Status != statusOK {
		return
	}
	switch {
	case len(v.Extra) > 0:
		v.Status, v.Reason = statusWrong, fmt.Sprintf("it serves what the documents do not say: %q", v.Extra[0])
	case len(v.Lacking) > 0:
		v.Status, v.Reason = statusWrong, fmt.Sprintf("it does not serve all that the documents say: %q is missing", v.Lacking[0])
	}
}

// begins returns when the grant of the account that asks, which may be that of an
// overlap, begins, if that is ahead.
func begins(book *policy.Book, q record.Question) time.Time {
	for _, g := range book.At(q.FQDN) {
		if q.At.Before(g.NotBefore) && slices.ContainsFunc(q.AccountURIs, func(uri string) bool { return slices.Contains(g.AccountURIs(g.NotBefore), uri) }) {
			return g.NotBefore
		}
	}
	return time.Time{}
}
