package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"
)

// How many scans in a row must miss a document until it is gone. It takes one
// more where more than half of a store of more than a few is missing at once.
const (
	agreeing = 2
	few      = 10
)

// merge makes the next snapshot of the one before and what the scan has found,
// and tells the observer what has changed, if anything. Absence counts only in a
// scan that came to its end.
func (s *scan) merge(complete bool) (next *Snapshot, changes bool) {
	m := merging{scan: s, complete: complete, restored: s.restored(), troubles: map[string]error{}}
	if complete {
		m.countAbsences()
	}
	next = &Snapshot{Documents: make([]Document, 0, max(len(s.found), len(s.prev.Documents)))}
	for i := range s.prev.Documents {
		if d := m.keep(&s.prev.Documents[i]); d != nil {
			next.Documents = append(next.Documents, *d)
		}
	}
	for path, f := range s.found {
		if f.document != nil && s.prev.Document(path) == nil && m.admit(f.document) {
			next.Documents = append(next.Documents, *m.take(f.document))
			m.changes = append(m.changes, changed(nil, f.document))
		}
	}
	slices.SortFunc(next.Documents, func(a, b Document) int { return strings.Compare(a.Path, b.Path) })
	next.Listed = s.listings(next, complete)
	next.dated = s.dates(next)
	next.Braked = s.prev.Braked
	if !s.braked.IsZero() {
		next.Braked = s.braked
	}
	next.Date, next.DateAt = s.source.Date()
	m.tell(next, complete)
	return next, m.resumed || len(m.changes) > 0
}

// merging is what comes up while a snapshot is made.
type merging struct {
	*scan
	complete bool // the scan came to its end
	restored bool // the store looks like one of an earlier time
	gone     map[string]bool
	troubles map[string]error // by path
	changes  []string
	resumed  bool // what was in doubt counts for all it says, which nobody needs to be told
}

// keep returns what counts of a known document from now on, nil if nothing.
func (m *merging) keep(known *Document) *Document {
	d := m.found[known.Path].document
	switch {
	case m.gone[known.Path], m.isForeign(known):
		m.changes = append(m.changes, known.ID()+" is gone")
		return nil
	case d == nil:
		return known
	case d.same(known):
		return m.confirm(known, d)
	case d.precedes(known) && d.outnumbers(known):
		m.changes = append(m.changes, changed(known, d))
		return m.doubt(d)
	case d.precedes(known):
		m.troubles[known.Path] = fmt.Errorf("%s %w: version %s of %s was read before it, which stays, unconfirmed: write it anew to have it count",
			d.ID(), errStepsBack, known.Version, stamp(known.Created))
		return known
	case d.revives(known) && !m.maySurface(known):
		return m.bury(known)
	}
	m.changes = append(m.changes, changed(known, d))
	return m.take(d)
}

// take returns what counts of a document that is new.
func (m *merging) take(d *Document) *Document {
	switch {
	case m.Snapshot() == nil || d.Withdrawn || d.Path == ConfigPath || d.Path == ControlPath:
		return d
	case !m.ruled:
		return d.in(Unfinished)
	case isRuler(d.Path) && m.rounds > 0:
		m.late[d.Path] = true
		return d.in(Unfinished)
	case isAccount(d.Path) && !m.isRuled(d):
		m.waiting[d.Path] = true
		return d.in(Pending)
	}
	return d
}

// confirm returns known, vouched for anew by d.
func (m *merging) confirm(known, d *Document) *Document {
	confirmed := *known
	confirmed.Confirmed = d.Confirmed
	switch {
	case known.Withdrawn:
		confirmed.Doubt = ""
	case known.Doubt == Backdated:
		return m.doubt(&confirmed)
	case known.Doubt == Unfinished && m.ruled && !m.late[known.Path]:
		confirmed.Doubt = ""
		m.changes = append(m.changes, known.ID()+" counts for what it adds too")
	case known.Doubt == Pending && m.waiting[known.Path] && m.settled[known.Path]:
		confirmed.Doubt, m.resumed = "", true // its line in the log has said so
	case known.Doubt == Pending && m.ruled && !m.waiting[known.Path]:
		confirmed.Doubt = ""
		m.changes = append(m.changes, known.ID()+" counts for what it adds too")
	}
	return &confirmed
}

// countAbsences decides which documents are gone: those that two scans in a row
// have missed, or three where most of the store is missing at once.
func (m *merging) countAbsences() {
	missing := map[string]bool{}
	for i := range m.prev.Documents {
		known := &m.prev.Documents[i]
		switch path := known.Path; {
		case m.isForeign(known):
		case m.absent(path):
			missing[path] = true
			m.absences[path]++
		case m.found[path].document != nil:
			delete(m.absences, path)
		}
	}
	if m.restored {
		m.holdAll(missing)
		return
	}
	enough := agreeing
	if len(missing) > few && 2*len(missing) > len(m.prev.Documents) {
		enough++
	}
	m.gone = map[string]bool{}
	for path := range missing {
		if m.absences[path] >= enough {
			m.gone[path] = true
			delete(m.absences, path)
			delete(m.journal.troubles, path)
		} else {
			m.troubles[path] = fmt.Errorf("%s: %w: it stays, unconfirmed, until %d scans agree: this is number %d", path, ErrNotFound, enough, m.absences[path])
		}
	}
}

// isForeign reports whether known, the control document, is not of this store,
// which has none: config vouches for it wherever snapshots are merged. It was not
// lost, so nothing is to be waited for.
func (s *scan) isForeign(known *Document) bool {
	return known.Doubt == Unvouched && errors.Is(s.found[known.Path].err, ErrNotFound)
}

// listings returns since when each folder is known to be complete.
func (s *scan) listings(next *Snapshot, complete bool) map[string]time.Time {
	at := map[string]time.Time{}
	for folder, before := range s.prev.Listed {
		if !complete || len(next.below(folder)) > 0 {
			at[folder] = before
		}
	}
	for folder, l := range s.listed {
		at[folder] = s.prev.Listed[folder]
		if l.err == nil && s.knowsAll(folder, l.names, next) {
			at[folder] = l.began
		}
	}
	return at
}

// knowsAll reports whether there is nothing in folder that was never read: a
// name that is not granted by what we know might be by that.
func (s *scan) knowsAll(folder string, names []string, next *Snapshot) bool {
	for _, name := range names {
		sub, isFolder := strings.CutSuffix(name, "/")
		path := folder + "/" + sub
		_, now := s.listed[path]
		_, before := s.prev.Listed[path]
		switch {
		case isFolder && holdsFolders(folder) && !now && !before:
			return false
		case !isFolder && next.Document(path) == nil && !s.absent(path):
			return false
		}
	}
	return true
}

// tell tells the observer.
func (m *merging) tell(next *Snapshot, complete bool) {
	for path, f := range m.found {
		told := !complete && errors.Is(f.err, ErrUnavailable) // as the end of the scan
		if f.err != nil && !errors.Is(f.err, ErrNotFound) && !told {
			m.troubles[path] = f.err
		}
	}
	for folder, l := range m.listed {
		for _, name := range l.names {
			if strings.HasSuffix(name, "/") && !holdsFolders(folder) {
				m.troubles[folder+"/"+name] = fmt.Errorf("%s/%s is a folder where only documents count: move what is in it up, or away", folder, name)
			}
		}
	}
	if m.Snapshot() == nil {
		m.changes = []string{fmt.Sprintf("%d documents are loaded", len(next.Documents))}
	}
	slices.Sort(m.changes)
	lines(m.changes, m.options.Observer.Info)
	m.journal.documents(m.troubles, complete, m.options.Clock.Now())
}

// changed says what d is to known, which may be nil.
func changed(known, d *Document) string {
	switch {
	case d.Withdrawn:
		return d.ID() + " is deleted"
	case known == nil:
		return d.ID() + " is new"
	case known.Withdrawn && known.Version == d.Version:
		return d.ID() + " is undeleted"
	case known.Version == d.Version:
		return d.ID() + " is another one than before, by the same number"
	}
	return d.ID() + " follows version " + known.Version + "; if it is not valid, what counted before counts on"
}

// with returns s with the control document d in the place of the one before.
func (s *Snapshot) with(d *Document) *Snapshot {
	next := *s
	next.Documents = slices.Clone(s.Documents)
	if i, ok := s.search(d.Path); ok {
		next.Documents[i] = *d
	} else {
		next.Documents = slices.Insert(next.Documents, i, *d)
	}
	next.Listed = maps.Clone(s.Listed)
	next.Braked = d.Confirmed
	return &next
}

// below returns the documents in folder and in the folders in it.
func (s *Snapshot) below(folder string) []Document {
	from := sort.Search(len(s.Documents), func(i int) bool { return s.Documents[i].Path > folder+"/" })
	n := sort.Search(len(s.Documents)-from, func(i int) bool { return !strings.HasPrefix(s.Documents[from+i].Path, folder+"/") })
	return s.Documents[from : from+n]
}

// names returns what the snapshot knows in folder, as a listing would.
func (s *Snapshot) names(folder string) []string {
	documents := s.below(folder)
	names := make([]string, 0, len(documents))
	for _, d := range documents {
		rest := strings.TrimPrefix(d.Path, folder+"/")
		if name, _, deeper := strings.Cut(rest, "/"); deeper {
			rest = name + "/"
		}
		names = append(names, rest)
	}
	return slices.Compact(names)
}
