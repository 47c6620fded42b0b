package main

import (
	"fmt"
	"slices"
	"strings"
)

// only leaves in the report what is about one team's documents, of which lib has
// all.
func (r *lintReport) only(team string, lib *library) error {
	others := func(path string) bool { return !isOfTeam(path, team) }
	r.Unreadable = slices.DeleteFunc(r.Unreadable, others)
	r.Rejections = slices.DeleteFunc(r.Rejections, func(one remark) bool { return others(one.Path) })
	r.Warnings = slices.DeleteFunc(r.Warnings, func(one remark) bool { return others(one.Path) })
	if lib.Book == nil {
		return nil
	}
	r.Documents, r.Grants = 0, 0
	for _, d := range lib.snapshot.Documents {
		if !others(d.Path) {
			r.Documents++
		}
	}
	for g := range lib.All() {
		if g.Team == team {
			r.Grants++
		}
	}
	if r.Documents == 0 && len(r.Unreadable) == 0 {
		return fmt.Errorf("there is no document of a team %q: write --team as teams/TEAM and accounts/TEAM have it", team)
	}
	return nil
}

// isOfTeam reports whether path, which may have words after it, is that of a
// document of a team, or of a folder of its.
func isOfTeam(path, team string) bool {
	for _, start := range []string{"teams/" + team, "accounts/" + team} {
		if rest, ok := strings.CutPrefix(path, start); ok && (rest == "" || strings.ContainsAny(rest[:1], "/:")) {
			return true
		}
	}
	return false
}
