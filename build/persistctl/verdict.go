package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// verdict is that of one rule set.
type verdict struct {
	Rules    string    `json:"rules"`
	Accepted bool      `json:"accepted"`
	Until    time.Time `json:"persist_until,omitzero"`
	Ends     time.Time `json:"overlap_ends,omitzero"` // when the last record goes that is accepted; zero: no overlap ends it
	Reason   string    `json:"reason,omitempty"`
	Records  []finding `json:"records"`
	Bogus    bool      `json:"bogus,omitempty"` // not all that is judged validates (DNSSEC), and no CA judges what does not

	acceptable bool   // accepted, but that it is bogus
	others     string // rule sets that accept, or would but for that
}

// finding is what becomes of one record.
type finding struct {
	Text    string `json:"text"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
}

// decide returns the verdicts of rule sets on the records with texts, and whether any
// accepts one.
func decide(q record.Question, rules []record.Rules, texts []string) (verdicts []verdict, accepted bool) {
	for _, r := range rules {
		v := record.Judge(r, q, texts)
		verdicts = append(verdicts, newVerdict(r, v))
		accepted = accepted || v.Accepted
	}
	for i := range verdicts {
		verdicts[i].others = acceptedBy(verdicts)
	}
	return verdicts, accepted
}

// acceptedBy are the rule sets that accept.
func acceptedBy(verdicts []verdict) string {
	var rules []string
	for _, v := range verdicts {
		if v.Accepted {
			rules = append(rules, v.Rules)
		}
	}
	return strings.Join(rules, " or ")
}

func newVerdict(rules record.Rules, v record.Verdict) verdict {
	made := verdict{Rules: rules.String(), Accepted: v.Accepted, Until: v.Until, Reason: v.Reason, Records: []finding{}}
	for _, f := range v.Findings {
		made.Records = append(made.Records, finding{f.Text, f.Outcome.String(), f.Reason})
	}
	return made
}

func (v verdict) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n", v.Rules, v.sentence())
	for _, r := range v.Records {
		fmt.Fprintf(w, "  %q\n    %s", r.Text, r.Outcome)
		if r.Reason != "" {
			fmt.Fprintf(w, ": %s", r.Reason)
		}
		fmt.Fprintln(w)
	}
}

// sentence is the verdict as people read it.
func (v verdict) sentence() string {
	accepted, refused, until := "accepted", "refused", "without end"
	if v.Bogus {
		accepted, refused = "would be accepted if all of it validated", "would be refused if all of it validated too"
	}
	if !v.Until.IsZero() {
		until = "until " + stamp(v.Until)
	}
	if !v.Ends.IsZero() {
		until += ", by a record of an overlap, which goes at " + stamp(v.Ends)
	}
	if v.Accepted || v.acceptable {
		return accepted + ", " + until
	}
	if v.others != "" { // which is in order, and needs not look like a failure
		refused = fmt.Sprintf("no CA that goes by this to the letter would accept, and one that goes by %s does", v.others)
		if v.Bogus {
			refused += " if all of it validates"
		}
	}
	return refused + ": " + v.Reason
}
