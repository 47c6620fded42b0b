package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// linter gathers what deserves a second look as of an instant.
type linter struct {
	book     *policy.Book
	snapshot *store.Snapshot // what book was compiled from
	at       time.Time
	stanza   *stanza
	report   *lintReport

	names  map[string]string // of issuers, by their slugs
	looked map[string]bool   // addresses, as documents write them, that were looked at
}

// lint looks at the documents as of the instant at. Of those that a server would
// not load it only says which cannot be read.
func lint(lib *library, at time.Time) *lintReport {
	report := &lintReport{
		Unreadable: slices.Concat([]string{}, lib.troubles, lib.strays),
		Rejections: []remark{},
		Warnings:   []remark{},
	}
	if lib.Book == nil {
		return report
	}
	report.Documents = len(lib.snapshot.Documents)
	for _, r := range lib.Rejections() {
		report.Rejections = append(report.Rejections, newRemark(r))
	}
	l := linter{
		book: lib.Book, snapshot: lib.snapshot, at: at, stanza: defaultStanza(), report: report,
		names: namesOfIssuers(lib.Book), looked: map[string]bool{},
	}
	l.stops()
	l.teams()
	l.overlaps()
	l.grants()
	return report
}

func (l *linter) warn(path, field, format string, args ...any) {
	l.report.Warnings = append(l.report.Warnings, remark{Path: path, Version: l.book.Version(path), Field: field, Reason: fmt.Sprintf(format, args...)})
}

// warnOf warns of a grant.
func (l *linter) warnOf(g *policy.Grant, format string, args ...any) {
	l.warnIn(g, fmt.Sprintf("domains[%q]", g.FQDN), format, args...)
}

// warnIn warns of a grant that stands in a field of its document.
func (l *linter) warnIn(g *policy.Grant, field, format string, args ...any) {
	l.warn(g.Path(), field, format, args...)
	l.report.Warnings[len(l.report.Warnings)-1].Name = string(g.FQDN)
}

// teams warns of teams that may do much.
func (l *linter) teams() {
	issuers := l.issuers()
	for _, t := range l.book.Teams() {
		path := "teams/" + t.Slug
		if t.AnyAccount {
			l.warn(path, "accounts", "is missing, so whoever holds the team's token can bring a CA account of their own: write the account URIs that are approved")
		}
		if slices.Contains(t.Domains, ".") {
			l.warn(path, `domains["."]`, "covers every name that no other team claims: write the suffixes that are the team's")
		}
		for _, issuer := range t.Issuers {
			l.issuer(path, issuer, issuers)
		}
	}
}

// issuers returns the slugs of the issuers documents that are there.
func (l *linter) issuers() (there []string) {
	for _, d := range l.snapshot.Documents {
		if slug, ok := strings.CutPrefix(d.Path, "issuers/"); ok && !d.Withdrawn {
			there = append(there, slug)
		}
	}
	return there
}

// issuer warns of an issuer that a team may use and that is not among those there, and says
// which may be meant.
func (l *linter) issuer(team, issuer string, there []string) {
	unread := func(line string) bool { return strings.HasPrefix(line, "issuers/"+issuer+":") }
	if slices.Contains(there, issuer) || slices.ContainsFunc(l.report.Unreadable, unread) {
		return
	}
	instead := "write it, or leave the issuer out"
	if meant := alike(there, issuer); meant != "" {
		instead = "write " + meant + " if that was meant"
	}
	l.warn(team, "issuers", "%s has no document issuers/%s: %s", issuer, issuer, instead)
}

// grants warns of single grants, and of names that have many.
func (l *linter) grants() {
	var last *policy.Grant
	for g := range l.book.Grants() {
		l.report.Grants++
		l.grant(g)
		if last == nil || last.FQDN != g.FQDN {
			l.size(g)
		}
		last = g
	}
}

func (l *linter) grant(g *policy.Grant) {
	if s := l.stanza.standingOf(l.book, g, l.at); s.over {
		l.warnOf(g, "is %s: remove it", s.reason)
		return
	}
	l.address(g)
}

// size warns of a name whose answer does not fit a UDP packet, at the document
// of its first grant.
func (l *linter) size(first *policy.Grant) {
	grants := l.book.Lookup(first.FQDN)
	if size := l.stanza.octets(l.book, grants, l.at); !size.fits() {
		l.warnOf(first, "has %s, whose signed answer of %d octets exceeds the %d that are sent over UDP%s, so resolvers must come back over TCP: publish fewer accounts or forms at this name",
			counted(len(grants), "grant"), size.Most, size.Of, whenOther(l.at, size.MostAt))
	}
}

// whenOther says at which instant, where that is not now.
func whenOther(now, at time.Time) string {
	if at.Equal(now) {
		return ""
	}
	return " at " + stamp(at)
}
