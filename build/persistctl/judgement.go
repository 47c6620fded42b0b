package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// judgement is what becomes of a question, and why.
type judgement struct {
	Name       record.FQDN `json:"name"`
	Owner      string      `json:"owner"`
	Issuers    []string    `json:"issuers"`
	Account    string      `json:"account_uri"`
	Wildcard   bool        `json:"wildcard"`
	At         time.Time   `json:"at"`
	Accepted   bool        `json:"accepted"` // by any rule set
	Verdicts   []verdict   `json:"verdicts"`
	Withheld   []notServed `json:"withheld"`
	Rejections []remark    `json:"rejections"`
	Hints      []string    `json:"hints"`
	known      bool        // whether a document names the issuer
}

// notServed is a grant at the name without a record.
type notServed struct {
	Document string `json:"document"`
	Reason   string `json:"reason"`
}

// verdict is that of one rule set.
type verdict struct {
	Rules    string    `json:"rules"`
	Accepted bool      `json:"accepted"`
	Until    time.Time `json:"persist_until,omitzero"`
	Reason   string    `json:"reason,omitempty"`
	Records  []finding `json:"records"`
}

// finding is what becomes of one record.
type finding struct {
	Text    string `json:"text"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
}

func newJudgement(q record.Question, account string) *judgement {
	return &judgement{
		Name:       q.FQDN,
		Owner:      q.FQDN.Owner(),
		Account:    account,
		Wildcard:   q.Wildcard,
		At:         q.At,
		Withheld:   []notServed{},
		Rejections: []remark{},
		Hints:      []string{},
	}
}

func (j *judgement) add(rules record.Rules, v record.Verdict) {
	found := verdict{rules.String(), v.Accepted, v.Until, v.Reason, []finding{}}
	for _, f := range v.Findings {
		found.Records = append(found.Records, finding{f.Text, f.Outcome.String(), f.Reason})
	}
	j.Verdicts = append(j.Verdicts, found)
	j.Accepted = j.Accepted || v.Accepted
}

// look returns the values of the records at the name, and notes which grants
// have none.
func (j *judgement) look(book *policy.Book, s *stanza) []string {
	var texts []string
	for _, g := range book.Lookup(j.Name) {
		now := s.standingOf(book, g, j.At)
		for _, r := range now.records {
			texts = append(texts, r.Text)
		}
		if len(now.records) == 0 {
			j.Withheld = append(j.Withheld, notServed{g.Path() + "@" + book.Version(g.Path()), now.reason})
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

func (j *judgement) text(w io.Writer) {
	name := string(j.Name)
	if j.Wildcard {
		name = "*." + name
	}
	fmt.Fprintf(w, "May %s validate %s at %s, asked at %s?\n", j.Account, name, strings.Join(j.Issuers, " or "), stamp(j.At))
	for _, v := range j.Verdicts {
		fmt.Fprintln(w)
		v.text(w)
	}
	section(w, "Grants at the name that are not served:", j.Withheld)
	section(w, "Rejections in the documents that concern it:", j.Rejections)
	section(w, "Note:", j.Hints)
}

func section[T any](w io.Writer, title string, list []T) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for _, item := range list {
		fmt.Fprintf(w, "  %v\n", item)
	}
}

func (n notServed) String() string { return n.Document + ": " + n.Reason }

func (v verdict) text(w io.Writer) {
	switch {
	case v.Accepted && v.Until.IsZero():
		fmt.Fprintf(w, "%s: accepted, without end\n", v.Rules)
	case v.Accepted:
		fmt.Fprintf(w, "%s: accepted, until %s\n", v.Rules, stamp(v.Until))
	default:
		fmt.Fprintf(w, "%s: refused: %s\n", v.Rules, v.Reason)
	}
	for _, r := range v.Records {
		fmt.Fprintf(w, "  %q\n    %s", r.Text, r.Outcome)
		if r.Reason != "" {
			fmt.Fprintf(w, ": %s", r.Reason)
		}
		fmt.Fprintln(w)
	}
}
