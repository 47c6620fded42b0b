package policy

import (
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// listings says since when the absence of names is vouched for.
type listings struct {
	general time.Time            // for names that no team claims
	teams   map[string]time.Time // for what a team owns, by slug
	below   map[suffix]time.Time // the earliest of the teams with a suffix below a name
}

// newListings brings together the folders in which a grant could stand.
func newListings(s *store.Snapshot, general time.Time, owners *ownership) listings {
	l := listings{
		general: earlier(general, earlier(s.Listed["teams"], s.Listed["accounts"])),
		teams:   map[string]time.Time{},
		below:   map[suffix]time.Time{},
	}
	for slug := range owners.teams {
		l.teams[slug] = l.general
	}
	for folder, at := range s.Listed {
		if slug := teamOf(folder); slug != "" {
			l.teams[slug] = earlier(at, l.team(slug))
		}
	}
	for up, suffixes := range owners.within {
		for _, s := range suffixes {
			for _, slug := range owners.claims[s] {
				l.lower(up, l.team(slug))
			}
		}
	}
	return l
}

func (l listings) team(slug string) time.Time {
	if at, ok := l.teams[slug]; ok {
		return at
	}
	return l.general
}

func (l listings) lower(s suffix, at time.Time) {
	if have, ok := l.below[s]; !ok || at.Before(have) {
		l.below[s] = at
	}
}

// Listed is when the store last vouched for there being no more grants at or
// below name than the book has.
func (b *Book) Listed(name record.FQDN) time.Time {
	at := b.listings.general
	if s, ok := b.owners.suffixOf(name); ok {
		for _, slug := range b.owners.claims[s] {
			at = earlier(at, b.listings.team(slug))
		}
	}
	if lowest, ok := b.listings.below[suffix(name)]; ok {
		at = earlier(at, lowest)
	}
	return b.Clock(at)
}

// teamOf returns the slug of the team whose accounts a folder holds, empty for
// other folders.
func teamOf(folder string) string {
	rest, _ := strings.CutPrefix(folder, "accounts/")
	slug, _, _ := strings.Cut(rest, "/")
	if rest == folder || !isSlug(slug) {
		return ""
	}
	return slug
}
