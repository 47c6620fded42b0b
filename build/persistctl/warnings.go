package main

import (
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// linter gathers what deserves a second look as of an instant.
type linter struct {
	book   *policy.Book
	at     time.Time
	keys   *dnssec.KeySet // made up: signatures of all keys are of one size
	stanza *stanza
	report *lintReport
}

// lint looks at the documents as of the instant at.
func lint(lib *library, at time.Time) (*lintReport, error) {
	l := linter{book: lib.Book, at: at, stanza: defaultStanza(), report: &lintReport{
		Unreadable: append([]string{}, lib.troubles...),
		Rejections: []remark{},
		Warnings:   []remark{},
		Documents:  lib.documents,
	}}
	raw, err := dnssec.GenerateKeys("lint", 13, at, rand.Reader)
	if err == nil {
		l.keys, err = dnssec.ParseKeys(raw)
	}
	if err != nil {
		return nil, err
	}
	for _, r := range lib.Rejections() {
		l.report.Rejections = append(l.report.Rejections, remark(r))
	}
	l.teams()
	if err := l.grants(); err != nil {
		return nil, err
	}
	return l.report, nil
}

func (l *linter) warn(path, field, format string, args ...any) {
	l.report.Warnings = append(l.report.Warnings, remark{path, l.book.Version(path), field, fmt.Sprintf(format, args...)})
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
	field := fmt.Sprintf("domains[%q]", g.FQDN)
	if s := l.stanza.standingOf(l.book, g, l.at); s.over {
		l.warn(g.Path(), field, "is %s: remove it", s.reason)
	}
	if g.Subtree {
		l.warn(g.Path(), field, "asks for subtree, which is not served yet: names below need grants of their own until then")
	}
}

// size warns of a name whose answer does not fit a UDP packet, at the document
// of its first grant.
func (l *linter) size(first *policy.Grant) error {
	size, err := l.answerSize(first)
	if err == nil && size > maxUDP {
		l.warn(first.Path(), fmt.Sprintf("domains[%q]", first.FQDN),
			"has %d grants, whose signed answer of %d octets exceeds the %d that are sent over UDP, so resolvers must come back over TCP: publish fewer accounts or forms at this name",
			len(l.book.Lookup(first.FQDN)), size, maxUDP)
	}
	return err
}
