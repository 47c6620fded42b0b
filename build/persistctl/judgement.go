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
	asked
	Accepted bool      `json:"accepted"` // by any rule set
	Verdicts []verdict `json:"verdicts"`
	told
}

// asked is a question, as far as it is printed.
type asked struct {
	Name     record.FQDN `json:"name"`
	Owner    string      `json:"owner"`
	Issuers  []string    `json:"issuers"`
	Account  string      `json:"account_uri"`
	Wildcard bool        `json:"wildcard"`
	At       time.Time   `json:"at"`
}

// told is what the documents tell beyond the records.
type told struct {
	Target     string      `json:"target,omitempty"` // to which a CNAME leads from the owner
	Withheld   []notServed `json:"withheld"`
	Rejections []remark    `json:"rejections"`
	Hints      []string    `json:"hints"`

	narrowed bool // a stop takes the wildcard of the account
}

// notServed is a grant at the name without a record.
type notServed struct {
	Document string `json:"document"`
	Reason   string `json:"reason"`
}

func newAsked(q record.Question) asked {
	return asked{
		Name:     q.FQDN,
		Owner:    q.FQDN.Owner(),
		Issuers:  q.Issuers,
		Account:  q.AccountURIs[0],
		Wildcard: q.Wildcard,
		At:       q.At,
	}
}

func newTold() told {
	return told{Withheld: []notServed{}, Rejections: []remark{}, Hints: []string{}}
}

// look returns the values of the records at the name, and notes which grants
// have none.
func (t *told) look(book *policy.Book, s *stanza, a asked) []string {
	unled := s.unledTo(a.Name)
	if t.Target = s.target(a.Name); t.Target != "" && unled == "" {
		t.Hints = append(t.Hints, fmt.Sprintf("its records stand at %s, and a CA that asks for %s finds them by a CNAME: see persistctl delegate", t.Target, a.Owner))
	}
	var texts []string
	for _, g := range s.grantsAt(book, a.Name) {
		now := s.standingOf(book, g, a.At)
		if unled != "" {
			now = standing{reason: unled}
		}
		for _, r := range now.records {
			texts = append(texts, r.Text)
		}
		if len(now.records) == 0 {
			t.Withheld = append(t.Withheld, notServed{g.Path() + "@" + book.Version(g.Path()), now.reason})
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

func (j *judgement) text(w io.Writer) {
	j.question(w)
	for _, v := range j.Verdicts {
		fmt.Fprintln(w)
		v.text(w)
	}
	j.told.text(w)
}

// status is how the command ends.
func (j *judgement) status() error {
	if !j.Accepted {
		return errFound
	}
	return nil
}

func (a asked) question(w io.Writer) {
	fmt.Fprintf(w, "May %s validate %s at %s, asked at %s?\n", a.Account, a.subject(), strings.Join(a.Issuers, " or "), stamp(a.At))
}

// subject is the name as it stands in an order.
func (a asked) subject() string {
	if a.Wildcard {
		return "*." + string(a.Name)
	}
	return a.Name.Readable()
}

func (t told) text(w io.Writer) {
	section(w, "Grants at the name that are not served:", t.Withheld)
	section(w, "Rejections in the documents that concern it:", t.Rejections)
	section(w, "Note:", t.Hints)
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
