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
}

// next returns the serial of a version that is made at the instant at.
func (s *Serial) next(at time.Time) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last+1, uint32(at.Unix())) // #nosec G115 -- until 2106
	return s.last
}
