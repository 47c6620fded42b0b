package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// folders are those that the documents stand in.
var folders = []string{"accounts", "issuers", "teams"}

// patience is how many server errors in a row it takes to ask whether the store
// answers at all.
const patience = 3

// countChanges is how long a change that a scan has found may wait for the rest
// of the scan: many documents take many seconds.
const countChanges = 500 * time.Millisecond

// walk lists all folders and reads all documents, what the admin writes first:
// it is little, and a restriction in it must not wait for the accounts. It
// returns why it ended early, nil if it did not.
func (s *scan) walk(ctx context.Context) error {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	s.asked, _ = s.source.Date()
	s.listAll(ctx, abort, rulers...)
	s.readAll(ctx, abort, s.expected(rulers))
	if s.ruled = ctx.Err() == nil; s.ruled {
		if err := s.first(ctx); err != nil {
			abort(err)
		}
	}
	s.visitAccounts(ctx, abort)
	return context.Cause(ctx)
}

// first has count what the admin has written. Before the first load it returns
// why there can be none.
func (s *scan) first(ctx context.Context) error {
	if s.Snapshot() == nil {
		return s.missing()
	}
	return s.publishChanges(ctx)
}

// listAll lists the folders in tops, and those in them.
func (s *scan) listAll(ctx context.Context, abort context.CancelCauseFunc, tops ...string) {
	for level := tops; len(level) > 0; level = s.inner(level) {
		s.each(ctx, abort, level, s.list)
	}
}

// readAll reads the documents at paths.
func (s *scan) readAll(ctx context.Context, abort context.CancelCauseFunc, paths []string) {
	s.each(ctx, abort, paths, func(ctx context.Context, path string) error {
		d, err := s.read(ctx, path)
		if ctx.Err() == nil || err == nil {
			s.record(path, d, err)
		}
		return err
	})
}

// each calls do for every item, some at once, until the store must be left
// alone. The brakes are looked at meanwhile, as often as at other times, and what
// has changed counts before everything is read, but not before all that admins
// write: what one team gives up another one may have got.
func (s *scan) each(ctx context.Context, abort context.CancelCauseFunc, items []string, do func(context.Context, string) error) {
	next, wait := work(func(item string) { s.count(ctx, abort, do(ctx, item)) })
	defer wait()
	for _, item := range items {
		if ctx.Err() != nil {
			break
		}
		if s.options.Clock.Now().Sub(s.looked) >= s.options.Index {
			s.count(ctx, abort, s.look(ctx))
		}
		if s.ruled && s.Snapshot() != nil && s.options.Clock.Now().Sub(s.counted) >= countChanges {
			s.countNow(ctx, abort)
		}
		next <- item
	}
}

// work starts workers that call do for each item of next, until wait is called,
// which waits for them. They live as long as all of the items: a request needs a
// deep stack, and to grow one for each costs a tenth of a scan.
func work(do func(item string)) (next chan<- string, wait func()) {
	items := make(chan string)
	var all sync.WaitGroup
	for range workers - 1 { // one request may be a look at the brakes
		all.Go(func() {
			for item := range items {
				do(item)
			}
		})
	}
	return items, func() {
		close(items)
		all.Wait()
	}
}

// countNow has the changes count that were found so far, and ends the scan where
// they cannot.
func (s *scan) countNow(ctx context.Context, abort context.CancelCauseFunc) {
	if err := s.publishChanges(ctx); err != nil {
		abort(err)
	}
}

// count ends the scan where err means that the store cannot take more. Errors
// in a row may be those of documents that stand together: then the sentinel
// answers.
func (s *scan) count(ctx context.Context, abort context.CancelCauseFunc, err error) {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, ErrThrottled):
		abort(err)
	case s.tooMany(err):
		if err := s.readConfig(ctx); err != nil {
			abort(fmt.Errorf("%d requests in a row failed, and then the sentinel: %w", patience, err))
		}
	}
}

// tooMany reports whether err is one server error in a row too many.
func (s *scan) tooMany(err error) bool {
	s.state.Lock()
	defer s.state.Unlock()
	if !errors.Is(err, ErrUnavailable) {
		s.failing = 0
		return false
	}
	s.failing = (s.failing + 1) % patience
	return s.failing == 0
}

// record notes what the store says of a document. What was once read in a scan
// stays though it cannot be read again.
func (s *scan) record(path string, d *Document, err error) {
	s.state.Lock()
	defer s.state.Unlock()
	if err == nil || s.found[path].document == nil {
		s.found[path] = finding{d, err}
	}
}

// list lists one folder.
func (s *scan) list(ctx context.Context, folder string) error {
	if err := s.pace.wait(ctx); err != nil {
		return err
	}
	began := s.instant()
	date, _ := s.source.Date()
	var names []string
	err := survive(func() (err error) {
		names, err = s.source.List(ctx, folder)
		return err
	})
	switch {
	case err == nil:
		s.pace.grow()
	case ctx.Err() != nil:
		return err
	default:
		err = fmt.Errorf("%s/: %w", folder, err)
	}
	s.state.Lock()
	defer s.state.Unlock()
	s.listed[folder] = listing{s.since(began), date, names, err}
	return err
}

// inner returns the folders in those of accounts that were just listed. Where
// one could not be listed, they are those known from before.
func (s *scan) inner(level []string) []string {
	var all []string
	for _, folder := range level {
		l, ok := s.listed[folder]
		if !ok || !holdsFolders(folder) {
			continue
		}
		names := l.names
		if l.err != nil {
			names = s.prev.names(folder)
		}
		for _, name := range names {
			if sub, ok := strings.CutSuffix(name, "/"); ok {
				all = append(all, folder+"/"+sub)
			}
		}
	}
	return all
}

// expected returns the paths of all documents that were listed, or are known in
// tops and not said to be absent, and that were not asked for yet.
func (s *scan) expected(tops []string) []string {
	paths := map[string]bool{}
	for folder, l := range s.listed {
		for _, name := range l.names {
			if !strings.HasSuffix(name, "/") {
				paths[folder+"/"+name] = true
			}
		}
	}
	for _, top := range tops {
		for _, d := range s.prev.below(top) {
			if !s.absent(d.Path) {
				paths[d.Path] = true
			}
		}
	}
	for path := range s.found {
		delete(paths, path)
	}
	return slices.Sorted(maps.Keys(paths))
}

// absent reports whether the store says that there is no document at path: a
// listing lacks it or a folder above it, or reading it found nothing.
func (s *scan) absent(path string) bool {
	if f, ok := s.found[path]; ok {
		return errors.Is(f.err, ErrNotFound)
	}
	for i, c := range path {
		if c != '/' {
			continue
		}
		l, ok := s.listed[path[:i]]
		if !ok || l.err != nil {
			continue
		}
		name, _, deeper := strings.Cut(path[i+1:], "/")
		if deeper {
			name += "/"
		}
		if _, there := slices.BinarySearch(l.names, name); !there {
			return true
		}
	}
	return false
}

// unlisted returns why one of the folders could not be listed.
func (s *scan) unlisted(names []string) error {
	for _, folder := range names {
		if err := s.listed[folder].err; err != nil {
			return err
		}
	}
	return nil
}

// holdsFolders reports whether folder is accounts or accounts/TEAM.
func holdsFolders(folder string) bool {
	top, rest, _ := strings.Cut(folder, "/")
	return top == "accounts" && !strings.Contains(rest, "/")
}
