package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many names are asked for at a time.
const atOnce = 16

// sweep is what DNS says of everything that is granted.
type sweep struct {
	At      time.Time      `json:"at"`
	Counts  map[status]int `json:"counts"`
	Checked []swept        `json:"checked"`
	Without int            `json:"without_record"` // grants that have no record now, and are not asked for

	addresses addresses
}

// swept is what becomes of one grant, for one account.
type swept struct {
	Name       record.FQDN `json:"name"`
	Prefix     string      `json:"prefix,omitempty"` // by which a document grants it among others
	Issuer     string      `json:"issuer"`
	Account    string      `json:"account_uri"`
	Wildcard   bool        `json:"wildcard"`
	Status     status      `json:"status"`
	Reason     string      `json:"reason"`
	Advice     string      `json:"advice,omitempty"`
	Delegation []string    `json:"delegation,omitempty"`
}

// sweep asks DNS for every grant that has a record.
func (c *checking) sweep(ctx context.Context, dir string, rules []record.Rules) (*sweep, error) {
	at := c.at.orNow()
	lib, err := c.docs.loadFit(ctx, dir, later(at, c.live.now()))
	if err != nil {
		return nil, err
	}
	questions, without, err := c.questions(lib.Book, at)
	switch {
	case err != nil:
		return nil, err
	case len(questions) == 0:
		return nil, fmt.Errorf("no grant has a record at %s: persistctl show says why", stamp(at))
	}
	s := &sweep{At: at, Counts: map[status]int{}, Checked: make([]swept, len(questions)), Without: without, addresses: c.addresses}
	if err := s.ask(ctx, questions, func(ctx context.Context, q record.Question) (*sight, error) { return c.see(ctx, lib.Book, q, rules) }); err != nil {
		return nil, err
	}
	for i, one := range s.Checked {
		s.Checked[i].Prefix = prefixAt(lib.Book, one.Name)
		s.Counts[one.Status]++
	}
	return s, nil
}

// questions are those of a CA about each account of each grant with a record, of an
// IP prefix about its first address. It counts the grants without.
func (c *checking) questions(book *policy.Book, at time.Time) (list []record.Question, without int, err error) {
	inside, err := c.stanza.inside()
	if err != nil {
		return nil, 0, err
	}
	issuers := namesOfIssuers(book)
	for g := range book.Grants() {
		if !inside(g.FQDN) {
			continue
		}
		if !c.stanza.listsNames() {
			g = g.Sample()
		}
		if len(c.stanza.standingOf(book, g, at).records) == 0 {
			without++
			continue
		}
		list = append(list, questionsOf(g, issuers[g.Issuer], at)...)
	}
	return list, without, nil
}

// questionsOf are those of the CA that goes by issuer about each account of a grant.
func questionsOf(g *policy.Grant, issuer string, at time.Time) []record.Question {
	uris := g.AccountURIs(at)
	list := make([]record.Question, 0, len(uris))
	for _, uri := range uris {
		list = append(list, record.Question{FQDN: g.FQDN, Wildcard: scope(g) == "wildcard", At: at, Issuers: []string{issuer}, AccountURIs: []string{uri}})
	}
	return list
}

// ask fills in what becomes of questions, atOnce of which are asked at a time. It
// fails where one cannot be asked at all.
func (s *sweep) ask(ctx context.Context, questions []record.Question, see func(context.Context, record.Question) (*sight, error)) error {
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(atOnce)
	for i, q := range questions {
		asking.Go(func() error {
			seen, err := see(ctx, q)
			if err == nil {
				s.Checked[i] = swept{
					Name: q.FQDN, Issuer: q.Issuers[0], Account: q.AccountURIs[0], Wildcard: q.Wildcard,
					Status: seen.Status, Reason: seen.Reason, Advice: seen.Advice, Delegation: seen.Delegation,
				}
			}
			return err
		})
	}
	return asking.Wait()
}

// statuses are those that a sweep may end with, the worst first.
var statuses = []status{statusBogus, statusDNSError, statusWrong, statusUnparseable, statusExpired, statusMissing, statusNotYet, statusUnacceptable, statusOK}

// status is how the command ends: what is wrong with a record comes before what is
// wrong with DNS, and that before what has to be waited for. What no server can put
// right, and lint warns of, hides none of it, unless there is nothing else.
func (s *sweep) status() error {
	if n := s.Counts[statusUnacceptable]; n > 0 && n == len(s.Checked) {
		return errFound
	}
	var worst error
	for _, one := range statuses {
		if s.Counts[one] == 0 || one == statusUnacceptable {
			continue
		}
		switch err := one.err(); {
		case err == errFound:
			return err
		case worst == nil:
			worst = err
		}
	}
	return worst
}

func (s *sweep) text(w io.Writer) {
	var lines []line
	var noted []string
	for _, one := range s.Checked {
		noted = append(noted, one.Delegation...)
		if one.Status == statusOK {
			continue
		}
		lines = append(lines, one.line())
	}
	printRows(w, []string{"NAME", "ACCOUNT", "STATUS", "REASON"}, s.addresses.fold(lines), func(row []string) []string { return row })
	slices.Sort(noted)
	for _, note := range slices.Compact(noted) {
		fmt.Fprintf(w, "Of the delegation: %s.\n", note)
	}
	fmt.Fprintf(w, "Asked at %s for %s: %s.\n", stamp(s.At), counted(len(s.Checked), "grant"), s.summary())
	for _, advice := range s.unacceptable() {
		fmt.Fprintf(w, "Where a record is unacceptable, %s.\n", advice)
	}
	if len(lines) > 0 {
		fmt.Fprintln(w, "What one server says, and what to do: persistctl check NAME --live --issuer ISSUER-DOMAIN-NAME --account URI.")
	}
}

// unacceptable is what to do about grants that no server can put right.
func (s *sweep) unacceptable() []string {
	var list []string
	for _, one := range s.Checked {
		if one.Status == statusUnacceptable {
			list = append(list, one.Advice)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// line is the grant as people read it. Names of a prefix are alike where the reason
// differs in the name alone.
func (one swept) line() line {
	l := line{name: one.Name, prefix: one.Prefix, cells: []string{one.Account, string(one.Status), one.Reason}}
	if one.Wildcard {
		l.name = "*." + l.name
	}
	l.alike = strings.ReplaceAll(strings.Join(l.cells, "\x00"), one.Name.Owner(), "")
	return l
}

// summary counts what came of the grants.
func (s *sweep) summary() string {
	var parts []string
	for _, one := range slices.Backward(statuses) {
		if n := s.Counts[one]; n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+string(one))
		}
	}
	if s.Without > 0 {
		parts = append(parts, fmt.Sprintf("%d without a record now were not asked for", s.Without))
	}
	return strings.Join(parts, ", ")
}
