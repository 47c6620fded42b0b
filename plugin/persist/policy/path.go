package policy

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/store"
)

// slugs are what paths consist of; names and URIs live in the documents.
var slugs = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

func isSlug(s string) bool { return slugs.MatchString(s) }

// place is where an account document stands: accounts/team/issuer/name.
type place struct{ team, issuer, name string }

func parsePlace(path string) (place, bool) {
	parts := strings.Split(path, "/")
	if len(parts) != 4 || parts[0] != "accounts" || !isSlug(parts[1]) || !isSlug(parts[2]) || !isSlug(parts[3]) {
		return place{}, false
	}
	return place{parts[1], parts[2], parts[3]}, true
}

// path is the inverse of parsePlace.
func (p place) path() string { return "accounts/" + p.team + "/" + p.issuer + "/" + p.name }

func comparePlaces(a, b place) int {
	return cmp.Or(strings.Compare(a.team, b.team), strings.Compare(a.issuer, b.issuer), strings.Compare(a.name, b.name))
}

// parseSlug returns what follows folder/ in path.
func parseSlug(folder, path string) (string, bool) {
	slug, ok := strings.CutPrefix(path, folder+"/")
	return slug, ok && isSlug(slug)
}

// IsPath reports whether a server looks for a document at path: config, control,
// index, issuers/ISSUER, teams/TEAM or accounts/TEAM/ISSUER/NAME, of slugs. Such a
// path is safe as the name of a file.
func IsPath(path string) bool {
	_, isIssuer := parseSlug("issuers", path)
	_, isTeam := parseSlug("teams", path)
	_, isAccount := parsePlace(path)
	return isIssuer || isTeam || isAccount || slices.Contains([]string{store.ConfigPath, store.ControlPath, store.IndexPath}, path)
}
