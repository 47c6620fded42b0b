package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// step is one write. The version that it replaces follows from the ones before.
type step struct {
	change
}

// sequencer finds an order of writes in which no state on the way publishes
// anything that is published neither before nor after. It tries: every state is
// compiled as servers do it.
//
// Of those orders it prefers accounts before teams before issuers: what asks
// before what allows. A server in the middle of a scan has what admins write
// already and the accounts of the scan before, until that scan is over: where
// not even that may be, settle waits between the kinds.
type sequencer struct {
	planning *planning
	snapshot *store.Snapshot
	book     *policy.Book // of snapshot
	allowed  map[record.FQDN]map[string]bool
	known    map[*policy.Grant]bool // of grants that were looked at, whether they are allowed
	lone     []record.FQDN          // names that may lie in a subtree at one end alone, or on the way
	left     []change
	held     map[string]bool // documents that were disabled for the time
	restores []change        // what enables those of them that are not in left
	blamed   []*policy.Grant // why changes were not taken
	steps    []step
}

func (p *planning) sequence(held *library, after *policy.Book, changes []change) ([]step, error) {
	s := &sequencer{
		planning: p,
		snapshot: held.snapshot,
		book:     held.Book,
		allowed:  map[record.FQDN]map[string]bool{},
		known:    map[*policy.Grant]bool{},
		held:     map[string]bool{},
		left:     slices.Clone(changes),
	}
	s.lone = lone(held.Book, after)
	for _, book := range []*policy.Book{held.Book, after} {
		for name, list := range published(book) {
			s.allow(name, list)
		}
		for _, name := range s.lone {
			s.allow(name, inherited(book, name))
		}
	}
	slices.SortStableFunc(s.left, func(a, b change) int { return cmp.Compare(rank(a), rank(b)) })
	for len(s.left)+len(s.restores) > 0 {
		if len(s.left) == 0 {
			s.left, s.restores = s.restores, nil
		}
		if err := s.next(); err != nil {
			return nil, err
		}
	}
	return s.steps, nil
}

// rank is the order that is preferred. What restricts comes first: the brakes,
// and what is deleted. Without config nothing counts, so a mount that is filled
// for the first time has it last.
func rank(c change) int {
	kind, _, _ := strings.Cut(c.Document, "/")
	ranks := map[string]int{store.ControlPath: 0, "accounts": 2, "teams": 3, "issuers": 4, store.ConfigPath: 5}
	if c.Action == remove && kind == "accounts" {
		return 1
	}
	return ranks[kind]
}

func (s *sequencer) allow(name record.FQDN, list []string) {
	if s.allowed[name] == nil {
		s.allowed[name] = map[string]bool{}
	}
	for _, line := range list {
		s.allowed[name][line] = true
	}
}

// next takes changes after which nothing is published that must not be: the
// brakes, all accounts together, what admins write one by one, or some accounts.
// Where there are none it disables a document for the time.
func (s *sequencer) next() error {
	s.blamed = nil
	accounts := s.accounts()
	switch {
	case rank(s.left[0]) == 0 && s.takeOne(s.left[:1]),
		len(accounts) > 0 && s.takeAll(accounts),
		s.takeOne(s.others(accounts)),
		s.takeSome(accounts):
		return nil
	}
	if slices.ContainsFunc(s.blamed, s.disableAny) {
		return nil
	}
	g := s.blamed[0]
	return fmt.Errorf("every order of the writes would publish for a moment what is published neither before nor after, at %s for %s: apply in two steps, what restricts first", g.FQDN, g.Path())
}

// takeOne takes the first of changes that is allowed.
func (s *sequencer) takeOne(changes []change) bool {
	return slices.ContainsFunc(changes, func(c change) bool { return s.takeAll([]change{c}) })
}

// takeAll takes changes if the state after them is allowed. Where they do not
// depend on each other, so is every state on the way: in it each document is as
// it was or as it will be.
func (s *sequencer) takeAll(changes []change) bool {
	book, excess := s.try(changes...)
	if excess != nil {
		s.blamed = append(s.blamed, excess)
		return false
	}
	s.take(book, changes...)
	s.left = s.others(changes)
	return true
}

// takeSome takes those of changes that are allowed, by halves.
func (s *sequencer) takeSome(changes []change) bool {
	half := len(changes) / 2
	if half == 0 {
		return false // was tried
	}
	taken := false
	for _, part := range [][]change{changes[:half], changes[half:]} {
		taken = s.takeAll(part) || s.takeSome(part) || taken
	}
	return taken
}

// others are the changes that are left apart from some.
func (s *sequencer) others(some []change) []change {
	in := map[string]bool{}
	for _, c := range some {
		in[c.Document] = true
	}
	return slices.DeleteFunc(slices.Clone(s.left), func(c change) bool { return in[c.Document] })
}

// disableAny disables a document that the grant rests on: one that is to be
// written anyway, as it will be or as it is, or else the account's.
func (s *sequencer) disableAny(g *policy.Grant) bool {
	paths := []string{g.Path(), "teams/" + g.Team, "issuers/" + g.Issuer}
	for _, path := range paths {
		if i := s.indexLeft(path); i >= 0 && (s.disable(path, s.left[i].body) || s.disable(path, s.body(path))) {
			s.left[i].Replaces = s.snapshot.Document(path).Version
			return true
		}
	}
	if body := s.body(g.Path()); s.disable(g.Path(), body) {
		s.restores = append(s.restores, change{Document: g.Path(), Action: update, Replaces: s.snapshot.Document(g.Path()).Version, body: body})
		return true
	}
	return false
}

func (s *sequencer) indexLeft(path string) int {
	return slices.IndexFunc(s.left, func(c change) bool { return c.Document == path })
}

// body is that of a document as it stands now, nil where there is none.
func (s *sequencer) body(path string) []byte {
	if d := s.snapshot.Document(path); d != nil {
		return d.Body
	}
	return nil
}

// disable writes body to path, disabled, unless that was done before, or would
// itself publish what must not be.
func (s *sequencer) disable(path string, body []byte) bool {
	var members map[string]json.RawMessage
	if s.held[path] || json.Unmarshal(body, &members) != nil {
		return false
	}
	members["enabled"] = json.RawMessage("false")
	members[noteOfHold] = json.RawMessage("true")
	body, err := json.Marshal(members)
	c := change{Document: path, Action: hold, body: body}
	if d := s.snapshot.Document(path); d != nil {
		c.Replaces = d.Version
	}
	book, excess := s.try(c)
	if err != nil || excess != nil {
		return false
	}
	s.take(book, c)
	s.held[path] = true
	return true
}

// accounts are the changes of account documents that do not depend on each
// other: what becomes of one depends on those of the same team only where its
// max_grants might be reached, and on those of others where one has a name in the
// subtree of another.
func (s *sequencer) accounts() []change {
	if len(s.lone) > 0 {
		return nil
	}
	grants, names := map[string]int{}, map[string]int{} // by team
	for g := range s.book.All() {
		grants[g.Team]++
	}
	var list []change
	for _, c := range s.left {
		if kind, rest, _ := strings.Cut(c.Document, "/"); kind == "accounts" {
			team, _, _ := strings.Cut(rest, "/")
			names[team] += len(c.body) // there are fewer names than octets
			list = append(list, c)
		}
	}
	full := map[string]bool{}
	for _, t := range s.book.Teams() {
		full[t.Slug] = t.MaxGrants-grants[t.Slug] < names[t.Slug]
	}
	return slices.DeleteFunc(list, func(c change) bool { return full[strings.Split(c.Document, "/")[1]] })
}

// try compiles the state after changes, and returns a grant in it that is not
// allowed.
func (s *sequencer) try(changes ...change) (*policy.Book, *policy.Grant) {
	book := policy.Compile(s.book, changed(s.snapshot, changes, s.planning.now), policy.Brakes{})
	for g := range book.All() {
		allowed, looked := s.known[g]
		if !looked {
			allowed = !slices.ContainsFunc(promises(g), func(line string) bool { return !s.allowed[g.FQDN][line] })
			s.known[g] = allowed
		}
		if !allowed {
			return nil, g
		}
	}
	for _, name := range s.lone {
		if slices.ContainsFunc(inherited(book, name), func(line string) bool { return !s.allowed[name][line] }) {
			return nil, book.At(name)[0]
		}
	}
	return book, nil
}

func (s *sequencer) take(book *policy.Book, changes ...change) {
	for _, c := range changes {
		s.steps = append(s.steps, step{c})
	}
	s.snapshot = changed(s.snapshot, changes, s.planning.now)
	s.book = book
}
