package main

import (
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// linter gathers what deserves a second look as of an instant.
type linter struct {
	book     *policy.Book
	snapshot *store.Snapshot // what book was compiled from
	at       time.Time
	keys     *dnssec.KeySet // made up: signatures of all keys are of one size
	stanza   *stanza
	report   *lintReport
}

// lint looks at the documents as of the instant at. Of those that a server would
// not load it only says which cannot be read.
func lint(lib *library, at time.Time) (*lintReport, error) {
	report := &lintReport{
		Unreadable: append([]string{}, lib.troubles...),
		Rejections: []remark{},
		Warnings:   []remark{},
	}
	if lib.Book == nil {
		return report, nil
	}
	report.Documents = len(lib.snapshot.Documents)
	for _, r := range lib.Rejections() {
		report.Rejections = append(report.Rejections, newRemark(r))
	}
	l := linter{book: lib.Book, snapshot: lib.snapshot, at: at, stanza: defaultStanza(), report: report}
	return report, l.lint()
}

// lint warns of everything.
func (l *linter) lint() error {
	raw, err := dnssec.GenerateKeys("lint", 13, l.at, rand.Reader)
	if err == nil {
		l.keys, err = dnssec.ParseKeys(raw)
	}
	if err != nil {
		return err
	}
	l.stops()
	l.teams()
	return l.grants()
}

func (l *linter) warn(path, field, format string, args ...any) {
	l.report.Warnings = append(l.report.Warnings, remark{Path: path, Version: l.book.Version(path), Field: field, Reason: fmt.Sprintf(format, args...)})
}

// warnOf warns of a grant.
func (l *linter) warnOf(g *policy.Grant, format string, args ...any) {
	l.warn(g.Path(), fmt.Sprintf("domains[%q]", g.FQDN), format, args...)
	l.report.Warnings[len(l.report.Warnings)-1].Name = string(g.FQDN)
}

// teams warns of teams that may do much.
func (l *linter) teams() {
	for _, t := range l.book.Teams() {
		path := "teams/" + t.Slug
		if t.AnyAccount {
			l.warn(path, "accounts", "is missing, so whoever holds the team's token can bring a CA account of their own: write the account URIs that are approved")
		}
		if slices.Contains(t.Domains, ".") {
			l.warn(path, `domains["."]`, "covers every name that no other team claims: write the suffixes that are the team's")
		}
	}
}

// grants warns of single grants, and of names that have many.
func (l *linter) grants() error {
	var last *policy.Grant
	for g := range l.book.Grants() {
		l.report.Grants++
		l.grant(g)
		if last == nil || last.FQDN != g.FQDN {
			if err := l.size(g); err != nil {
				return err
			}
		}
		last = g
	}
	return nil
}

func (l *linter) grant(g *policy.Grant) {
	if s := l.stanza.standingOf(l.book, g, l.at); s.over {
		l.warnOf(g, "is %s: remove it", s.reason)
	}
	if g.Subtree {
		l.warnOf(g, "asks for subtree, which is not served yet: names below need grants of their own until then")
	}
}

// size warns of a name whose answer does not fit a UDP packet, at the document
// of its first grant.
func (l *linter) size(first *policy.Grant) error {
	size, err := l.answerSize(first)
	if err == nil && size > answer.MaxUDP {
		l.warnOf(first, "has %d grants, whose signed answer of %d octets exceeds the %d that are sent over UDP, so resolvers must come back over TCP: publish fewer accounts or forms at this name",
			len(l.book.Lookup(first.FQDN)), size, answer.MaxUDP)
	}
	return err
}
