package store

import (
	"fmt"
	"strings"
	"time"
)

// What a store says that was restored from a backup cannot always be told by
// one document: that a version is not deleted may be because somebody has
// brought it back, and that there is a document may be because it is new. The
// other documents tell, and what the listings said.

// restored reports whether a document says that the store is in an earlier
// state than it was.
func (s *scan) restored() bool {
	for path, f := range s.found {
		switch d, known := f.document, s.prev.Document(path); {
		case d == nil:
		case known == nil:
			if s.wasAbsent(d) {
				return true
			}
		case d.precedes(known) && !d.outnumbers(known):
			return true
		}
	}
	return false
}

// wasAbsent reports whether d, which is not known, is older than a complete
// listing that it was not in.
func (s *scan) wasAbsent(d *Document) bool {
	listed := s.prev.lacked(d.Path)
	return !listed.IsZero() && d.Created.Add(clockSkew).Before(listed)
}

// lacked is the store's time of the last complete listing of the folder in which
// path would be, by which it was not there if it is not known; zero if there was
// none. A folder that is not known itself was not in the one above it.
func (s *Snapshot) lacked(path string) time.Time {
	for {
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return time.Time{}
		}
		path = path[:i]
		if _, known := s.Listed[path]; known {
			return s.dated[path]
		}
	}
}

// dates returns the store's time of the listings in next. Both that and the
// time of a document are by the store's clock, whatever ours says. Where there is
// something new in a folder that could not be read, what is in it may be older
// than the listing: that of the scan before stays.
func (s *scan) dates(next *Snapshot) map[string]time.Time {
	dated := map[string]time.Time{}
	for folder, at := range next.Listed {
		l, listed := s.listed[folder]
		_, known := s.prev.Listed[folder]
		switch {
		case listed && l.began.Equal(at):
			dated[folder] = l.date
		case known:
			dated[folder] = s.prev.dated[folder]
		default:
			dated[folder] = s.prev.lacked(folder)
		}
	}
	return dated
}

// admit reports whether a document counts that is not known.
func (m *merging) admit(d *Document) bool {
	if !m.wasAbsent(d) {
		return true
	}
	m.troubles[d.Path] = fmt.Errorf("%s %w: it is of %s, and was not there when its folder was listed after that: write it anew to have it count",
		d.ID(), errStepsBack, stamp(d.Created))
	return false
}

// maySurface reports whether a version that was withdrawn may count again: at
// the end of a scan in which nothing is of an earlier time. One that was held
// down before needs a new version.
func (m *merging) maySurface(known *Document) bool {
	return m.complete && !m.restored && known.Doubt == ""
}

// bury keeps known withdrawn though the store says that it is not.
func (m *merging) bury(known *Document) *Document {
	held := *known
	if !m.complete {
		return &held // the end of the scan will tell
	}
	held.Doubt = Backdated
	m.troubles[known.Path] = fmt.Errorf("%s %w: it was deleted, and is back together with other documents of an earlier time: it stays deleted: write it anew to have it count",
		known.ID(), errStepsBack)
	return &held
}

// holdAll keeps what is missing in a store that looks like one of an earlier
// time: it may have been written after that. A team that is not there any more
// would leave its names to another one.
func (m *merging) holdAll(missing map[string]bool) {
	for path := range missing {
		delete(m.absences, path)
		m.troubles[path] = fmt.Errorf("%s: %w, where other documents are of an earlier time: it stays, unconfirmed, until those are written anew", path, ErrNotFound)
	}
}

// doubt has d count for what it restricts only.
func (m *merging) doubt(d *Document) *Document {
	m.troubles[d.Path] = fmt.Errorf("%s of %s %w, though its version is higher: what it restricts counts, and what it adds does not: write it anew to have it count",
		d.ID(), stamp(d.Created), errStepsBack)
	return d.in(Backdated)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
