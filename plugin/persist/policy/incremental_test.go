package policy_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The names of a small world, in which every change meets many of the others.
var (
	someSuffixes = []string{".", "test", "a.test", "b.a.test", "c.b.a.test", "d.test", "e.d.test"}
	someNames    = []string{"test", "a.test", "x.a.test", "b.a.test", "x.b.a.test", "c.b.a.test", "y.x.c.b.a.test", "d.test", "e.d.test", "z.y.x.e.d.test", "other", aLongName, "w." + aLongName}
	someTeams    = []string{"red", "green", "blue"}
	someIssuers  = []string{"ca", "ra"}
	someStops    = []string{"all", "issuer:ra", "team:red", "account:green/ca/1", "uri:" + uri, "uri:https://ca.example/acct/7", "domain:a.test", "domain:y.x.c.b.a.test", "domain:e.d.test"}
	moreStops    = []string{"issuer:ca", "team:blue", "account:red/ra/2", "uri:https://ca.example/acct/9", "domain:test", "domain:q.x.a.test", "domain:c.b.a.test", "domain:z.y.x.e.d.test"}
)

var aLongName = strings.Repeat("long.", 30) + "d.test"

// A book that is compiled after others takes over what an edit does not touch,
// so it must be told apart from one that takes over nothing.
func TestABookThatTakesOverIsTheOneThatDoesNot(t *testing.T) {
	idle := map[bool]int{}
	for seed := range uint64(100) {
		w := &world{Rand: rand.New(rand.NewPCG(seed, 1)), documents: standard(), version: map[string]int{}, members: map[string][]string{}}
		var b *policy.Book
		for step := range 60 {
			edited := w.edit()
			if w.IntN(3) == 0 {
				edited += w.brake(t)
			}
			before := b
			b = policy.Compile(before, w.snapshot(step), w.brakes)
			if diff := cmp.Diff(contents(b.Anew()), contents(b), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("Seed %d, step %d: after %s the book differs (-anew +got):\n%s", seed, step, edited, diff)
			}
			checkChanges(t, before, b)
			checkIdle(t, b, w.snapshot(step), idle)
			checkAliases(t, b)
		}
	}
	if idle[true] < 100 || idle[false] < 100 {
		t.Errorf("Too few stops were looked at: %v", idle)
	}
}

// contents is everything that a book says of grants and names.
func contents(b *policy.Book) map[string]any {
	all := map[string]any{}
	for g := range b.Grants() {
		all[fmt.Sprint("grant ", g.FQDN, " ", g.Path())] = fmt.Sprintf("%+v %v", *g.Terms, g.Promises())
	}
	for _, name := range slices.Concat(someNames, someSuffixes, []string{"x.test", "y.test", "x.c.b.a.test", "x.e.d.test", "y.x.e.d.test"}) {
		fqdn := record.FQDN(strings.TrimSuffix(name, "."))
		all["exists "+name] = b.Contains(fqdn)
		all["listed "+name] = b.Lookup(fqdn) != nil
		for _, g := range b.Lookup(fqdn) {
			all["paths "+name] = fmt.Sprint(all["paths "+name], " ", g.Path())
		}
	}
	for name, grants := range b.Names() {
		all["name "+string(name)] = len(grants)
	}
	all["rejections"] = b.Rejections()
	return all
}

// checkChanges holds what a book says has changed against what has.
func checkChanges(t *testing.T, before, b *policy.Book) {
	t.Helper()
	if before == nil {
		return
	}
	had, has := slices.Collect(before.All()), slices.Collect(b.All())
	kept := map[*policy.Grant]bool{}
	for _, g := range has {
		kept[g] = true
	}
	gone := map[*policy.Grant]bool{}
	for _, g := range had {
		if !kept[g] {
			gone[g] = true
		}
	}
	if got := set(b.Gone(before)); !maps.Equal(got, gone) {
		t.Fatalf("Expected %d grants to be gone, got %d", len(gone), len(got))
	}
	if same := len(gone) == 0 && len(had) == len(has) && b.Freeze().Equal(before.Freeze()); same != b.SameGrants(before) {
		t.Fatalf("Expected that the grants are the same to be %t", same)
	}
	for _, name := range someSuffixes {
		fqdn := record.FQDN(strings.TrimSuffix(name, "."))
		below := func(g *policy.Grant) bool {
			return name == "." || string(g.FQDN) == name || strings.HasSuffix(string(g.FQDN), "."+name)
		}
		want := filter(has, below)
		got := map[*policy.Grant]bool{}
		for fqdn, grants := range b.Below(fqdn) {
			for _, g := range grants {
				if got[g] || g.FQDN != fqdn {
					t.Fatalf("Below %s: expected each name once with its grants, got %s again", name, g.FQDN)
				}
				got[g] = true
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("Below %s: expected %d grants, got %d", name, len(want), len(got))
		}
		if same := maps.Equal(filter(had, below), want) && b.Freeze().Equal(before.Freeze()); same != b.SameGrantsBelow(before, fqdn) {
			t.Fatalf("Below %s: expected that the grants are the same to be %t", name, same)
		}
	}
}

// checkIdle holds the stops that a book takes for idle against what each does
// alone.
func checkIdle(t *testing.T, b *policy.Book, s *store.Snapshot, seen map[bool]int) {
	t.Helper()
	free := policy.Compile(b, s, policy.Brakes{})
	if len(free.Stops()) > 0 {
		return // what control stops, no book is without
	}
	idle := b.Idle()
	for _, stop := range b.Stops() {
		stopped := policy.Compile(free, s, policy.Brakes{Stops: []policy.Scope{stop}})
		if want, got := stopped.SameGrants(free) && stop.String() != "all", slices.Contains(idle, stop); got != want {
			t.Fatalf("Expected that %s is idle to be %t, got %t", stop, want, got)
		}
		seen[slices.Contains(idle, stop)]++
	}
}

// checkAliases holds what a book says of long names against its names.
func checkAliases(t *testing.T, b *policy.Book) {
	t.Helper()
	for _, name := range slices.Concat(someNames, []string{"long.d.test", "long." + aLongName}) {
		fqdn := record.FQDN(name)
		if _, ok := b.Aliased(fqdn.Alias()); ok != (len(name) > record.MostPlain && b.Lookup(fqdn) != nil) {
			t.Fatalf("Expected that there is an alias of %s to be %t", name, !ok)
		}
		plain := false
		for granted := range b.Names() {
			plain = plain || len(granted) <= record.MostPlain && strings.HasSuffix("."+string(granted), "."+name)
		}
		if got := b.ContainsPlain(fqdn); got != plain {
			t.Fatalf("Expected that names which are not long exist at or below %s to be %t", name, plain)
		}
	}
}

func set(grants func(func(*policy.Grant) bool)) map[*policy.Grant]bool {
	all := map[*policy.Grant]bool{}
	for g := range grants {
		all[g] = true
	}
	return all
}

func filter(grants []*policy.Grant, want func(*policy.Grant) bool) map[*policy.Grant]bool {
	all := map[*policy.Grant]bool{}
	for _, g := range grants {
		if want(g) {
			all[g] = true
		}
	}
	return all
}

// world is documents that are edited at random.
type world struct {
	*rand.Rand
	documents
	version map[string]int
	members map[string][]string // of each document, of which an edit changes one
	brakes  policy.Brakes       // of the Corefile
}

// brake changes the brakes of the Corefile, and says to what.
func (w *world) brake(t *testing.T) string {
	t.Helper()
	w.brakes = policy.Brakes{}
	for _, stop := range slices.Concat(someStops, moreStops) {
		if w.IntN(8) == 0 {
			w.brakes.Stops = append(w.brakes.Stops, scope(t, stop))
		}
	}
	if w.IntN(4) == 0 {
		w.brakes.Freeze = written.AddDate(0, 1, w.IntN(3))
	}
	return fmt.Sprintf(" and the brakes %v", w.brakes)
}

func (w *world) snapshot(step int) *store.Snapshot {
	s := w.Snapshot(1, read.Add(time.Duration(step)*time.Minute))
	for i := range s.Documents {
		d := &s.Documents[i]
		d.Version = fmt.Sprint(w.version[d.Path])
		d.Created = written.Add(time.Duration(w.version[d.Path]) * time.Minute)
	}
	return s
}

// edit writes, breaks or deletes one document, and says what it did.
func (w *world) edit() string {
	path, body := w.document()
	switch w.IntN(12) {
	case 0:
		delete(w.documents, path)
		return "removing " + path
	case 1:
		body = "-"
	case 2:
		body = strings.TrimSuffix(body, "}") + `, "typo": 1}`
	}
	w.documents[path] = body
	w.version[path]++
	return path + " " + body
}

// document changes one member of a document.
func (w *world) document() (path, body string) {
	team, issuer := w.one(someTeams), w.one(someIssuers)
	path = w.one([]string{"control", "issuers/" + issuer, "teams/" + team, "teams/" + team, "accounts/" + team + "/" + issuer + "/1", "accounts/" + team + "/" + issuer + "/2"})
	rolled := w.roll(path)
	members := w.members[path]
	if members == nil {
		members = rolled
	}
	i := w.IntN(len(members))
	members[i] = rolled[i]
	w.members[path] = members
	return path, "{" + strings.Join(slices.DeleteFunc(slices.Clone(members), func(m string) bool { return m == "" }), ", ") + "}"
}

// roll makes up the members of a document.
func (w *world) roll(path string) []string {
	switch folder, _, _ := strings.Cut(path, "/"); folder {
	case "control":
		return []string{`"stop": [` + w.some(someStops, 6, `"%s"`) + `]`, w.maybe(`"freeze_at": "2026-12-01T00:00:00Z"`)}
	case "issuers":
		return []string{
			`"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"]`, w.maybe(`"account_hash_prefix": "https://ca.example/hash/"`),
			w.mostly(`"wildcard": true`), w.maybe(`"account_hash_prefix": "https://ca.example/h/", "forms": ["uri", "hash"]`), w.maybe(`"enabled": false`),
		}
	case "teams":
		return []string{
			`"issuers": ["ca"` + w.maybe(`, "ra"`) + `]`, `"domains": [` + w.some(someSuffixes, 3, `"%s"`) + `]`, `"reach": [` + w.some(someSuffixes, 3, `"%s"`) + `]`,
			w.mostly(`"wildcard": true`), fmt.Sprintf(`"max_grants": %d`, 2+w.IntN(9)), w.maybe(`"enabled": false`),
		}
	}
	return []string{
		`"account_uri": "` + uri + `"`, `"thumbprints": ["` + thumbprint + `"]`, w.maybe(`"until": {"floor": "48h"}`),
		w.maybe(`"overlap": {"until": "2026-12-01T00:00:00Z", "account_uri": "https://ca.example/acct/7", "forms": ["hash"]}`),
		`"domains": {` + w.some(someNames, 2, `"%s": {"wildcard": `+fmt.Sprint(w.IntN(2) == 0)+`}`) + `}`,
	}
}

func (w *world) one(list []string) string { return list[w.IntN(len(list))] }

// some is about one of n in list, in a format.
func (w *world) some(list []string, n int, format string) string {
	var all []string
	for _, one := range list {
		if w.IntN(n) == 0 {
			all = append(all, fmt.Sprintf(format, one))
		}
	}
	return strings.Join(all, ", ")
}

func (w *world) mostly(text string) string {
	if w.maybe(text) != "" {
		return ""
	}
	return text
}

func (w *world) maybe(text string) string {
	if w.IntN(3) > 0 {
		return ""
	}
	return text
}
