package answer

import (
	"sync"
	"time"
)

// Serial numbers the versions of a zone that is transferred. It is this
// primary's own: it begins with the clock, moves with every version, and never
// goes back, however the clock is set.
type Serial struct {
	mu   sync.Mutex
	last uint32 // guarded by mu
	of   uint64 // a hash of the version numbered last, where it was given; guarded by mu
}

// next returns the serial of a version that is made at the instant at.
func (s *Serial) next(at time.Time) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.advance(at)
}

// nextOf is next for a version with a hash: where the one before has the same, it
// is that version, made once more.
func (s *Serial) nextOf(hash uint64, at time.Time) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != 0 && s.of == hash {
		return s.last
	}
	s.of = hash
	return s.advance(at)
}

// advance numbers a version; mu is held.
func (s *Serial) advance(at time.Time) uint32 {
	s.last = max(s.last+1, uint32(at.Unix())) // #nosec G115 -- until 2106
	return s.last
}

// Serials are those of zones, by origin.
type Serials struct{ byOrigin sync.Map } // string → *Serial

// Of returns the serial of a zone.
func (s *Serials) Of(origin string) *Serial {
	serial, ok := s.byOrigin.Load(origin)
	if !ok {
		serial, _ = s.byOrigin.LoadOrStore(origin, new(Serial))
	}
	return serial.(*Serial)
}

// has reports whether a version of a zone has been made.
func (s *Serials) has(origin string) bool {
	_, ok := s.byOrigin.Load(origin)
	return ok
}

// drop forgets a zone that is no more. Should it come back, its serial begins with
// the clock again.
func (s *Serials) drop(origin string) { s.byOrigin.Delete(origin) }
