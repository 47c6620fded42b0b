package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// folders are those that the documents stand in.
var folders = []string{"accounts", "issuers", "teams"}

// patience is how many server errors in a row end a scan.
const patience = 3

// walk lists all folders and reads all documents. It returns why it ended early,
// nil if it did not.
func (s *scan) walk(ctx context.Context) error {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	level := folders
	for range 3 {
		s.each(ctx, abort, level, s.list)
		level = s.inner(level)
	}
	s.each(ctx, abort, s.expected(), func(ctx context.Context, path string) error {
		d, err := s.read(ctx, path)
		if ctx.Err() == nil || err == nil {
			s.record(path, d, err)
		}
		return err
	})
	return context.Cause(ctx)
}

// each calls do for every item, some at once, until the store must be left
// alone. The brakes are looked at meanwhile, as often as at other times.
func (s *scan) each(ctx context.Context, abort context.CancelCauseFunc, items []string, do func(context.Context, string) error) {
	var group errgroup.Group
	group.SetLimit(workers)
	for _, item := range items {
		if ctx.Err() != nil {
			break
		}
		if s.options.Now().Sub(s.looked) >= s.options.Index {
			s.count(ctx, abort, s.readControl(ctx))
		}
		group.Go(func() error {
			s.count(ctx, abort, do(ctx, item))
			return nil
		})
	}
	_ = group.Wait() // do's errors are counted
}

// count ends the scan where err means that the store cannot take more.
func (s *scan) count(ctx context.Context, abort context.CancelCauseFunc, err error) {
	if ctx.Err() != nil {
		return
	}
	s.state.Lock()
	defer s.state.Unlock()
	switch {
	case errors.Is(err, ErrThrottled):
		abort(err)
	case errors.Is(err, ErrUnavailable):
		if s.failing++; s.failing == patience {
			abort(fmt.Errorf("%d requests in a row failed, the last: %w", patience, err))
		}
	default:
		s.failing = 0
	}
}

func (s *scan) record(path string, d *Document, err error) {
	s.state.Lock()
	defer s.state.Unlock()
	s.found[path] = finding{d, err}
}

// list lists one folder.
func (s *scan) list(ctx context.Context, folder string) error {
	if err := s.pace.wait(ctx); err != nil {
		return err
	}
	began := s.instant()
	names, err := s.source.List(ctx, folder)
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil {
		err = fmt.Errorf("%s/: %w", folder, err)
	}
	s.state.Lock()
	defer s.state.Unlock()
	s.listed[folder] = listing{began, names, err}
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

// expected returns the paths of all documents that were listed, or are known
// and not said to be absent.
func (s *scan) expected() []string {
	paths := map[string]bool{}
	for folder, l := range s.listed {
		for _, name := range l.names {
			if !strings.HasSuffix(name, "/") {
				paths[folder+"/"+name] = true
			}
		}
	}
	for i := range s.prev.Documents {
		if path := s.prev.Documents[i].Path; strings.Contains(path, "/") && !s.absent(path) {
			paths[path] = true
		}
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
