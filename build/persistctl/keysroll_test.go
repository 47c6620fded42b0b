package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// rollWorld is a zone whose key is rolled: its keys in a directory, two servers
// that follow them, two of its parent, and a clock.
type rollWorld struct {
	t       *testing.T
	source  *keySource
	seeds   *kskSource // of a KSK that is kept away from the servers
	now     time.Time
	servers [2]*parts.NSD // of the parent
	own     [2]*parts.NSD // of the zone
	cutOff  [2]bool       // whether they stay at what they serve
	serial  int
}

var rollBegins = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func newRollWorld(t *testing.T) *rollWorld {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := dnssec.InitDir(dir, "example", 13, rollBegins.Add(-30*24*time.Hour), rand.Reader); err != nil {
		t.Fatal(err)
	}
	return newRollWorldOf(t, &keySource{dir: dir, dirFlag: "dir"}, &kskSource{}, rollBegins)
}

// newRollWorldOf is a world whose keys are there already, as of an instant.
func newRollWorldOf(t *testing.T, source *keySource, seeds *kskSource, at time.Time) *rollWorld {
	t.Helper()
	w := &rollWorld{t: t, source: source, seeds: seeds, now: at}
	for i := range w.servers {
		w.servers[i] = parts.NewNSD(t, parts.NSDOptions{Zones: map[string]string{"example.com.": w.zoneFile("")}})
		w.own[i] = parts.NewNSD(t, parts.NSDOptions{Zones: map[string]string{owner: w.apexFile()}})
	}
	return w
}

// apexFile is the zone with its keys, as of now, for a server that does not
// make signatures itself.
func (w *rollWorld) apexFile() string {
	w.t.Helper()
	w.serial++
	return apexFile(w.t, w.keys(), owner, w.serial, w.now)
}

// apexFile is a zone with its keys as of an instant.
func apexFile(t *testing.T, keys *dnssec.KeySet, owner string, serial int, at time.Time) string {
	t.Helper()
	rrset, _ := keys.DNSKEY(owner, at)
	s, err := keys.Sign(rrset, owner, at, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s 3600 IN SOA ns hostmaster %d 7200 1800 86400 60\n%s 3600 IN NS ns.example.net.\n", owner, serial, owner)
	for _, rr := range slices.Concat(rrset, s.RRSIG) {
		fmt.Fprintln(&text, rr)
	}
	return text.String()
}

// serve has the zone's servers serve what the key document says now, but for
// those that are cut off.
func (w *rollWorld) serve() {
	w.t.Helper()
	for i, server := range w.own {
		if w.cutOff[i] {
			continue
		}
		if err := server.Replace(w.t.Context(), owner, w.apexFile()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *rollWorld) zoneFile(ds string) string {
	w.serial++
	return parentZone("example.com", owner, w.serial, ds)
}

// keys are those of the key document, as a server has them now.
func (w *rollWorld) keys() *dnssec.KeySet {
	w.t.Helper()
	keys, _, err := w.source.loadServed(w.t.Context(), w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return keys
}

// follow has some of the parent's servers take the DS that CDS names.
func (w *rollWorld) follow(servers ...int) {
	w.t.Helper()
	ds := w.keys().EntryPoint(owner, w.now).ToDS(dns.SHA384) // a parent may like another digest
	ds.Hdr.Ttl = 7200
	for _, i := range servers {
		if err := w.servers[i].Replace(w.t.Context(), "example.com.", w.zoneFile(ds.String())); err != nil {
			w.t.Fatal(err)
		}
	}
}

// rolling is a new process that rolls the key.
func (w *rollWorld) rolling() *rolling {
	zone := owner
	return &rolling{
		signing: signing{
			source: w.source,
			seeds:  w.seeds,
			weeks:  defaultWeeks,
			now:    func() time.Time { return w.now },
		},
		finder: &servers.Finder{
			Parents: []string{w.servers[0].Address, w.servers[1].Address},
			Own:     []string{w.own[0].Address, w.own[1].Address},
		},
		zones:     []string{zone},
		olderThan: 20 * 24 * time.Hour,
		random:    rand.Reader,
	}
}

// run is one run at an instant, which must end in a phase.
func (w *rollWorld) run(at time.Time, want dnssec.Phase) *rollState {
	w.t.Helper()
	w.now = at
	w.serve()
	s, err := w.rolling().run(w.t.Context())
	if err != nil {
		w.t.Fatalf("At %v: %v", at, err)
	}
	if s.Phase != want {
		w.t.Fatalf("At %v: expected %s, got %+v", at, want, s)
	}
	return s
}

// Each run is a process of its own, so the roll-over may end and go on anywhere.
func TestEachRunDoesTheStepThatIsDue(t *testing.T) {
	w := newRollWorld(t)
	if _, err := w.rolling().run(t.Context()); err == nil || !strings.Contains(err.Error(), "has no DS of the key with tag") {
		t.Fatalf("Expected a refusal without a DS at the parent, got %v", err)
	}
	w.follow(0)
	if _, err := w.rolling().run(t.Context()); err == nil || !strings.Contains(err.Error(), w.servers[1].Address+" has no DS of the key") {
		t.Fatalf("Expected a refusal while one server lacks the DS, got %v", err)
	}
	w.follow(1)

	begun := w.run(rollBegins, dnssec.Announced)
	old, young := begun.Old, begun.New
	publish, submit := rollBegins.Add(time.Hour), rollBegins.Add(27*time.Hour)
	w.run(rollBegins, dnssec.Announced)
	offered := w.run(publish, dnssec.Spreading)
	if diff := cmp.Diff([]time.Time{publish, submit}, []time.Time{begun.Publish, offered.Submit}); diff != "" || !begun.Submit.IsZero() {
		t.Errorf("The new key comes at other times: %s", diff)
	}
	w.run(submit.Add(-time.Second), dnssec.Spreading)
	for _, at := range []time.Time{submit, submit.Add(time.Hour), submit.AddDate(0, 0, 10)} {
		if s := w.run(at, dnssec.Submitted); !strings.Contains(s.Missing, fmt.Sprintf("has no DS of the key with tag %d", young)) {
			t.Errorf("Expected the DS to be missing, got %q", s.Missing)
		}
	}
	seen := submit.AddDate(0, 0, 11)
	w.now = seen
	w.follow(1)
	if s := w.run(seen, dnssec.Submitted); !strings.Contains(s.Missing, w.servers[0].Address) {
		t.Errorf("Expected the DS to be missing at one server, got %q", s.Missing)
	}
	w.follow(0)
	remove := seen.Add(3 * time.Hour)
	if s := w.run(seen, dnssec.Retiring); !s.Remove.Equal(remove) || s.done() {
		t.Errorf("Expected the old key to go at %v, got %v", remove, s.Remove)
	}
	w.run(remove.Add(-time.Second), dnssec.Retiring)
	if s := w.run(remove, dnssec.Finished); !s.done() || s.Old != old || s.New != young {
		t.Errorf("Expected the end of the roll-over from %d to %d, got %+v", old, young, s)
	}
	if s := w.run(remove, dnssec.Settled); s.Old != young {
		t.Errorf("Expected KSK %d to be in force, got %d", young, s.Old)
	}
	if status := w.keys().Status(remove); status[0].Tag != young || status[1].Role != "ZSK" {
		t.Errorf("Expected the old key to be gone, got %+v", status)
	}
}

// Where a server has not followed, nothing comes that would make what it answers
// bogus: not the new DS, nor the end of the old key. Whoever runs the job is told
// which server it is.
func TestARollWaitsForEveryServerOfTheZone(t *testing.T) {
	w := newRollWorld(t)
	w.follow(0, 1)
	w.run(rollBegins, dnssec.Announced)
	publish := rollBegins.Add(time.Hour)
	begun := w.keys().Roll(publish)

	w.cutOff[1] = true
	lacks := fmt.Sprintf("%s: %s: it does not serve the key with tag %d", owner, w.own[1].Address, begun.New)
	for _, late := range []time.Duration{0, 30 * time.Hour, 6 * 24 * time.Hour} {
		s := w.run(publish.Add(late), dnssec.Spreading)
		if s.Missing != lacks || s.done() || s.Waits != "every server of every zone to serve the keys" || !w.keys().Roll(w.now).Submit.IsZero() {
			t.Fatalf("After %v: expected to wait because %q, got %+v", late, lacks, s)
		}
		if tag := w.keys().EntryPoint(owner, w.now).KeyTag(); tag != begun.Old {
			t.Errorf("After %v the parents are offered the key with tag %d", late, tag)
		}
	}
	w.cutOff[1] = false
	seen := publish.Add(7 * 24 * time.Hour)
	s := w.run(seen, dnssec.Spreading)
	submit := seen.Add(2 * time.Hour)
	if !s.Submit.Equal(submit) || s.Did != "Every server has the new key" {
		t.Errorf("Expected the new key to be offered at %v, got %+v", submit, s)
	}

	w.now = submit
	w.follow(0, 1)
	if err := w.own[0].Stop(); err != nil {
		t.Fatal(err)
	}
	w.cutOff[0] = true
	if s := w.run(submit, dnssec.Submitted); !strings.Contains(s.Missing, w.own[0].Address+": ") {
		t.Errorf("Expected to wait for %s, which cannot be reached, got %+v", w.own[0].Address, s)
	}
	without := w.rolling()
	without.finder.Without = []string{w.own[0].Address}
	if s, err := without.run(t.Context()); err != nil || s.Phase != dnssec.Retiring {
		t.Errorf("Expected to go on without the server that is left out, got %+v (%v)", s, err)
	}
	remove := submit.Add(3 * time.Hour)
	if s := w.run(remove, dnssec.Finished); s.done() || !strings.Contains(s.Missing, w.own[0].Address+": ") {
		t.Errorf("Expected to wait for %s at the end too, got %+v", w.own[0].Address, s)
	}
	if s, err := without.run(t.Context()); err != nil || !s.done() {
		t.Errorf("Expected the end, got %+v (%v)", s, err)
	}
}

// A parent that puts a zone of before back would be left with a DS that matches
// nothing.
func TestAnOldKeyStaysWhileAParentHasLostTheNewDS(t *testing.T) {
	w := newRollWorld(t)
	w.follow(0, 1)
	of := w.keys().EntryPoint(owner, w.now).ToDS(dns.SHA256)
	of.Hdr.Ttl = 7200
	begun := w.run(rollBegins, dnssec.Announced)
	w.run(rollBegins.Add(time.Hour), dnssec.Spreading)
	seen := rollBegins.Add(28 * time.Hour)
	w.now = seen
	w.follow(0, 1)
	w.run(seen, dnssec.Retiring)
	if s := w.run(seen.Add(time.Hour), dnssec.Retiring); s.Did != "" {
		t.Errorf("Expected nothing to be done while the parents have the new DS, got %+v", s)
	}

	if err := w.servers[1].Replace(t.Context(), "example.com.", w.zoneFile(of.String())); err != nil {
		t.Fatal(err)
	}
	back := seen.Add(2 * time.Hour)
	s := w.run(back, dnssec.Submitted)
	if want := fmt.Sprintf("%s has no DS of the key with tag %d", w.servers[1].Address, begun.New); !strings.Contains(s.Missing, want) {
		t.Errorf("Expected %q, got %+v", want, s)
	}
	w.run(back.AddDate(0, 0, 20), dnssec.Submitted)
	if rrset, _ := w.keys().DNSKEY(owner, w.now); !slices.ContainsFunc(rrset, func(rr dns.RR) bool { return rr.(*dns.DNSKEY).KeyTag() == begun.Old }) {
		t.Errorf("Expected KSK %d to be published still, got %v", begun.Old, rrset)
	}
	w.follow(1)
	w.run(w.now, dnssec.Retiring)
	for _, server := range w.servers {
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if s := w.run(w.now.Add(time.Hour), dnssec.Retiring); s.Did != "" {
		t.Errorf("Expected parents that cannot be reached to change nothing, got %+v", s)
	}
	w.run(w.now.Add(3*time.Hour), dnssec.Finished)
}

// A server that has the key and no signature by it is of no use to a resolver
// that trusts that key alone.
func TestAKeyWithoutItsSignatureIsNotServed(t *testing.T) {
	w := newRollWorld(t)
	answers, err := w.rolling().finder.Keys(t.Context(), owner)
	if err != nil || len(answers) != 2 {
		t.Fatalf("Expected two answers, got %v (%v)", answers, err)
	}
	a := answers[0]
	if err := follows(a, w.keys(), owner, w.now); err != nil {
		t.Errorf("With its signature: %v", err)
	}
	for what, spoil := range map[string]func(*dns.RRSIG){
		"none":    func(sig *dns.RRSIG) { sig.KeyTag++ },
		"expired": func(sig *dns.RRSIG) { sig.Expiration = uint32(w.now.Add(-time.Hour).Unix()) },
		"wrong":   func(sig *dns.RRSIG) { sig.OrigTtl++ },
	} {
		spoilt := *a.Signatures[0]
		spoil(&spoilt)
		a.Signatures = []*dns.RRSIG{&spoilt}
		if err := follows(a, w.keys(), owner, w.now); err == nil || !strings.Contains(err.Error(), "has no valid signature by the key with tag") {
			t.Errorf("%s: %v", what, err)
		}
		a.Signatures = answers[0].Signatures
	}
}

func TestAYoungKeyIsNotRolled(t *testing.T) {
	w := newRollWorld(t)
	r := w.rolling()
	r.olderThan = 31 * 24 * time.Hour
	s, err := r.run(t.Context())
	if err != nil || !s.done() || !strings.HasPrefix(s.Did, "Nothing is due: KSK ") || s.New != 0 {
		t.Errorf("Expected nothing to be done, got %+v (%v)", s, err)
	}
}

// A job goes from the beginning to the end, through a parent that cannot be
// reached and a hold.
func TestAJobGoesOnByItself(t *testing.T) {
	w := newRollWorld(t)
	w.follow(0, 1)
	r := w.rolling()
	var phases []dnssec.Phase
	var complaints strings.Builder
	followed, held, away := false, false, false
	r.sleep = func(_ context.Context, wait time.Duration) error {
		if wait < time.Second || wait > lookAnyway {
			t.Fatalf("It sleeps for %v", wait)
		}
		step := w.keys().Roll(w.now)
		w.now = w.now.Add(wait)
		w.serve()
		switch {
		case step.Phase == dnssec.Spreading && !held:
			held = true
			if _, err := r.source.edit(t.Context(), func(raw []byte) ([]byte, error) { return dnssec.Hold(raw, "a test", w.now) }); err != nil {
				t.Fatal(err)
			}
		case !step.Held.IsZero() && w.now.Sub(step.Held) > 48*time.Hour:
			if _, err := r.source.edit(t.Context(), func(raw []byte) ([]byte, error) { return dnssec.Resume(raw, w.now) }); err != nil {
				t.Fatal(err)
			}
		case step.Phase == dnssec.Submitted && !away:
			away = true
			r.finder.Parents[0] = "127.0.0.3:9"
		case step.Phase == dnssec.Submitted && !followed && w.now.Sub(step.Submit) > time.Hour:
			followed = true
			r.finder.Parents[0] = w.servers[0].Address
			w.follow(0, 1)
		}
		return nil
	}
	err := r.watch(t.Context(), func(s *rollState) error {
		phases = append(phases, s.Phase)
		return nil
	}, &complaints)
	if err != nil {
		t.Fatal(err)
	}
	want := []dnssec.Phase{dnssec.Announced, dnssec.Spreading, dnssec.Submitted, dnssec.Retiring, dnssec.Finished}
	if got := slices.Compact(phases); !slices.Equal(got, want) {
		t.Errorf("Expected the phases %v, got %v", want, got)
	}
	if step := w.keys().Roll(w.now); step.Phase != dnssec.Settled || !followed || !held {
		t.Errorf("Expected the end, after a hold and a new DS, got %+v", step)
	}
	if took := w.now.Sub(rollBegins); took < (27+48+3)*time.Hour || took > (27+48+8)*time.Hour {
		t.Errorf("It took %v", took)
	}
}

// A job outlives a key document that cannot be read for a while, but does not
// begin with one.
func TestAJobThatHasBegunComplainsAndGoesOn(t *testing.T) {
	w := newRollWorld(t)
	w.follow(0, 1)
	r := w.rolling()
	var complaints strings.Builder
	stop := errors.New("enough")
	sleeps := 0
	r.sleep = func(context.Context, time.Duration) error {
		if sleeps++; sleeps > 3 {
			return stop
		}
		r.source.dir = filepath.Join(w.source.dir, "elsewhere")
		return nil
	}
	discard := func(*rollState) error { return nil }
	if err := r.watch(t.Context(), discard, &complaints); !errors.Is(err, stop) || strings.Count(complaints.String(), "trying again in 5m") != 3 {
		t.Errorf("Expected three complaints, got %q (%v)", complaints.String(), err)
	}
	if err := r.watch(t.Context(), discard, &complaints); err == nil || !strings.Contains(err.Error(), "persistctl keys init") {
		t.Errorf("Expected an error about the key document, got %v", err)
	}
}

func TestOfTwoChangesAtOnceOneIsRefused(t *testing.T) {
	w := newRollWorld(t)
	source := w.source
	hold := func(raw []byte) ([]byte, error) { return dnssec.Hold(raw, "", w.now) }
	d, err := source.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.edit(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	if _, err := d.edit(t.Context(), source, hold); !errors.Is(err, errOvertaken) {
		t.Errorf("Expected %v, got %v", errOvertaken, err)
	}
}
