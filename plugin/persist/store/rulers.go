package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// A scan is no snapshot: it reads what admins write before the accounts. What a
// team adds meanwhile may come after an admin has narrowed the team, and would
// count by what was read of the team before. So where an account was written
// since, issuers and teams are read once more, after it, before it counts for more
// than what it restricts. What they say then that is new restricts only, too: accounts
// that were read before may have given up something for it since.

// rulers are the folders of what admins write about accounts.
var rulers = []string{"issuers", "teams"}

// group is how many accounts are read until issuers and teams may be read once
// more for those among them that have changed: many accounts take many seconds.
const group = 50

// rulings is what a scan knows of the order in which accounts and what they rest
// on were read.
type rulings struct {
	rounds  int             // how many times issuers and teams were read once more
	missed  map[string]bool // issuers and teams that could be read before, and not in the last round
	late    map[string]bool // issuers and teams that have changed since the first round began
	waiting map[string]bool // accounts that were taken for what they restrict
	settled map[string]bool // accounts after which what they rest on was read
}

func newRulings() rulings {
	return rulings{missed: map[string]bool{}, late: map[string]bool{}, waiting: map[string]bool{}, settled: map[string]bool{}}
}

func isRuler(path string) bool {
	folder, _, _ := strings.Cut(path, "/")
	return slices.Contains(rulers, folder)
}

func isAccount(path string) bool { return strings.HasPrefix(path, "accounts/") }

// visitAccounts lists and reads the accounts, and what those rest on that have
// changed once more: in between where that may have them count earlier, and at
// the end.
func (s *scan) visitAccounts(ctx context.Context, abort context.CancelCauseFunc) {
	s.listAll(ctx, abort, "accounts")
	var open []string
	for paths := range slices.Chunk(s.expected([]string{"accounts"}), group) {
		if len(open) > 0 && s.Snapshot() != nil && s.affordsRound() {
			open = s.reread(ctx, abort, open)
			s.countNow(ctx, abort)
		}
		s.readAll(ctx, abort, paths)
		open = append(open, s.unruled(paths)...)
	}
	s.reread(ctx, abort, open)
}

// affordsRound reports whether all rounds together with one more ask for no more
// than the scan has read otherwise.
func (s *scan) affordsRound() bool { return (s.rounds+1)*len(s.rulers()) <= len(s.found) }

// unruled returns those of the accounts in paths that are not what was known before
// the scan, and may be newer than what they rest on.
func (s *scan) unruled(paths []string) []string {
	s.state.Lock()
	defer s.state.Unlock()
	var open []string
	for _, path := range paths {
		d := s.found[path].document
		if d == nil || s.isRuled(d) {
			continue
		}
		if known := s.prev.Document(path); s.waiting[path] || known == nil || !d.same(known) {
			open = append(open, path)
		}
	}
	return open
}

// reread reads issuers and teams once more for the accounts in open, if there
// are any, and returns those among them that still wait.
func (s *scan) reread(ctx context.Context, abort context.CancelCauseFunc, open []string) []string {
	if ctx.Err() != nil || len(open) == 0 {
		return open
	}
	s.rounds++
	clear(s.missed)
	s.each(ctx, abort, rulers, s.list)
	s.each(ctx, abort, s.rulers(), s.rereadRuler)
	if ctx.Err() != nil || s.unlisted(rulers) != nil { // a new team may have got names of any other
		return open
	}
	s.state.Lock()
	defer s.state.Unlock()
	for path, missed := range s.missed {
		if missed && strings.HasPrefix(path, "teams/") { // it may have claimed names of any other
			return open
		}
	}
	return slices.DeleteFunc(open, func(account string) bool {
		s.settled[account] = !s.missed[issuerOf(account)]
		return s.settled[account]
	})
}

// issuerOf returns the path of the issuer of the account at path, "" where no
// account can be.
func issuerOf(path string) string {
	part := strings.Split(path, "/")
	if len(part) < 3 {
		return ""
	}
	return "issuers/" + part[2]
}

// rulers are the paths of the issuers and teams that are listed or were read.
func (s *scan) rulers() []string {
	s.state.Lock()
	defer s.state.Unlock()
	paths := map[string]bool{}
	for path := range s.found {
		paths[path] = isRuler(path)
	}
	for _, folder := range rulers {
		for _, name := range s.listed[folder].names {
			paths[folder+"/"+name] = !strings.HasSuffix(name, "/")
		}
	}
	maps.DeleteFunc(paths, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(paths))
}

// rereadRuler reads an issuer or a team once more.
func (s *scan) rereadRuler(ctx context.Context, path string) error {
	d, err := s.read(ctx, path)
	if err != nil && ctx.Err() != nil {
		return err
	}
	s.record(path, d, err)
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.state.Lock()
		defer s.state.Unlock()
		s.missed[path] = s.found[path].document != nil
	}
	return err
}

// isRuled reports whether what the account d rests on was read after it was
// written, by the store's clock or in this order.
func (s *scan) isRuled(d *Document) bool { return d.Created.Before(s.asked) || s.settled[d.Path] }
