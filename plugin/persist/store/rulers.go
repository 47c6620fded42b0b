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

func isRuler(path string) bool {
	folder, _, _ := strings.Cut(path, "/")
	return slices.Contains(rulers, folder)
}

func isAccount(path string) bool { return strings.HasPrefix(path, "accounts/") }

// reread reads issuers and teams once more, where an account has changed.
func (s *scan) reread(ctx context.Context, abort context.CancelCauseFunc) {
	if ctx.Err() != nil || !s.accountsDiffer() {
		return
	}
	s.again = true
	s.each(ctx, abort, rulers, s.list)
	s.each(ctx, abort, s.rulers(), s.rereadRuler)
	s.settled = ctx.Err() == nil
}

// accountsDiffer reports whether an account was read that is not the one known
// before the scan.
func (s *scan) accountsDiffer() bool {
	s.state.Lock()
	defer s.state.Unlock()
	for path, f := range s.found {
		if !isAccount(path) || f.document == nil {
			continue
		}
		if known := s.prev.Document(path); s.waiting[path] || known == nil || !f.document.same(known) {
			return true
		}
	}
	return false
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
func (s *scan) isRuled(d *Document) bool { return d.Created.Before(s.asked) || s.isSettled(d.Path) }

// isSettled reports whether what the account at path rests on was read after it.
func (s *scan) isSettled(path string) bool {
	part := strings.Split(path, "/")
	return s.settled && len(part) > 2 && !s.missed["teams/"+part[1]] && !s.missed["issuers/"+part[2]]
}
