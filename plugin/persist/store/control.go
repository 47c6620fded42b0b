package store

import (
	"context"
	"errors"
)

// look reads the control document, and has what is new in it count at once. A
// new version lifts what was stopped only where config vouches for the store in
// the same look: the brakes must not be loosened by another store's.
func (s *scan) look(ctx context.Context) error {
	err := s.readControl(ctx)
	if s.news() != nil {
		s.brake(s.readConfig(ctx))
	}
	return err
}

// readControl reads the control document.
func (s *scan) readControl(ctx context.Context) error {
	s.looked = s.options.Clock.Now()
	began := s.instant()
	d, err := s.read(ctx, ControlPath)
	s.record(ControlPath, d, err)
	if err == nil || errors.Is(err, ErrNotFound) {
		s.braked = s.since(began)
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// news returns the control document that was read, if it is not what is known
// already. There is none before the first load, which takes it with the rest. One
// that nothing has vouched for says nothing of which is the newer one.
func (s *scan) news() *Document {
	s.state.Lock()
	d := s.found[ControlPath].document
	s.state.Unlock()
	if d == nil || s.Snapshot() == nil {
		return nil
	}
	switch known := s.prev.Document(ControlPath); {
	case known == nil, known.Doubt == Unvouched:
	case d.same(known), d.precedes(known) && !d.outnumbers(known):
		return nil
	}
	return d
}

// brake has the news of control count, where unvouched is why config does not
// vouch for the store, nil if it does.
func (s *scan) brake(unvouched error) {
	d := s.news()
	if d == nil {
		return
	}
	known, next := s.prev.Document(ControlPath), *d
	if unvouched != nil {
		next.Doubt = Unvouched
	}
	if known != nil && known.Doubt != Unvouched && d.precedes(known) {
		next.Doubt = Backdated
	}
	if known != nil && d.same(known) && next.Doubt == known.Doubt {
		return
	}
	s.prev = s.prev.with(&next)
	s.publish(s.prev)
	s.options.Observer.Info(changed(known, &next))
}
