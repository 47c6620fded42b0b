package chaos

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const s = time.Second

// Names of the small world.
const (
	edited = "edited.example.com" // persistUntil is fixed at 10 s; all of its document is deleted at 40 s
	braked = "braked.example.com" // stopped from 20 s to 30 s
	kept   = "kept.example.com"   // its document is broken from 50 s on
	lost   = "lost.example.com"   // and can be seen not to have this any more, which is stopped from 20 s on
	nobody = "nobody.example.com"

	uri, other = "https://ca.example/acct/1", "https://ca.example/acct/2"
	fixed      = 2_000_000_000
)

// small is a world in which everything is read once a second, a second after it
// was written, for a minute: from then on there is silence.
func small() *model {
	m := &model{
		begin:     time.Date(2026, 11, 25, 12, 30, 0, 0, time.UTC),
		documents: map[string]*document{},
		home:      map[string]string{edited: "accounts/web/ca/a", braked: "accounts/web/ca/b", kept: "accounts/web/ca/c", lost: "accounts/web/ca/c"},
		accounts:  map[string]string{"accounts/web/ca/a": uri, "accounts/web/ca/b": uri, "accounts/web/ca/c": uri},
		maxStale:  time.Minute, grace: time.Minute, floor: 96 * time.Hour, step: time.Hour,
		well: []span{{0, 60 * s}},
	}
	m.history("config", statement{version: 1})
	m.history("issuers/ca", statement{version: 1})
	m.history("teams/web", statement{version: 1})
	m.history("control", statement{version: 1},
		statement{began: 20 * s, version: 2, stops: map[string]bool{braked: true, lost: true}},
		statement{began: 30 * s, version: 3, stops: map[string]bool{lost: true}})
	m.history("accounts/web/ca/a", statement{version: 1, claims: map[string]claim{edited: {}}},
		statement{began: 10 * s, version: 2, claims: map[string]claim{edited: {until: fixed}}},
		statement{began: 40 * s, version: 2, deleted: true})
	m.history("accounts/web/ca/b", statement{version: 1, claims: map[string]claim{braked: {}}})
	m.history("accounts/web/ca/c", statement{version: 1, claims: map[string]claim{kept: {}, lost: {}}},
		statement{began: 50 * s, version: 2, broken: true, claims: map[string]claim{lost: {gone: true}}})
	for _, folder := range []string{"accounts/", "accounts/web/", "accounts/web/ca/"} {
		m.history(folder)
	}
	return m
}

// history has statements made at once when they begin, and read from a second
// later on.
func (m *model) history(path string, statements ...statement) {
	d := &document{}
	for _, one := range statements {
		one.done = one.began
		d.statements = append(d.statements, one)
	}
	for at := -5 * s; at < 60*s; at += s {
		r := read{asked: at, from: at, to: at}
		for i, one := range slices.Backward(d.statements) {
			if one.began < at || i == 0 {
				r.version, r.deleted = one.version, one.deleted
				break
			}
		}
		d.reads = append(d.reads, r)
	}
	m.documents[path] = d
}

// what answers say, at a moment that is given by tell.
var (
	rotating = answer{said: record, account: uri, until: time.Date(2026, 11, 29, 13, 0, 0, 0, time.UTC).Unix()}
	fixedOne = answer{said: record, account: uri, until: fixed}
	empty    = answer{said: nodata}
	denied   = answer{said: nxname}
	silent   = answer{said: silence}
	failed   = answer{said: failure}
	foreign  = answer{said: record, account: other, until: rotating.until}
	beyond   = answer{said: record, account: uri, until: rotating.until + 3600}
	between  = answer{said: record, account: uri, until: rotating.until - 60}
)

func TestTheModelAllowsWhatTheFailureTableAllowsAndNothingElse(t *testing.T) {
	for _, c := range []struct {
		name    string
		at      moment
		allowed []answer
	}{
		{edited, 5 * s, []answer{rotating}},
		{edited, 10*s + s/2, []answer{rotating}},       // written, and not read
		{edited, 12 * s, []answer{rotating, fixedOne}}, // read
		{edited, 15 * s, []answer{fixedOne}},           // read for longer than act
		{edited, 42 * s, []answer{fixedOne, denied}},   // deleted
		{edited, 45 * s, []answer{denied}},             //
		{braked, 20*s + s/2, []answer{rotating}},       // a stop, not read
		{braked, 22 * s, []answer{rotating, empty}},    // read
		{braked, 25 * s, []answer{empty}},              //
		{braked, 33 * s, []answer{rotating, empty}},    // lifted
		{braked, 35 * s, []answer{rotating}},           //
		{kept, 55 * s, []answer{rotating}},             // broken: what was said holds
		{lost, 55 * s, []answer{denied, empty}},        // but for what it takes back
		{braked, 90 * s, []answer{rotating}},           // silence changes nothing
		{edited, 90 * s, []answer{denied}},             //
		{nobody, 90 * s, []answer{denied}},             //
		{braked, 120 * s, []answer{rotating, silent}},  // up to max_stale
		{braked, 125 * s, []answer{silent}},            //
		{nobody, 125 * s, []answer{silent}},            //
		{kept, 111 * s, []answer{rotating, silent}},    // which begins when it was last valid
		{kept, 115 * s, []answer{silent}},              //
		{nobody, 5 * s, []answer{denied}},              //
		{braked, 5 * s, []answer{rotating}},            //
	} {
		for _, a := range []answer{rotating, fixedOne, empty, denied, silent, failed, foreign, beyond, between} {
			m := small()
			if unexplained := m.index(); unexplained != nil {
				t.Fatal(unexplained)
			}
			allowed := false
			for _, one := range c.allowed {
				allowed = allowed || a == one
			}
			a.name, a.asked, a.got = c.name, c.at, c.at+time.Millisecond
			if found, _ := m.judge([]answer{a}); (len(found) == 0) != allowed {
				t.Errorf("Expected it to be allowed %t: %v", allowed, contradiction{answer: a})
			}
		}
	}
}

// What was once seen in force does not go back, though the model would have
// allowed it if it had not been seen.
func TestTheModelAllowsNoWayBack(t *testing.T) {
	at := func(a answer, name string, at moment) answer {
		a.name, a.asked, a.got = name, at, at+time.Millisecond
		return a
	}
	for name, c := range map[string]struct {
		answers []answer
		want    int
	}{
		"forward":       {[]answer{at(rotating, edited, 12*s), at(fixedOne, edited, 12*s+s/2)}, 0},
		"back":          {[]answer{at(fixedOne, edited, 12*s), at(rotating, edited, 12*s+s/2)}, 1},
		"at once":       {[]answer{at(fixedOne, edited, 12*s), at(rotating, edited, 12*s)}, 0},
		"another name":  {[]answer{at(fixedOne, edited, 12*s), at(rotating, braked, 12*s+s/2)}, 0},
		"out of order":  {[]answer{at(rotating, edited, 12*s+s/2), at(fixedOne, edited, 12*s)}, 1},
		"deleted, back": {[]answer{at(denied, edited, 42*s), at(fixedOne, edited, 42*s+s/2)}, 1},
		"lifted, back":  {[]answer{at(rotating, braked, 33*s), at(empty, braked, 33*s+s/2)}, 1},
	} {
		m := small()
		m.index()
		if found, _ := m.judge(c.answers); len(found) != c.want {
			t.Errorf("%s: expected %d contradictions, got %v", name, c.want, found)
		}
	}
}

// A server that does not read what it could read is held to what was written.
func TestTheModelHoldsAServerToReading(t *testing.T) {
	m := small()
	d := m.documents["accounts/web/ca/a"]
	d.reads = d.reads[:12] // up to 6 s
	m.index()
	a := rotating
	a.name = edited
	for at, want := range map[moment]int{12 * s: 0, 16 * s: 1, 40 * s: 1} {
		a.asked, a.got = at, at+time.Millisecond
		if found, _ := m.judge([]answer{a}); len(found) != want {
			t.Errorf("At %v: expected %d contradictions, got %v", at, want, found)
		}
	}
}

// What an account adds waits until the documents that it rests on have been read
// after it, however long that takes, and what it takes back does not.
func TestTheModelHasAdditionsWaitForWhatTheyRestOn(t *testing.T) {
	for _, broken := range []bool{false, true} {
		m := small()
		m.well = []span{{0, 5 * s}}
		if broken {
			m.cutOff(11*s, "accounts/web/ca/a")
		}
		m.index()
		for _, c := range []struct {
			says answer
			want bool
		}{{fixedOne, true}, {rotating, broken}, {foreign, false}, {denied, false}} {
			a := c.says
			a.name, a.asked, a.got = edited, 16*s, 16*s+time.Millisecond
			if found, _ := m.judge([]answer{a}); (len(found) == 0) != c.want {
				t.Errorf("Cut off %t: expected it to be allowed %t: %v", broken, c.want, contradiction{answer: a})
			}
		}
	}
}

// A name that an account withholds is there for that, and to be there is an
// addition too: it waits, and what the account takes back does not.
func TestTheModelHasWithheldNamesWaitForWhatTheyRestOn(t *testing.T) {
	for before, allowed := range map[string][]answer{"deleted": {denied, empty}, "granted": {empty}} {
		m := small()
		m.well = []span{{0, 5 * s}}
		m.history("accounts/web/ca/a", statement{version: 1, deleted: before == "deleted", claims: map[string]claim{edited: {}}},
			statement{began: 10 * s, version: 2, claims: map[string]claim{edited: {said: nodata}}})
		m.cutOff(11*s, "accounts/web/ca/a")
		m.index()
		for _, a := range []answer{rotating, empty, denied} {
			a.name, a.asked, a.got = edited, 16*s, 16*s+time.Millisecond
			want := slices.ContainsFunc(allowed, func(b answer) bool { return a.said == b.said })
			if found, _ := m.judge([]answer{a}); (len(found) == 0) != want {
				t.Errorf("%s: expected it to be allowed %t: %v", before, want, contradiction{answer: a})
			}
		}
	}
}

// cutOff has one document be the last that is read at a moment, as where a scan is
// cut off.
func (m *model) cutOff(at moment, last string) {
	for path, d := range m.documents {
		d.reads = slices.DeleteFunc(d.reads, func(r read) bool { return r.asked > at || r.asked == at && path != last })
	}
}

// Rotation goes on for grace after the last word, and then stands still.
func TestTheModelHasRotationStandStill(t *testing.T) {
	for name, c := range map[string]struct {
		begin   time.Time
		at      moment
		allowed bool
	}{
		"the hour comes within grace": {time.Date(2026, 11, 25, 12, 59, 0, 0, time.UTC), 100 * s, true},
		"the hour has just come":      {time.Date(2026, 11, 25, 12, 59, 20, 0, time.UTC), 40*s + s/5, true},
		"the hour comes after it":     {time.Date(2026, 11, 25, 12, 57, 55, 0, time.UTC), 119*s + s/2, false},
	} {
		m := small()
		m.begin, m.maxStale = c.begin, time.Hour
		m.index()
		a := beyond
		a.name, a.asked, a.got = braked, c.at, c.at+time.Millisecond
		if found, _ := m.judge([]answer{a}); (len(found) == 0) != c.allowed {
			t.Errorf("%s: expected the next value to be allowed %t, got %v", name, c.allowed, found)
		}
	}
}

func TestTheModelNoticesWhatNobodyHasWritten(t *testing.T) {
	m := small()
	m.documents["accounts/web/ca/a"].reads[3].version = 7
	if unexplained := m.index(); len(unexplained) != 1 {
		t.Errorf("Expected version 7 to be noticed, got %v", unexplained)
	}
}

// The same seed has the same things go wrong, and every kind of them.
func TestTheScheduleIsRepeatable(t *testing.T) {
	names := func(seed uint64) string {
		all := ""
		for _, one := range schedule(seed, 10*time.Minute) {
			for _, f := range one.faults {
				all += f.name + " " + one.hold.String() + "\n"
			}
		}
		return all
	}
	if first, again := names(1), names(1); first != again || first == names(2) {
		t.Error("Expected the seed, and nothing else, to make the difference")
	}
	for _, group := range available(false) {
		for _, f := range group {
			if !strings.Contains(names(1), f.name) {
				t.Errorf("Expected %s to be among what goes wrong", f.name)
			}
		}
	}
}

// After a silence beyond max_stale a document is found broken, and what it may
// have come to say is not known. What was read of it last has a name or does not.
func TestTheModelDeniesWhatABrokenDocumentNeverHad(t *testing.T) {
	const had, never = kept, "never.example.com"
	for name, want := range map[string][]said{had: {silence}, never: {nxname, silence}} {
		m := small()
		m.home[never] = m.home[had]
		for _, d := range m.documents {
			again := read{asked: 150 * s, from: 150 * s, to: 150 * s}
			if !d.isListing() {
				last := d.statements[len(d.statements)-1]
				again.version, again.deleted = last.version, last.deleted
			}
			d.reads = append(d.reads, again)
		}
		m.index()
		var allowed []said
		for _, a := range []answer{rotating, empty, denied, silent} {
			a.name, a.asked, a.got = name, 154*s, 154*s
			if found, _ := m.judge([]answer{a}); len(found) == 0 {
				allowed = append(allowed, a.said)
			}
		}
		if !slices.Equal(allowed, want) {
			t.Errorf("%s: expected %v to be allowed, got %v", name, want, allowed)
		}
	}
}
