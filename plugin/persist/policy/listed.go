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
	at := b.ListedAt(name)
	if lowest, ok := b.listings.below[suffix(name)]; ok {
		at = earlier(at, b.Clock(lowest))
	}
	return at
}

// ListedAt is when the store last vouched for there being no more grants at name
// itself than the book has.
func (b *Book) ListedAt(name record.FQDN) time.Time {
	s, _ := b.owners.suffixOf(name)
	return b.Clock(b.claimed(s))
}

// ListedBetween is when the store last vouched for there being no more grants than
// the book has at names behind from and before to, in canonical order; where to is not
// behind from, as with the last NSEC record of a zone, which leads to the apex, at
// all names below to that are behind from.
func (b *Book) ListedBetween(from, to record.FQDN) time.Time {
	at := b.listings.general
	// All below a suffix is one run (RFC 4034 section 6.1). The names between are in
	// the suffix that from is in, where that ends in the next longer one, and so on up to
	// the one that to is in too,
	for s, ok := b.owners.suffixOf(from); ok; s, ok = b.owners.suffixAbove(s) {
		at = earlier(at, b.claimed(s))
		if s.covers(to) {
			break
		}
	}
	// and in those that begin between.
	for _, s := range b.owners.behind(from) {
		if !isBetween(from, record.FQDN(s), to) {
			break
		}
		at = earlier(at, b.claimed(s))
	}
	return b.Clock(at)
}

// isBetween reports whether name, which is not before from, is before to, or below it
// where that is not behind from.
func isBetween(from, name, to record.FQDN) bool {
	if compareNames(from, to) < 0 {
		return compareNames(name, to) < 0
	}
	return suffix(to).covers(name)
}

// claimed is when the folders were listed in which a grant of a claimed suffix could
// stand, but for those of suffixes below. What nobody claims is in the general ones.
func (b *Book) claimed(s suffix) time.Time {
	at := b.listings.general
	for _, slug := range b.owners.claims[s] {
		at = earlier(at, b.listings.team(slug))
	}
	return at
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
