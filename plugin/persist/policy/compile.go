package policy

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store"
)

// editions are what every document counts for.
type editions struct {
	config    *edition[config]
	control   *edition[control] // nil if there never was one
	braked    time.Time         // when the store was last asked for one
	issuers   map[string]*edition[issuer]
	teams     map[string]*edition[team]
	accounts  map[place]*edition[account]
	versions  map[string]string // of the newest version, by path
	withdrawn map[string]bool   // whether that is deleted, by path
	strays    []Rejection       // documents that stand where none belongs
}

// Compile makes a book of the documents in s. prev is the book before, or nil:
// it knows the last valid version of each document, and what has not changed
// is taken from it. Only changed documents are decoded.
func Compile(prev *Book, s *store.Snapshot, brakes Brakes) *Book {
	if prev == nil {
		prev = &Book{}
	}
	b := &Book{editions: prev.advance(s), brakes: brakes, accounts: map[place]*compiled{}, date: s.Date, dateAt: s.DateAt}
	if b.control != nil && b.control.best() != nil {
		b.brakes = brakes.join(b.control.best().brakes)
	}
	b.stops = prev.stops.with(b.brakes.Stops)
	b.owners = newOwnership(prev.owners, b.bestTeams())
	b.compileAccounts(prev)
	b.names = index(prev.names, prev.sorted, b.sorted)
	b.aliases = aliases(prev.aliases, prev.names, b.names)
	b.listings = newListings(s, b.general(), b.owners)
	b.rejected = b.gather()
	b.fit = prev.fit || b.unfit() == nil
	return b
}

// with returns the stops of scopes: s itself, which may be nil, where they are
// the same.
func (s *stops) with(scopes []Scope) *stops {
	next := newStops(scopes)
	if s != nil && slices.Equal(s.scopes, next.scopes) {
		return s
	}
	return next
}

// advance returns the editions of the documents in s, where e are those of the
// snapshot before.
func (e *editions) advance(s *store.Snapshot) editions {
	next := editions{
		config:    nextConfig(e.config, s.Document(store.ConfigPath)),
		control:   nextControl(e.control, s.Document(store.ControlPath), s.Braked),
		braked:    s.Braked,
		issuers:   map[string]*edition[issuer]{},
		teams:     map[string]*edition[team]{},
		accounts:  map[place]*edition[account]{},
		versions:  make(map[string]string, len(s.Documents)),
		withdrawn: map[string]bool{},
	}
	for i := range s.Documents {
		d := &s.Documents[i]
		next.versions[d.Path] = d.Version
		if d.Withdrawn {
			next.withdrawn[d.Path] = true
		}
		if slug, ok := parseSlug("issuers", d.Path); ok {
			next.issuers[slug] = issuers.advance(e.issuers[slug], d)
		} else if slug, ok := parseSlug("teams", d.Path); ok {
			next.teams[slug] = teams.advance(e.teams[slug], d)
		} else if p, ok := parsePlace(d.Path); ok {
			next.accounts[p] = accounts.advance(e.accounts[p], d)
		} else if isStray(d) {
			next.strays = wholly("is no policy document: write config, control, index, issuers/ISSUER, teams/TEAM or accounts/TEAM/ISSUER/NAME, of a-z, 0-9 and -").reject(next.strays, d)
		}
	}
	return next
}

// isStray reports whether d stands where none belongs. One that is deleted is out
// of the way already, though the store goes on to list it.
func isStray(d *store.Document) bool {
	return !d.Withdrawn && !IsPath(d.Path)
}

// general is when the store last vouched for the documents that everything
// rests on.
func (e *editions) general() time.Time {
	at := e.braked
	if e.config != nil {
		at = earlier(at, e.config.confirmed)
	}
	if e.control != nil {
		at = earlier(at, e.control.confirmed)
	}
	return at
}

// bestTeams returns what counts, or else could be read, of every team: one
// whose document was never valid owns what it claims, and grants nothing.
func (e *editions) bestTeams() map[string]*team {
	all := make(map[string]*team, len(e.teams))
	for slug, t := range e.teams {
		if best := t.best(); best != nil {
			all[slug] = best
		}
	}
	return all
}

// compileAccounts makes the grants of every account, in the order of places,
// so that it is the same ones that a team has too many of on every server.
func (b *Book) compileAccounts(prev *Book) {
	taken := map[string]int{}
	d := newDifference(prev, b)
	for _, p := range slices.SortedFunc(maps.Keys(b.editions.accounts), comparePlaces) {
		e := b.editions.accounts[p]
		if e.counts == nil {
			continue
		}
		c := b.compile(b.basis(p, e.counts, taken[p.team]), prev.accounts[p], d)
		taken[p.team] += c.accepted
		b.wide += c.wide
		b.accounts[p] = c
		b.sorted = append(b.sorted, c)
	}
}

// basis is that of an account at p, where its team has taken so many grants
// already.
func (b *Book) basis(p place, a *account, taken int) basis {
	in := basis{place: p, account: a}
	if i := b.issuers[p.issuer]; i != nil {
		in.issuer = i.counts
	}
	if t := b.teams[p.team]; t != nil && t.counts != nil {
		in.team = t.counts
		in.room = min(len(a.domains), max(0, in.team.maxGrants-taken))
	}
	return in
}

// compile makes the grants of one account, unless what decides on them is as it
// was for prev.
func (b *Book) compile(in basis, prev *compiled, d *difference) *compiled {
	if prev != nil && in.alike(prev.basis) && !d.touches(in) {
		return prev.renewed(in)
	}
	return in.compile(prev, b.owners, b.stops)
}

// gather collects what was rejected anywhere, no more than a hundred faults of
// each document.
func (b *Book) gather() []Rejection {
	list := slices.Clone(b.strays)
	if b.config != nil {
		list = b.config.faults.reject(list, &b.config.seen)
	}
	if b.control != nil {
		list = b.control.faults.reject(list, &b.control.seen)
	}
	for _, e := range b.issuers {
		list = e.faults.reject(list, &e.seen)
	}
	conflicts := b.owners.conflicts()
	for slug, e := range b.teams {
		list = e.faults.with(conflicts[slug]).reject(list, &e.seen)
	}
	for p, e := range b.editions.accounts {
		all := e.faults
		if c := b.accounts[p]; c != nil {
			all = all.with(c.rejected)
		}
		list = all.reject(list, &e.seen)
	}
	slices.SortStableFunc(list, func(x, y Rejection) int { return cmp.Compare(x.Path, y.Path) })
	return list
}
