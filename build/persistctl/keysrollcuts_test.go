package main

import (
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// cutsWorld is a key that signs the cuts of many, most of whose owners do as they
// like: two servers of their parents, one of the cuts, and a clock.
type cutsWorld struct {
	t       *testing.T
	source  *keySource
	docs    string
	now     time.Time
	parents [2]*parts.NSD
	own     *parts.NSD
	ds      map[string]string // the RRset that a parent has, by cut
	serial  int
}

// What the cuts are called is what their owners do.
const (
	firstCut     = "_validation-persist.first.example.com."
	secondCut    = "_validation-persist.second.example.com."
	lateCut      = "_validation-persist.late.example.com."
	insecureCut  = "_validation-persist.insecure.example.com."
	undoneCut    = "_validation-persist.undone.example.com."
	elsewhereCut = "_validation-persist.elsewhere.example.com."
	deadCut      = "_validation-persist.dead.example.org." // nobody serves the parent
)

// ownCuts are the cuts that are delegated to us.
var ownCuts = []string{firstCut, secondCut, lateCut, insecureCut}

func newCutsWorld(t *testing.T, domains ...string) *cutsWorld {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := dnssec.InitDir(dir, "cuts", 13, rollBegins.Add(-30*24*time.Hour), rand.Reader); err != nil {
		t.Fatal(err)
	}
	w := &cutsWorld{t: t, source: &keySource{dir: dir, dirFlag: "dir"}, docs: t.TempDir(), now: rollBegins, ds: map[string]string{}}
	w.grant(domains...)
	w.ds[insecureCut], w.ds[elsewhereCut] = "", elsewhereCut+" 3600 IN DS 4711 13 2 "+strings.Repeat("ab", 32)
	zones := map[string]string{}
	for _, cut := range ownCuts {
		zones[cut] = w.apexFile(cut)
	}
	w.own = parts.NewNSD(t, parts.NSDOptions{Zones: zones})
	for i := range w.parents {
		w.parents[i] = parts.NewNSD(t, parts.NSDOptions{Zones: map[string]string{"example.com.": w.parentFile()}})
	}
	w.handOver(dns.SHA256, firstCut, secondCut, lateCut)
	return w
}

// grant has the documents grant these domains, and no other.
func (w *cutsWorld) grant(domains ...string) {
	w.t.Helper()
	members := make([]string, 0, len(domains))
	for _, domain := range domains {
		members = append(members, fmt.Sprintf("%q: {}", domain))
	}
	policytest.Standard().With(policytest.Documents{
		"teams/web": `{"domains": ["example.com", "example.org"], "issuers": ["ca"]}`,
	}).Account(`"domains": {`+strings.Join(members, ", ")+`}`).Write(w.t, w.docs)
}

// apexFile is a cut with its keys, as of now.
func (w *cutsWorld) apexFile(cut string) string {
	return apexFile(w.t, w.keys(), cut, w.next(), w.now)
}

func (w *cutsWorld) next() int {
	w.serial++
	return w.serial
}

// parentFile is the zone with what all owners have put there.
func (w *cutsWorld) parentFile() string {
	var text strings.Builder
	fmt.Fprintf(&text, "example.com. 3600 IN SOA ns hostmaster %d 7200 1800 86400 60\nexample.com. 3600 IN NS ns\n", w.next())
	for _, cut := range slices.Sorted(maps.Keys(w.ds)) {
		fmt.Fprintf(&text, "%s 3600 IN NS ns.example.net.\n%s\n", cut, w.ds[cut])
	}
	return text.String()
}

// handOver gives the owners of some cuts the DS of the day, for all servers.
func (w *cutsWorld) handOver(digest uint8, cuts ...string) {
	w.t.Helper()
	for _, cut := range cuts {
		w.ds[cut] = w.keys().EntryPoint(cut, w.now).ToDS(digest).String()
	}
	for i := range w.parents {
		w.publish(i)
	}
}

// publish has one server of the parent serve what owners have put there.
func (w *cutsWorld) publish(i int) {
	w.t.Helper()
	if err := w.parents[i].Replace(w.t.Context(), "example.com.", w.parentFile()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *cutsWorld) keys() *dnssec.KeySet {
	return (&rollWorld{t: w.t, source: w.source, now: w.now}).keys()
}

// serve has the server of some cuts serve what the key document says now.
func (w *cutsWorld) serve(cuts ...string) {
	w.t.Helper()
	for _, cut := range cuts {
		if err := w.own.Replace(w.t.Context(), cut, w.apexFile(cut)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// rolling is a new process that rolls the key.
func (w *cutsWorld) rolling(forget ...string) *rolling {
	return &rolling{
		signing: signing{source: w.source, seeds: &kskSource{}, weeks: defaultWeeks, now: func() time.Time { return w.now }},
		finder: &servers.Finder{
			Parents: []string{w.parents[0].Address, w.parents[1].Address},
			Own:     []string{w.own.Address},
		},
		zones:     []string{"."},
		cuts:      ofCuts{allCuts: allCuts{wanted: true, dir: w.docs, docs: documents{mount: defaultMount}}, names: forget},
		met:       metCuts{},
		olderThan: 20 * 24 * time.Hour,
		random:    rand.Reader,
	}
}

// run is one run at an instant, which must end in a phase.
func (w *cutsWorld) run(at time.Time, want dnssec.Phase, forget ...string) *rollState {
	w.t.Helper()
	w.now = at
	s, err := w.rolling(forget...).run(w.t.Context())
	if err != nil {
		w.t.Fatalf("At %v: %v", at, err)
	}
	if s.Phase != want {
		w.t.Fatalf("At %v: expected %s, got %+v", at, want, s)
	}
	return s
}

// counts checks how many cuts are where, and which are waited for.
func (w *cutsWorld) counts(s *rollState, want map[cutDS]int, stragglers ...string) {
	w.t.Helper()
	got := make([]string, 0, len(s.Cuts.Stragglers))
	for _, c := range s.Cuts.Stragglers {
		got = append(got, c.Cut)
	}
	slices.Sort(stragglers)
	if diff := cmp.Diff(want, s.Cuts.Counts); diff != "" || !slices.Equal(got, stragglers) {
		w.t.Errorf("At %v: expected %v, got %v; the counts are others: %s", w.now, stragglers, got, diff)
	}
}

// awaited returns the status, which must name some cuts as waited for, and no other.
func (w *cutsWorld) awaited(cuts ...string) keySetState {
	w.t.Helper()
	r := w.rolling()
	s, err := statusOfCuts(w.t.Context(), &wantedStatus{source: w.source, finder: r.finder, cuts: r.cuts.allCuts}, []string{"."}, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	got := make([]string, 0, len(s.Cuts.Stragglers))
	for _, c := range s.Cuts.Stragglers {
		got = append(got, c.Cut)
	}
	if !slices.Equal(got, cuts) {
		w.t.Errorf("At %v, %s: expected the status to name %v as waited for, got %v", w.now, s.Roll.Phase, cuts, got)
	}
	var told strings.Builder
	s.text(&told)
	early := s.Roll.Phase == dnssec.Announced || s.Roll.Phase == dnssec.Spreading
	if warns := strings.Contains(told.String(), "No parent is to have the new DS yet"); warns != early {
		w.t.Errorf("%s: whether it warns of the new DS: %v, in:\n%s", s.Roll.Phase, warns, told.String())
	}
	return s
}

// The owners follow in their own time; who has no DS, or one of somebody else, and
// who does not delegate at all, holds up nobody.
func TestAKeyOfCutsIsRolledInCohorts(t *testing.T) {
	w := newCutsWorld(t, "first.example.com", "second.example.com", "late.example.com", "insecure.example.com", "undone.example.com", "elsewhere.example.com")
	begun := w.run(rollBegins, dnssec.Announced)
	w.counts(begun, map[cutDS]int{oldDS: 3, noDS: 2, otherDS: 1})
	if k := w.keys(); len(k.Zones) > 0 || !slices.Equal(k.Cuts, []string{"."}) {
		t.Errorf("Expected the key document to name no cut, got %v and %v", k.Zones, k.Cuts)
	}
	publish := begun.Publish
	w.now = publish
	w.serve(firstCut, secondCut)
	s := w.run(publish, dnssec.Spreading)
	w.counts(s, map[cutDS]int{oldDS: 3, noDS: 2, otherDS: 1}, lateCut)
	if want := fmt.Sprintf("it does not serve the key with tag %d", begun.New); !strings.Contains(s.Missing, want) || !w.keys().Roll(w.now).Submit.IsZero() {
		t.Errorf("Expected to wait because %q, got %+v", want, s)
	}
	w.awaited()
	w.serve(lateCut)
	submit := w.run(publish, dnssec.Spreading).Submit
	if submit.IsZero() {
		t.Fatal("Expected the new key to be offered")
	}
	w.awaited()

	w.now = submit
	w.counts(w.run(submit, dnssec.Submitted), map[cutDS]int{oldDS: 3, noDS: 2, otherDS: 1}, firstCut, secondCut, lateCut)
	w.handOver(dns.SHA256, firstCut)
	w.counts(w.run(submit.AddDate(0, 0, 10), dnssec.Submitted), map[cutDS]int{newDS: 1, oldDS: 2, noDS: 2, otherDS: 1}, secondCut, lateCut)
	w.ds[secondCut] += "\n" + w.keys().EntryPoint(secondCut, w.now).ToDS(dns.SHA256).String()
	w.publish(0)
	w.counts(w.run(w.now, dnssec.Submitted), map[cutDS]int{newDS: 1, oldDS: 2, noDS: 2, otherDS: 1}, secondCut, lateCut)
	w.publish(1)
	s = w.run(submit.AddDate(0, 3, 0), dnssec.Submitted)
	w.counts(s, map[cutDS]int{newDS: 1, bothDS: 1, oldDS: 1, noDS: 2, otherDS: 1}, lateCut)
	if diff := cmp.Diff(s.Cuts, w.awaited(lateCut).Cuts, cmp.AllowUnexported(cutState{})); diff != "" {
		t.Errorf("Expected the status to count the same: %s", diff)
	}
	if w.serve(ownCuts...); s.done() || !s.Remove.IsZero() {
		t.Fatalf("Expected the old key to stay for %s, got %+v", lateCut, s)
	}
	w.handOver(dns.SHA256, lateCut)
	seen := w.now
	s = w.run(seen, dnssec.Retiring)
	if want := seen.Add(heldAtMost + time.Hour); !s.Remove.Equal(want) {
		t.Errorf("Expected the old key to go at %v, got %v", want, s.Remove)
	}
	w.now = s.Remove
	w.serve(firstCut, secondCut, lateCut) // that of a cut without a DS does not matter
	if s := w.run(s.Remove, dnssec.Finished); !s.done() || w.keys().Roll(w.now).Phase != dnssec.Settled {
		t.Errorf("Expected the end, got %+v", s)
	}
}

// atTheParents is a world in which the new key is offered, and one that no owner
// has taken.
func atTheParents(t *testing.T, domains ...string) (w *cutsWorld, forget []string) {
	t.Helper()
	w = newCutsWorld(t, domains...)
	w.now = w.run(rollBegins, dnssec.Announced).Publish
	w.serve(ownCuts...)
	if slices.Contains(domains, "dead.example.org") {
		forget = []string{deadCut}
	}
	w.now = w.run(w.now, dnssec.Spreading, forget...).Submit
	w.serve(ownCuts...)
	return w, forget
}

// Nobody waits for a cut that no document has any more, though its parent may have
// the DS of the old key alone: it breaks like one that is forgotten.
func TestCutsThatLeaveTheDocumentsAreTold(t *testing.T) {
	w, _ := atTheParents(t, "first.example.com", "late.example.com")
	w.handOver(dns.SHA256, firstCut)
	job := w.rolling() // with --watch
	told := func() string {
		t.Helper()
		s, err := job.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		s.text(&text)
		return text.String()
	}
	const title = "IN NO DOCUMENT ANY MORE"
	if text := told(); !strings.Contains(text, "The documents have 2 cuts now: ") || strings.Contains(text, title) {
		t.Errorf("Expected two cuts, got:\n%s", text)
	}
	w.grant("first.example.com")
	want := title + strings.Repeat(" ", len(lateCut)-len(title)) + "  THE PARENT HAD\n" + lateCut + "  " + meanings[oldDS] + "\n"
	for range 2 {
		if text := told(); !strings.Contains(text, "The documents have 1 cut now: ") || !strings.Contains(text, want) {
			t.Errorf("Expected one cut, and %q, got:\n%s", want, text)
		}
	}
	w.grant("first.example.com", "late.example.com")
	if text := told(); strings.Contains(text, title) {
		t.Errorf("Expected no word of cuts that are there again, got:\n%s", text)
	}
}

// Outside a roll-over there is one key, which does not go.
func TestTheStatusOfCutsTalksOfTheKeyInForce(t *testing.T) {
	w := newCutsWorld(t, "first.example.com", "insecure.example.com", "elsewhere.example.com")
	var told strings.Builder
	w.awaited().text(&told)
	for _, want := range []string{
		"CUTS  THE PARENT HAS\n",
		"\n1     a DS of the key in force\n",
		"\n1     a DS of another key alone: broken, or served by somebody else\n",
	} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("Expected %q, got:\n%s", want, told.String())
		}
	}
	for _, never := range []string{"old key", "new key"} {
		if strings.Contains(told.String(), never) {
			t.Errorf("Expected no word of an %s, got:\n%s", never, told.String())
		}
	}
}

// Whose owner nobody finds is given up by name, in every run: one without that
// takes it back as long as the old key is there.
func TestOnlyAStragglerThatIsNamedIsForgotten(t *testing.T) {
	w, forget := atTheParents(t, "first.example.com", "late.example.com", "dead.example.org")
	w.handOver(dns.SHA256, firstCut)
	s := w.run(w.now, dnssec.Submitted)
	w.counts(s, map[cutDS]int{newDS: 1, oldDS: 1, unknownDS: 1}, lateCut, deadCut)
	w.counts(w.run(w.now, dnssec.Submitted, forget...), map[cutDS]int{newDS: 1, oldDS: 1, unknownDS: 1}, lateCut)

	both := append(slices.Clone(forget), "_Validation-Persist.late.example.com")
	s = w.run(w.now, dnssec.Retiring, both...)
	if len(s.Cuts.Forgotten) != 2 {
		t.Errorf("Expected two cuts to be forgotten, got %+v", s.Cuts)
	}
	var told strings.Builder
	s.text(&told)
	for _, cut := range []string{"FORGOTTEN, AND MAY BREAK", lateCut, deadCut} {
		if !strings.Contains(told.String(), cut) {
			t.Errorf("Expected %q to be told, got:\n%s", cut, told.String())
		}
	}
	w.run(w.now.Add(time.Hour), dnssec.Retiring, both...)
	w.run(w.now.Add(time.Hour), dnssec.Retiring, lateCut) // a parent that cannot be reached has lost nothing
	if s := w.run(w.now.Add(time.Hour), dnssec.Submitted); !strings.Contains(s.Missing, lateCut) || !w.keys().Roll(w.now).Remove.IsZero() {
		t.Errorf("Expected the old key to stay for %s, got %+v", lateCut, s)
	}
	s = w.run(w.now, dnssec.Retiring, both...)
	w.now = s.Remove
	w.serve(firstCut)
	if s := w.run(s.Remove, dnssec.Finished, both...); !s.done() {
		t.Errorf("Expected the end, got %+v", s)
	}
}

// What is no cut would be given up in vain, and the cut that was meant is not: that
// is said in each phase, also in those in which nobody is asked.
func TestNoCutIsForgottenThatIsNone(t *testing.T) {
	w := newCutsWorld(t, "first.example.com", "late.example.com")
	refuses := func() {
		t.Helper()
		for name, want := range map[string]string{
			"late.example.com.":                      ": write " + lateCut,
			"_validation-persist.latte.example.com.": ": leave it out if it has left them, or write " + lateCut + " if that was meant",
			"_validation-persist.gone.example.net.":  ": leave it out, as only a cut is waited for",
		} {
			want = "--forget " + name + ": no such cut in the documents" + want
			if _, err := w.rolling(lateCut, name).run(t.Context()); err == nil || err.Error() != want {
				t.Errorf("At %v: expected %q, got %v", w.now, want, err)
			}
		}
	}
	refuses()
	begun := w.run(rollBegins, dnssec.Announced, lateCut)
	refuses()
	w.now = begun.Publish
	w.serve(firstCut, lateCut)
	refuses()
	submit := w.run(w.now, dnssec.Spreading, lateCut).Submit
	refuses()
	w.now = submit
	refuses()
}

// Keys that no parent has heard of are hardly those that the servers have.
func TestARollOfCutsBeginsWithTheirKeysOnly(t *testing.T) {
	w := newCutsWorld(t, "elsewhere.example.com", "dead.example.org")
	if _, err := w.rolling().run(t.Context()); err == nil || !strings.Contains(err.Error(), "are these the keys that sign them?") {
		t.Errorf("Expected a refusal, got %v", err)
	}
	w = newCutsWorld(t, "insecure.example.com", "undone.example.com")
	w.run(rollBegins, dnssec.Announced)
	for what, change := range map[string]func(*rolling){
		"write --cuts, and --policies DIR": func(r *rolling) { r.cuts.allCuts = allCuts{} },
		"leave out ZONE":                   func(r *rolling) { r.zones = []string{"example.com."} },
	} {
		r := w.rolling()
		change(r)
		if _, err := r.run(t.Context()); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("Expected %q, got %v", what, err)
		}
	}
}

// A zone that the keys sign beside the cuts is waited for as ever, and is none of
// them.
func TestZonesBesideCutsAreWaitedFor(t *testing.T) {
	w := newCutsWorld(t, "first.example.com")
	raw, err := dnssec.LoadDir(w.source.dir)
	if err != nil {
		t.Fatal(err)
	}
	named := strings.Replace(string(raw), `"schema": 1,`, fmt.Sprintf(`"schema": 1, "zones": [%q, %q],`, firstCut, secondCut), 1)
	if err := dnssec.ReplaceDir(w.source.dir, raw, []byte(named)); err != nil {
		t.Fatal(err)
	}
	publish := w.run(rollBegins, dnssec.Announced).Publish
	if zones := w.keys().Zones; !slices.Equal(zones, []string{secondCut}) {
		t.Errorf("Expected %s to be named still, got %v", secondCut, zones)
	}
	w.now = publish
	w.serve(firstCut)
	if s := w.run(publish, dnssec.Spreading); !strings.HasPrefix(s.Missing, secondCut) {
		t.Errorf("Expected to wait for %s, got %+v", secondCut, s)
	}
	w.serve(secondCut)
	w.now = w.run(publish, dnssec.Spreading).Submit
	w.serve(firstCut, secondCut)
	w.handOver(dns.SHA256, firstCut)
	if s := w.run(w.now, dnssec.Submitted); !strings.HasPrefix(s.Missing, secondCut) || len(s.Cuts.Stragglers) > 0 {
		t.Errorf("Expected to wait for %s, got %+v", secondCut, s)
	}
	w.handOver(dns.SHA256, secondCut)
	w.run(w.now, dnssec.Retiring)
}

func TestCutsToForgetAreNamedHereAndInAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gone")
	if err := os.WriteFile(file, []byte("_validation-persist.A.example\n\n_validation-persist.b.example.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := ofCuts{allCuts: allCuts{wanted: true}, names: []string{lateCut}, file: file}
	got, err := o.forgotten()
	want := map[string]bool{lateCut: true, "_validation-persist.a.example.": true, "_validation-persist.b.example.": true}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("The cuts are others: %s (%v)", diff, err)
	}
	for what, o := range map[string]ofCuts{
		"are for --cuts":  {file: file},
		"no such file":    {allCuts: allCuts{wanted: true}, file: file + "2"},
		"is not a domain": {allCuts: allCuts{wanted: true}, names: []string{"a..b"}},
	} {
		if _, err := o.forgotten(); err == nil || what != "is not a domain" && !strings.Contains(err.Error(), what) {
			t.Errorf("Expected %q, got %v", what, err)
		}
	}
}

// To ask the parents of many cuts may take hours: what follows is reckoned from when
// the last of them answered, not from when the first was asked.
func TestARollOverOfCutsCountsFromTheLastAnswer(t *testing.T) {
	const asking = 3 * time.Hour
	w := newCutsWorld(t, "first.example.com", "second.example.com", "late.example.com", "insecure.example.com")
	slow := func(at time.Time) *rollState {
		t.Helper()
		w.now = at
		r, first := w.rolling(), true
		r.now = func() time.Time {
			if first {
				first = false
				return at
			}
			return at.Add(asking)
		}
		s, err := r.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	begun := slow(rollBegins)
	if least := rollBegins.Add(asking + time.Hour); begun.Publish.Before(least) {
		t.Errorf("Expected servers to have an hour before the key is published, until %v, got %v", least, begun.Publish)
	}
	w.now = begun.Publish
	w.serve(firstCut, secondCut, lateCut)
	offered := slow(begun.Publish.Add(23 * time.Hour)) // past what is estimated, but for the asking
	if least := begun.Publish.Add(23*time.Hour + asking + 2*time.Hour); offered.Submit.Before(least) {
		t.Errorf("Expected caches to have two hours before the key is offered, until %v, got %v", least, offered.Submit)
	}
	w.now = offered.Submit
	w.serve(firstCut, secondCut, lateCut)
	w.handOver(dns.SHA256, firstCut, secondCut, lateCut)
	ended := slow(offered.Submit)
	if least := offered.Submit.Add(asking + heldAtMost); ended.Remove.Before(least) {
		t.Errorf("Expected caches to have a week before the old key goes, until %v, got %v", least, ended.Remove)
	}
}
