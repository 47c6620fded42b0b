package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// errIncomplete means that a scan came to its end, but could not read the
// control document or list a folder.
var errIncomplete = errors.New("incomplete scan")

// scan is one pass over the store.
type scan struct {
	*Watcher
	prev *Snapshot // what is known, empty before the first load

	braked  time.Time // when the request began that read control, or found none
	counted time.Time // when changes were last looked for among what is found
	ruled   bool      // all that admins write was asked for
	asked   time.Time // the store's clock when none of that was yet, or a little earlier; zero if it has none

	// state guards the rest while requests are under way.
	state   sync.Mutex
	found   map[string]finding // documents that were asked for
	listed  map[string]listing // folders that were asked for
	failing int                // server errors in a row

	rulings // guarded by state too
}

// finding is what the store says of one document: either is set.
type finding struct {
	document *Document
	err      error
}

// listing is what the store says of one folder.
type listing struct {
	began time.Time // the request
	date  time.Time // by the store's clock, or a little earlier; zero if it has none
	names []string  // sorted
	err   error
}

func (w *Watcher) newScan() *scan {
	s := &scan{
		Watcher: w, prev: w.Snapshot(), counted: w.options.Clock.Now(),
		found: map[string]finding{}, listed: map[string]listing{}, rulings: newRulings(),
	}
	if s.prev == nil {
		s.prev = &Snapshot{}
	}
	return s
}

// run reads the brakes, the sentinel, what the admin writes, and then the rest,
// for which it may look at what the admin writes once more.
func (s *scan) run(ctx context.Context) error {
	noControl := s.readControl(ctx)
	err := s.readConfig(ctx)
	s.brake(err)
	if err != nil {
		return err
	}
	s.noteIndex(ctx)
	aborted := s.walk(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.Snapshot() == nil {
		if err := cmp.Or(aborted, s.missing()); err != nil {
			return fmt.Errorf("nothing is loaded yet: %w", err)
		}
	}
	if err := s.recheck(ctx); err != nil {
		return err
	}
	next, _ := s.merge(aborted == nil)
	s.publish(next)
	if missing := cmp.Or(noControl, s.unlisted(slices.Sorted(maps.Keys(s.listed)))); aborted == nil && missing != nil {
		return fmt.Errorf("%w: %w", errIncomplete, missing)
	}
	return aborted
}

// readConfig reads the sentinel, which says that this is the store that is
// meant.
func (s *scan) readConfig(ctx context.Context) error {
	d, err := s.read(ctx, ConfigPath)
	switch {
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf(`%w: without it nothing is believed: is it the right store? If so, write {"schema": 1} to it, and the store_id that servers pin`, err)
	case err != nil:
		return err
	case d.Withdrawn:
		return fmt.Errorf(`%s: %w: it is deleted, and without it nothing is believed: %s`, d.ID(), ErrNotFound, d.Remedy(`write {"schema": 1} to it, with the store_id and the generation that it had`))
	}
	if err := s.accept(d); err != nil {
		return fmt.Errorf("%w: %s %w", ErrRefused, d.ID(), err)
	}
	s.record(ConfigPath, d, nil)
	return nil
}

// accept returns why the store with this config is not the one that is meant.
func (s *scan) accept(config *Document) error {
	if s.options.Accept == nil {
		return nil
	}
	return survive(func() error { return s.options.Accept(config, s.known(ConfigPath)) })
}

// recheck reads the sentinel once more where what was read since is not what is
// known: the store may have been replaced meanwhile. That it does not answer any
// more takes nothing back.
func (s *scan) recheck(ctx context.Context) error {
	if !s.differs() {
		return nil
	}
	if err := s.readConfig(ctx); errors.Is(err, ErrRefused) || errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// differs reports whether a document that was read is not the one known.
func (s *scan) differs() bool {
	s.state.Lock()
	defer s.state.Unlock()
	for path, f := range s.found {
		if known := s.prev.Document(path); f.document != nil && (known == nil || !f.document.same(known)) {
			return true
		}
	}
	return false
}

// missing returns why what was read so far is too little for a first load: the
// brakes, a folder or a team could not be read. The names of a team that is not
// known would count as those of the team above it. Issuers that are not known
// only withhold their own grants.
func (s *scan) missing() error {
	if err := s.unread(ControlPath); err != nil {
		return err
	}
	if err := s.unlisted(folders); err != nil {
		return err
	}
	for _, name := range s.listed["teams"].names {
		if err := s.unread("teams/" + name); err != nil {
			return fmt.Errorf("%w: without it another team would own its names", err)
		}
	}
	return nil
}

// unread returns why the document at path could not be read, nil if it was, or
// if there is none.
func (s *scan) unread(path string) error {
	if err := s.found[path].err; !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// publishChanges has the changes count that were found so far.
func (s *scan) publishChanges(ctx context.Context) error {
	s.counted = s.options.Clock.Now()
	if s.isAsKnown() {
		return nil
	}
	if err := s.recheck(ctx); err != nil {
		return err
	}
	s.state.Lock()
	next, changed := s.merge(false)
	s.state.Unlock()
	if changed {
		s.prev = next
		s.publish(next)
	}
	return nil
}

// isAsKnown reports whether no document that was read so far is new or out of order,
// and none that is known is in doubt. What listings have that does not belong there is
// told at the end.
func (s *scan) isAsKnown() bool {
	for i := range s.prev.Documents {
		if s.prev.Documents[i].Doubt != "" {
			return false
		}
	}
	return !s.hasTrouble() && !s.differs()
}

// hasTrouble reports whether a document could not be read.
func (s *scan) hasTrouble() bool {
	s.state.Lock()
	defer s.state.Unlock()
	for path := range s.found {
		if s.unread(path) != nil {
			return true
		}
	}
	return false
}

// noteIndex takes note of the index document before the first poll does, so
// that a change in between is one. It need not be readable.
func (s *scan) noteIndex(ctx context.Context) {
	if !s.indexRead {
		_ = s.readIndex(ctx)
	}
}
