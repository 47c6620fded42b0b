package audit

import (
	"container/heap"
	"maps"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// View is the zones of a stanza, and what they are served from. It is made by
// [NewView], and belongs to one ledger.
type View struct {
	Source string           // the store, without secrets
	Now    func() time.Time // the clock that its answers go by; for a Log only
	zones  map[string]*zone.Zone
	find   func(record.FQDN) *zone.Zone
	author func(path, version string) *store.Author

	left  bool
	at    time.Time // up to which everything was told
	edges edges
	held  map[*cohort]struct{} // that only another book brings on
}

// NewView returns a view of zones. find returns the one in which the owner of an
// FQDN lies, nil where it lies in none. author tells who wrote a version of a document,
// nil where that is not known; it may be nil itself.
func NewView(source string, zones []*zone.Zone, find func(record.FQDN) *zone.Zone, author func(path, version string) *store.Author) *View {
	v := &View{Source: source, zones: map[string]*zone.Zone{}, find: find, author: author, held: map[*cohort]struct{}{}}
	for _, z := range zones {
		v.zones[z.Origin] = z
	}
	if author == nil {
		v.author = func(string, string) *store.Author { return nil }
	}
	return v
}

// forget drops what a ledger kept in v, for another ledger.
func (v *View) forget() { v.at, v.edges, v.held = time.Time{}, nil, map[*cohort]struct{}{} }

// Ledger is what was said to be served. Several views may share one: of each
// zone the view that came last speaks, so that a reload goes on from what was
// said before it. It is for one goroutine at a time.
type Ledger struct {
	say     func(Line)
	zones   map[string]*served
	ranks   map[*View]int // in the order they came
	rank    int
	sources map[string]*standing // by store
	rings   map[string]*ring     // by where keys are
	notes   notes
	changed map[*policy.Grant]bool   // told of by name, while a book is taken
	asked   map[string]*store.Author // by path, while a book is taken
}

// NewLedger returns a ledger that says its lines to say, without sequence.
func NewLedger(say func(Line)) *Ledger {
	return &Ledger{
		say: say, zones: map[string]*served{}, ranks: map[*View]int{},
		sources: map[string]*standing{}, rings: map[string]*ring{}, notes: notes{},
	}
}

// served is one zone.
type served struct {
	*zone.Zone
	view    *View
	book    *policy.Book
	cohorts map[policy.Terms]*cohort
	digest  digest
}

// cohort returns the one of the terms, which is made where there is none.
func (s *served) cohort(t *policy.Terms, at time.Time) *cohort {
	c := s.cohorts[*t]
	if c == nil {
		c = &cohort{zone: s, terms: *t, index: -1}
		s.cohorts[*t] = c
		term := s.Term(s.book, c.grant(), at)
		c.take(term, at)
		s.view.plan(c, term, at)
	}
	return c
}

// enter adds a grant that may be served, and drop takes it out.
func (s *served) enter(g *policy.Grant, at time.Time) *cohort {
	c := s.cohort(g.Terms, at)
	c.names++
	s.digest.add(g)
	return c
}

func (s *served) drop(g *policy.Grant) *cohort {
	c := s.cohorts[*g.Terms]
	s.digest.remove(g)
	if c.names--; c.names == 0 {
		s.view.unplan(c)
		delete(s.cohorts, c.terms)
	}
	return c
}

// back is by how much less an instant goes back only because two who looked at
// the clock came in another order.
const back = time.Minute

// instant is at, or the instant up to which was told already where at is a moment
// before that.
func (v *View) instant(at time.Time) time.Time {
	if at.Before(v.at) && v.at.Sub(at) < back {
		return v.at
	}
	return at
}

// Advance says what time has changed up to the instant at, each change as of
// when it was one. Where the clock was set back, everything is looked at again.
func (l *Ledger) Advance(v *View, at time.Time) {
	at = v.instant(at)
	rewound := at.Before(v.at)
	if v.at = at; rewound {
		l.rewind(v, at)
	}
	var early []*cohort
	for len(v.edges) > 0 && !v.edges[0].due.After(at) {
		edge := v.edges[0].due
		for len(v.edges) > 0 && v.edges[0].due.Equal(edge) {
			c := heap.Pop(&v.edges).(*cohort)
			if c.zone.book.Clock(at).Before(edge) { // the clock of this server runs ahead
				early = append(early, c)
				continue
			}
			l.judge(c, c.zone.book, edge)
		}
		l.summarise(edge)
	}
	for _, c := range early {
		heap.Push(&v.edges, c)
	}
}

// rewind says what is the case at an instant before the one told of last.
func (l *Ledger) rewind(v *View, at time.Time) {
	for _, origin := range slices.Sorted(maps.Keys(v.zones)) {
		s := l.zones[origin]
		if s == nil || s.view != v {
			continue
		}
		instant := s.book.Clock(at)
		for _, c := range slices.Collect(maps.Values(s.cohorts)) {
			l.judge(c, s.book, instant)
		}
		l.summarise(instant)
	}
}

// Next is when time changes something, zero if nothing will.
func (l *Ledger) Next(v *View) time.Time {
	if len(v.edges) == 0 {
		return time.Time{}
	}
	return v.edges[0].due
}

// judge says what has become of a cohort at the instant at. Its names are those
// that named has on its terms.
func (l *Ledger) judge(c *cohort, named *policy.Book, at time.Time) {
	t := c.zone.Term(c.zone.book, c.grant(), at)
	c.zone.view.plan(c, t, at)
	if t.Stale {
		if c.served && !c.stale {
			l.notes.hold(Stale, c)
		}
		c.stale = true
		return
	}
	if c.stale && c.served {
		l.notes.hold(Vouched, c)
	}
	c.stale = false
	before := *c
	c.served, c.until, c.as = t.Served, t.Until, at
	switch {
	case before.served && !c.served:
		l.each(&before, c, named, Line{Event: Expired})
	case !before.served && c.served:
		l.each(&before, c, named, Line{Event: Begun})
	case c.served && c.hasOthers(&before):
		l.each(&before, c, named, Line{Event: Altered, Reason: "overlap"})
	case c.served && !before.until.Equal(c.until) && c.class() != class{}:
		l.notes.rotate(c, before.until)
	case c.served && !before.until.Equal(c.until):
		l.each(&before, c, named, Line{Event: Altered, Reason: "freeze"})
	}
}

// each tells of every name of a cohort that before has become after, as what says.
func (l *Ledger) each(before, after *cohort, named *policy.Book, what Line) {
	for g := range named.On(after.terms) {
		if s := after.zone; l.changed[g] || l.in(s.view, g) != s {
			continue
		}
		line := after.line(what.Event, g.FQDN)
		line.At, line.Old, line.New, line.Reason = after.as, before.texts(g), after.texts(g), what.Reason
		l.say(line)
	}
}

// in returns the zone of a grant for which v speaks, nil if there is none.
func (l *Ledger) in(v *View, g *policy.Grant) *served {
	z := v.find(g.FQDN)
	if z == nil {
		return nil
	}
	if s := l.zones[z.Origin]; s != nil && s.view == v {
		return s
	}
	return nil
}

// Take says what book changes at the instant at, which is by the clock that
// answers of v go by, and makes it that of v's zones. A view that has left is
// not listened to any more.
func (l *Ledger) Take(v *View, book *policy.Book, at time.Time) {
	if v.left {
		return
	}
	l.join(v)
	l.asked = map[string]*store.Author{}
	at = v.instant(at)
	l.Advance(v, at)
	instant := book.Clock(at)
	l.stand(v, book, instant)
	fresh, known := l.claim(v, at)
	for _, zones := range known {
		l.turn(v, zones, book, instant)
	}
	l.open(v, book, fresh, instant)
}

func (l *Ledger) join(v *View) {
	if l.ranks[v] == 0 {
		l.rank++
		l.ranks[v] = l.rank
	}
}

// claim returns the zones of v of which nothing was said yet, and those that v
// speaks for from now on, each list with one book.
func (l *Ledger) claim(v *View, at time.Time) (fresh []*served, known [][]*served) {
	by := map[*policy.Book]int{}
	for _, origin := range slices.Sorted(maps.Keys(v.zones)) {
		s := l.zones[origin]
		switch {
		case s == nil:
			s = &served{Zone: v.zones[origin], view: v, cohorts: map[policy.Terms]*cohort{}}
			l.zones[origin] = s
			fresh = append(fresh, s)
			continue
		case l.ranks[s.view] > l.ranks[v]:
			continue
		case s.view != v:
			l.Advance(s.view, at)
		}
		i, ok := by[s.book]
		if !ok {
			i = len(known)
			by[s.book], known = i, append(known, nil)
		}
		known[i] = append(known[i], s)
	}
	return fresh, known
}

// Leave ends what v speaks for.
func (l *Ledger) Leave(v *View, at time.Time) {
	l.Advance(v, at)
	for _, origin := range slices.Sorted(maps.Keys(v.zones)) {
		if s := l.zones[origin]; s != nil && s.view == v {
			delete(l.zones, origin)
			l.say(Line{At: s.book.Clock(at), Event: Left, Zone: origin})
		}
	}
	delete(l.ranks, v)
	v.left = true
}

const mostNames = 500 // in a line

// open tells what is served in zones that nothing was said of yet.
func (l *Ledger) open(v *View, book *policy.Book, fresh []*served, at time.Time) {
	if len(fresh) == 0 {
		return
	}
	isFresh := map[*served]bool{}
	for _, s := range fresh {
		isFresh[s], s.book = true, book
	}
	for g := range book.All() {
		if s := l.in(v, g); g.Withheld == "" && isFresh[s] {
			s.enter(g, at)
		}
	}
	l.state(v, book, isFresh, at)
}

// Restate tells everything that is served anew, for a reader who has missed
// some of it.
func (l *Ledger) Restate(v *View, at time.Time) {
	l.Advance(v, at)
	of := map[*policy.Book]map[*served]bool{}
	for _, origin := range slices.Sorted(maps.Keys(v.zones)) {
		if s := l.zones[origin]; s != nil && s.view == v {
			if of[s.book] == nil {
				of[s.book] = map[*served]bool{}
			}
			of[s.book][s] = true
		}
	}
	for book, zones := range of {
		l.state(v, book, zones, book.Clock(at))
	}
}

// state tells what is served in zones by a book. Names of an account with the
// same records share a line.
func (l *Ledger) state(v *View, book *policy.Book, zones map[*served]bool, at time.Time) {
	batch := newBatch(l.say)
	var last *policy.Terms
	for g := range book.All() {
		s := l.in(v, g)
		if g.Withheld != "" || !zones[s] {
			continue
		}
		if last != nil && (g.Team != last.Team || g.Issuer != last.Issuer || g.Account != last.Account) {
			batch.flush()
		}
		last = g.Terms
		c := s.cohorts[*g.Terms]
		if texts := c.texts(g); texts != nil {
			batch.add(c, g.FQDN, texts, at)
		}
	}
	batch.flush()
	for _, origin := range slices.Sorted(maps.Keys(v.zones)) {
		if s := l.zones[origin]; zones[s] && len(s.cohorts) == 0 {
			l.say(Line{At: at, Event: Serving, Zone: origin, Source: v.Source, Digest: s.digest.String()})
		}
	}
}

// documentOf is path@version.
func documentOf(b *policy.Book, path string) string {
	if version := b.Version(path); version != "" {
		return path + "@" + version
	}
	return path
}

// isOther reports whether a document is not what it was in the book before.
func isOther(before, book *policy.Book, path string) bool {
	return book.Version(path) != before.Version(path) || book.Withdrawn(path) != before.Withdrawn(path)
}

// by is who made a document what it is in a book, asked once for each book.
func (l *Ledger) by(v *View, b *policy.Book, path string) *store.Author {
	version := b.Version(path)
	if version == "" {
		return nil
	}
	if _, ok := l.asked[path]; !ok {
		l.asked[path] = v.author(path, version)
	}
	return l.asked[path]
}

// batch gathers the names of an account that share a line.
type batch struct {
	say   func(Line)
	lines map[*cohort]*Line
	order []*cohort
}

func newBatch(say func(Line)) *batch { return &batch{say: say, lines: map[*cohort]*Line{}} }

// add takes a name. It shares the line of the one before it in the cohort if
// that has the same records, and does not where they are hashed.
func (b *batch) add(c *cohort, name record.FQDN, texts []string, at time.Time) {
	line := b.lines[c]
	if line != nil && (len(line.Names) == mostNames || !slices.Equal(line.New, texts)) {
		b.say(*line)
		line = nil
	}
	if line == nil {
		made := c.line(Serving, "")
		made.At, made.New, made.Stale = at, texts, c.stale
		line = &made
		if b.lines[c] == nil {
			b.order = append(b.order, c)
		}
		b.lines[c] = line
	}
	line.Names = append(line.Names, name)
	line.Count = len(line.Names)
}

// flush says the lines of an account.
func (b *batch) flush() {
	for _, c := range b.order {
		b.say(*b.lines[c])
	}
	clear(b.lines)
	b.order = b.order[:0]
}
