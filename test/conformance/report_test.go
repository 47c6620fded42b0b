package conformance

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write report.md")

// report is what all of them said, in the order in which they were asked.
type report struct {
	mu      sync.Mutex
	rows    []*row
	byName  map[string]*row
	results []string // of what does not count questions
}

type row struct {
	tally

	validator string
	setting   setting
}

// of returns the row of a validator and a setting.
func (r *report) of(validator string, s setting) *tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := validator + "/" + s.String()
	if r.byName[key] == nil {
		if r.byName == nil {
			r.byName = map[string]*row{}
		}
		r.byName[key] = &row{validator: validator, setting: s}
		r.rows = append(r.rows, r.byName[key])
	}
	return &r.byName[key].tally
}

// say adds a line about what was checked otherwise.
func (r *report) say(check, zone, result string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, fmt.Sprintf("| %s | %s | %s |", check, zone, result))
}

func (r *report) String() string {
	var b strings.Builder
	b.WriteString(`# What validators and verifiers say

Written by ` + "`go test ./test/conformance -update`" + `; every run of the tests compares itself with it.

Every question is asked over UDP and over TCP. *AD* counts the answers marked as authentic: all but those to RRSIG
questions, which nothing signs. Knot Resolver answers no ANY and PowerDNS Recursor no RRSIG questions, whatever the
zone. *Bogus* counts the lines in the validator's log about answers that did not validate.

| validator | zone | questions | AD | SERVFAIL | bogus |
|-----------|------|----------:|---:|---------:|------:|
`)
	for _, row := range r.rows {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d |\n", row.validator, row.setting,
			row.questions.Load(), row.secure.Load(), row.servfail.Load(), row.bogus.Load())
	}
	b.WriteString(`
DNSViz is not asked for names below a wildcard with compact denial: their NOERROR beside the wildcard's NXDOMAIN counts
as an error with it.
`)
	b.WriteString("\n| check | zone | result |\n|-------|------|--------|\n")
	b.WriteString(strings.Join(r.results, "\n") + "\n")
	return b.String()
}

// compare holds the report against the one that is kept, or keeps it.
func (r *report) compare(t *testing.T) {
	t.Helper()
	const file = "report.md"
	got := r.String()
	t.Log("\n" + got)
	if *update {
		write(t, file, got)
		return
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), got); diff != "" {
		t.Errorf("This run is not the one in %s (-kept +this); if it is as it should be, run go test ./test/conformance -update\n%s", file, diff)
	}
}
