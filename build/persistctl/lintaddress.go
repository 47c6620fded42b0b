package main

import (
	"fmt"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// address warns of a grant of an IP address for which no rule set accepts any record,
// once for what a document writes as one. A name has none, as Boulder takes its URI.
func (l *linter) address(g *policy.Grant) {
	if !g.FQDN.IsReverse() || g.Withheld != "" {
		return
	}
	field := fmt.Sprintf("domains[%q]", l.book.Written(g))
	at := g.Path() + " " + field
	if l.looked[at] {
		return
	}
	l.looked[at] = true
	for _, q := range questionsOf(g.Sample(), l.names[g.Issuer], l.at) {
		j := judge{q: completed(q, l.book), rules: bothRules}
		if none := j.hopeless(); none != nil {
			l.warnIn(g, field, "can have no record that is accepted: %s: %s", strings.Join(none, "; "), j.whereHopeless())
			return
		}
	}
}
