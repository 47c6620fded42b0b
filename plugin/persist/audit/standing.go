package audit

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// standing is what was said of a store.
type standing struct {
	book    *policy.Book
	refused string // why it is, empty while it is not
}

func (l *Ledger) standing(source string) *standing {
	if l.sources[source] == nil {
		l.sources[source] = &standing{}
	}
	return l.sources[source]
}

// Refused says that the store of v is not believed, and why, or with a nil err
// that it is. It says nothing twice.
func (l *Ledger) Refused(v *View, err error, at time.Time) {
	s, reason := l.standing(v.Source), ""
	if err != nil {
		reason = err.Error()
	}
	if reason == s.refused {
		return
	}
	s.refused = reason
	event := Refused
	if err == nil {
		event = Accepted
	}
	l.say(Line{At: at, Event: event, Source: v.Source, Reason: reason})
}

// stand says what book changes of a store as a whole: which one it is, its
// documents, what of them is rejected, and its brakes. Several views of a store
// tell of it once.
func (l *Ledger) stand(v *View, book *policy.Book, at time.Time) {
	s := l.standing(v.Source)
	before := s.book
	if before == book {
		return
	}
	s.book = book
	say := func(line Line) {
		line.At, line.Source = at, v.Source
		l.say(line)
	}
	if before == nil {
		before = &policy.Book{}
	} else {
		l.tellDocuments(v, before, book, say)
	}
	if is := book.Store(); is != before.Store() {
		say(Line{Event: Store, Old: pinText(before.Store()), New: pinText(is)})
	}
	tellBrakes(before, book, say)
	tellRejections(before.Rejections(), book.Rejections(), say)
}

// tellDocuments tells of other versions. What is in one that decides on names is
// told of name by name.
func (l *Ledger) tellDocuments(v *View, before, book *policy.Book, say func(Line)) {
	was, is := before.Versions(), book.Versions()
	var changed []string
	for path := range is {
		if isOther(before, book, path) {
			changed = append(changed, path)
		}
	}
	for path := range was {
		if _, ok := is[path]; !ok {
			changed = append(changed, path)
		}
	}
	slices.Sort(changed)
	for _, path := range changed {
		line := Line{Event: Document, Document: documentOf(book, path), By: l.by(v, book, path)}
		if _, ok := was[path]; ok {
			line.Was = documentOf(before, path)
		}
		if _, ok := is[path]; !ok {
			line.Reason = "the document is gone"
		} else if book.Withdrawn(path) {
			line.Reason = "the document was deleted"
		}
		say(line)
	}
}

// tellBrakes tells of stops and the freeze, those of the Corefile included.
func tellBrakes(before, book *policy.Book, say func(Line)) {
	had, has := stopsOf(before), stopsOf(book)
	control := documentOf(book, "control")
	for _, scope := range has {
		if !slices.Contains(had, scope) {
			say(Line{Event: Stopped, Scope: scope, Document: control})
		}
	}
	for _, scope := range had {
		if !slices.Contains(has, scope) {
			say(Line{Event: Lifted, Scope: scope, Document: control})
		}
	}
	was, is := before.Freeze(), book.Freeze()
	switch {
	case was.Equal(is):
	case is.IsZero():
		say(Line{Event: Thawed, Old: stamp(was), Document: control})
	default:
		say(Line{Event: Frozen, Old: stamp(was), New: stamp(is), Document: control})
	}
}

func stopsOf(b *policy.Book) []string {
	list := make([]string, 0, len(b.Stops()))
	for _, s := range b.Stops() {
		list = append(list, s.String())
	}
	return list
}

// tellRejections tells what is rejected, once for as long as it is.
func tellRejections(before, now []policy.Rejection, say func(Line)) {
	had, has := byKey(before), byKey(now)
	for _, r := range now {
		if _, known := had[r.Key()]; !known {
			say(rejectionLine(Rejected, r))
		}
	}
	for _, r := range before {
		if _, still := has[r.Key()]; !still {
			say(rejectionLine(Corrected, r))
		}
	}
}

func byKey(list []policy.Rejection) map[policy.Rejection]bool {
	all := make(map[policy.Rejection]bool, len(list))
	for _, r := range list {
		all[r.Key()] = true
	}
	return all
}

func rejectionLine(event Event, r policy.Rejection) Line {
	line := Line{Event: event, Name: r.Name, Document: r.Path + "@" + r.Version, Field: r.Field, Reason: r.Reason}
	if parts := strings.Split(r.Path, "/"); parts[0] == "accounts" && len(parts) == 4 {
		line.Team, line.Issuer, line.Account = parts[1], parts[2], parts[3]
	}
	return line
}

func pinText(p policy.Pin) []string {
	if p == (policy.Pin{}) {
		return nil
	}
	return []string{strings.TrimSpace(p.ID + " " + strconv.Itoa(p.Generation))}
}

func stamp(t time.Time) []string {
	if t.IsZero() {
		return nil
	}
	return []string{t.UTC().Format(time.RFC3339)}
}

// restand tells anew what holds of every store and of all keys.
func (l *Ledger) restand(at time.Time) {
	for _, source := range slices.Sorted(maps.Keys(l.sources)) {
		s := l.sources[source]
		say := func(line Line) {
			line.At, line.Source = at, source
			l.say(line)
		}
		if s.refused != "" {
			say(Line{Event: Refused, Reason: s.refused})
		}
		if s.book != nil {
			tellBrakes(&policy.Book{}, s.book, say)
		}
	}
}
