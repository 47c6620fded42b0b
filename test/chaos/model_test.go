package chaos

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// What the model allows for. All are as short as a machine with other things to
// do can be held to.
const (
	act   = 3 * time.Second // from the last octet of a document to an answer by it
	early = time.Second     // that a request began before the proxy had it
	bound = 5 * time.Second // from an edit to an answer by it, while all is well: a scan each second, and act
)

// span is a time in which something is so.
type span struct{ from, to moment }

func (s span) overlaps(o span) bool { return s.from <= o.to && o.from <= s.to }

// slow is a time in which requests take long.
type slow struct {
	span
	request time.Duration
}

// model is what may be said when.
type model struct {
	begin     time.Time            // the moment 0 by the clock
	documents map[string]*document // by path; listings by their path and a slash
	home      map[string]string    // the path of the account document that a name is in; unknown names have none
	accounts  map[string]string    // account URIs by that path
	well      []span               // when Vault could be read, and the server had found that out
	slow      []slow
	rests     map[string][]*document // foundations, by account document

	maxStale, grace time.Duration
	floor, step     time.Duration // of rotation
}

// answer is what a server said.
type answer struct {
	name       string
	asked, got moment
	said       said
	account    string // of a record
	until      int64
	problem    string // of a failure

	vouched, allowed moment // the horizon of what may be said, at least and at most
}

// contradiction is an answer that no statement allows.
type contradiction struct {
	answer
	why     string
	history string // of its document
}

func (c contradiction) String() string {
	return fmt.Sprintf("%s, asked at %v, answered at %v: %v (%s %d %s): %s\n%s", c.name, c.asked, c.got, c.said, c.account, c.until, c.problem, c.why, c.history)
}

// index draws the conclusions of what was read. It returns what nobody wrote.
func (m *model) index() (unexplained []string) {
	for path, d := range m.documents {
		for _, r := range d.reads {
			if !d.note(r, m.actsBy(r.to)) {
				unexplained = append(unexplained, fmt.Sprintf("%s@%d, deleted %t, at %v", path, r.version, r.deleted, r.to))
			}
		}
		d.known, d.acted = d.known.rising(), d.acted.rising()
		d.allowed, d.vouched = d.allowed.rising(), d.vouched.rising()
	}
	m.indexLifts()
	for path, d := range m.documents {
		if strings.HasPrefix(path, "accounts/") && !d.isListing() {
			m.indexRules(d, m.documents["teams/"+strings.Split(path, "/")[1]], m.documents["issuers/ca"])
		}
	}
	return unexplained
}

// indexRules finds out when what an account adds counts: once what it rests on was
// read after it, and it once more after that.
func (m *model) indexRules(d *document, rulers ...*document) {
	for _, r := range d.reads {
		at, ok := r.to, true
		for _, ruler := range append(slices.Clone(rulers), d) {
			next := ruler.after(at)
			if ok = ok && next >= 0; ok && ruler == d {
				at = ruler.reads[next].to
			} else if ok {
				at = max(at, ruler.reads[next].to)
			}
		}
		if i := d.statementOf(r); ok && i >= 0 {
			d.ruled = append(d.ruled, step{m.actsBy(at), i})
		}
	}
	d.ruled = d.ruled.rising()
}

// note notes what follows of a read by which the server acts from the moment by
// on, at the latest. It reports whether somebody has written what was read.
func (d *document) note(r read, by moment) bool {
	if !d.isListing() {
		i := d.statementOf(r)
		if i < 0 {
			return false
		}
		d.known, d.acted = append(d.known, step{r.from, i}), append(d.acted, step{by, i})
		if d.statements[i].broken {
			return true // which vouches for nothing
		}
	}
	d.allowed, d.vouched = append(d.allowed, word{r.from, r.asked}), append(d.vouched, word{by, r.asked})
	return true
}

// lifts are the reads of control that may lift a stop: config was read with them.
const lifts = "control, with config"

func (m *model) indexLifts() {
	config, control, with := m.documents["config"], m.documents["control"], &document{}
	for _, r := range control.reads {
		i := control.statementOf(r)
		next := slices.IndexFunc(config.reads, func(c read) bool { return c.asked >= r.to })
		if i >= 0 && next >= 0 {
			with.acted = append(with.acted, step{m.actsBy(config.reads[next].to), i})
		}
	}
	with.acted = with.acted.rising()
	m.documents[lifts] = with
}

// actsBy is when the server acts at the latest on what has reached it. It asks
// for config before, besides what it was asking for: where that takes long, so
// does this.
func (m *model) actsBy(at moment) moment {
	latest := at + act
	for _, s := range m.slow {
		if s.overlaps(span{at, at + act}) {
			latest = max(latest, at+act+4*s.request)
		}
	}
	return latest
}

// mustKnow is the last moment of which the server must know by the moment at
// what had been written, going by the times when all was well.
func (m *model) mustKnow(at moment) moment {
	latest := moment(0)
	for _, w := range m.well {
		if l := min(at, w.to) - bound; l >= w.from {
			latest = max(latest, l)
		}
	}
	return latest
}

// view is what the server may know of a document when it answers.
type view struct{ least, most int }

func (m *model) view(path string, a answer) view {
	d := m.documents[path]
	v := view{max(d.acted.reached(a.asked), d.written(m.mustKnow(a.asked))), d.known.reached(a.got)}
	v.most = max(v.least, v.most)
	return v
}

// claims are what a document that is seen as statement i may say of a name: a
// broken one leaves what was valid before it, and of that the server has read
// the last or, where it had no time to, one before it.
func (m *model) claims(d *document, name string, i int) []claim {
	s := d.statements[i]
	if !s.broken {
		return []claim{s.claim(name)}
	}
	if c, ok := s.claims[name]; ok {
		return []claim{c}
	}
	var all []claim
	for j := i - 1; j >= 0; j-- {
		if d.statements[j].broken {
			continue
		}
		all = append(all, d.statements[j].claim(name))
		if d.acted.reached(d.statements[j+1].began) >= j {
			break
		}
	}
	return all
}

func (s *statement) claim(name string) claim {
	if c, ok := s.claims[name]; ok && !s.deleted {
		return c
	}
	return claim{said: nxname}
}

// judge holds all answers against the model, in the order in which they were
// asked for: what has once been seen in force never goes back.
func (m *model) judge(answers []answer) (all []contradiction, strict int) {
	slices.SortFunc(answers, func(a, b answer) int { return int(a.asked - b.asked) })
	j := judgement{model: m, least: map[string]bounds{}}
	for _, a := range answers {
		j.apply(a.asked)
		a.vouched, a.allowed = m.horizon(a)
		why, alternatives := j.check(a)
		if why != "" {
			all = append(all, contradiction{a, why, m.tell(a)})
		}
		if alternatives == 1 {
			strict++
		}
	}
	return all, strict
}

// recent is how many statements the history of a contradiction has.
const recent = 5

// tell is what was written, of a name that an answer is about.
func (m *model) tell(a answer) string {
	var text strings.Builder
	for _, path := range []string{m.home[a.name], "control"} {
		d := m.documents[path]
		if d == nil {
			continue
		}
		first := max(0, d.written(a.asked)-recent)
		for i, s := range d.statements[first:] {
			if i += first; s.began > a.got {
				break
			}
			fmt.Fprintf(&text, "  %v %s@%d", s.began, path, s.version)
			if read := slices.IndexFunc(d.reads, func(r read) bool { return d.statementOf(r) == i }); read >= 0 {
				fmt.Fprintf(&text, ", read at %v", d.reads[read].to)
			}
			fmt.Fprintf(&text, ": deleted %t, broken %t, stopped %t, %v\n", s.deleted, s.broken, s.stops[a.name], m.claims(d, a.name, i))
		}
	}
	return text.String()
}

// judgement is what was learned from the answers so far.
type judgement struct {
	*model
	least   map[string]bounds // by name
	pending []lesson          // that were learned from answers, until those have come
}

// bounds are the first statements of the account document and of control that
// count for a name.
type bounds struct{ account, control int }

// lesson is what an answer tells of what the server knows.
type lesson struct {
	at   moment
	name string
	bounds
}

// apply has the lessons count that were learned before the moment at.
func (j *judgement) apply(at moment) {
	j.pending = slices.DeleteFunc(j.pending, func(l lesson) bool {
		if l.at >= at {
			return false
		}
		before := j.least[l.name]
		j.least[l.name] = bounds{max(before.account, l.account), max(before.control, l.control)}
		return true
	})
}

// check returns why an answer is not allowed, if so, and how many different ones
// were.
func (j *judgement) check(a answer) (why string, alternatives int) {
	path, granted := j.home[a.name]
	if !granted {
		return j.allow(a, map[claim]bool{{said: nxname}: true}, "nobody"), 1
	}
	possible, learned := j.possible(a, path)
	why = j.allow(a, possible, path)
	if why == "" && learned.account != math.MaxInt {
		j.pending = append(j.pending, learned)
	}
	return why, len(possible)
}

// possible returns all that may be said of a granted name, and what is to be
// learned from what was: the first statements that it may go by.
func (j *judgement) possible(a answer, path string) (map[claim]bool, lesson) {
	d, account, control := j.documents[path], j.view(path, a), j.control(a)
	least := j.least[a.name]
	possible := map[claim]bool{}
	learned := lesson{a.got, a.name, bounds{math.MaxInt, math.MaxInt}}
	for i := max(account.least, least.account); i <= max(account.most, least.account); i++ {
		for _, c := range j.claims(d, a.name, i) {
			for n := max(control.least, least.control); n <= max(control.most, least.control); n++ {
				claim := j.stopped(c, a, n)
				if possible[claim] = true; j.fits(a, claim) {
					learned.bounds = bounds{min(learned.account, i), min(learned.control, n)}
				}
			}
		}
	}
	if a.said != record {
		learned.control = 0 // what stops may have been read without what lifts
	}
	j.delay(a, d, max(account.least, least.account), possible, &learned)
	return possible, learned
}

// delay adds what may be said because what the statement i adds need not count yet:
// less, as one before it has it.
func (j *judgement) delay(a answer, d *document, i int, possible map[claim]bool, learned *lesson) {
	most := 0
	for _, c := range j.claims(d, a.name, i) {
		most = max(most, c.adds())
	}
	for n := max(d.ruled.reached(a.asked), d.written(j.mustKnow(a.asked)), j.least[a.name].account); n < i; n++ {
		for _, c := range append(j.claims(d, a.name, n), claim{said: nodata}) {
			if most < adding && c.adds() >= most {
				continue
			}
			if possible[c] = true; j.fits(a, c) {
				learned.bounds = bounds{min(learned.account, n), 0}
			}
		}
	}
}

// control is what the server may know of the control document: a later version
// lifts what an earlier one has stopped only where config was read with it.
func (j *judgement) control(a answer) view {
	v := j.view("control", a)
	v.least = max(j.documents[lifts].acted.reached(a.asked), j.documents["control"].written(j.mustKnow(a.asked)))
	v.most = max(v.least, v.most)
	return v
}

// stopped is the claim as control leaves it, where that is seen as statement c.
// What has been read of later versions stops more already.
func (j *judgement) stopped(of claim, a answer, c int) claim {
	control := j.documents["control"]
	stops := control.statements[c].stops[a.name]
	if n := control.acted.reached(a.asked); c < n {
		stops = stops || control.statements[n].stops[a.name]
	}
	if stops && of.said == record && !of.gone {
		return claim{said: nodata}
	}
	return of
}

// fits reports whether an answer says what is claimed.
func (m *model) fits(a answer, c claim) bool {
	switch {
	case c.gone:
		return a.said == nodata || a.said == nxname
	case a.said != c.said:
		return false
	case c.said != record:
		return true
	case a.account != m.accounts[m.home[a.name]]:
		return false
	case c.until != 0:
		return a.until == c.until
	}
	return m.rotated(a)
}

// rotated reports whether persistUntil is what rotation makes of the time that
// the documents were vouched for, and of grace.
func (m *model) rotated(a answer) bool {
	least, most := m.until(min(a.asked, a.vouched+m.grace)), m.until(min(a.got, a.allowed+m.grace))
	return least <= a.until && a.until <= most && a.until%int64(m.step.Seconds()) == 0
}

// until is the end of what is promised at a moment, up to the next step.
func (m *model) until(at moment) int64 {
	end, step := m.begin.Add(at+m.floor).UnixNano(), m.step.Nanoseconds()
	return (end + step - 1) / step * int64(m.step.Seconds())
}

// horizon is up to when the server knows, at least and at most, that what it
// says of a name holds.
func (m *model) horizon(a answer) (vouched, allowed moment) {
	vouched, allowed = a.asked, a.got
	for _, d := range m.foundations(a.name) {
		vouched = min(vouched, d.vouched.reached(a.asked))
		if m.restsOn(a, d) {
			allowed = min(allowed, d.allowed.reached(a.got))
		}
	}
	return vouched, allowed
}

// restsOn reports whether an answer may not be given unless d was vouched for. A
// name that no document is known to have does not exist for as long as what there
// is has been listed of late: one of the documents that cannot be read any more,
// or not yet, must not take the rest of a team's names with it.
func (m *model) restsOn(a answer, d *document) bool {
	if a.said == nxname {
		return d.isListing() || d == m.documents["config"] || d == m.documents["control"]
	}
	return m.home[a.name] == "" || !d.isListing()
}

// foundations are the documents and listings that what is said of a name rests
// on.
func (m *model) foundations(name string) []*document {
	if m.rests == nil {
		m.rests = map[string][]*document{}
	}
	home := m.home[name]
	if m.rests[home] == nil {
		paths := []string{"accounts/"}
		if home != "" {
			team := strings.Split(home, "/")[1]
			paths = append(paths, "config", "control", "issuers/ca", "teams/"+team, home, "accounts/"+team+"/", "accounts/"+team+"/ca/")
		}
		for _, path := range paths {
			m.rests[home] = append(m.rests[home], m.documents[path])
		}
	}
	return m.rests[home]
}

// allow returns why an answer is not allowed.
func (m *model) allow(a answer, possible map[claim]bool, path string) string {
	if a.said == silence {
		if a.got-a.vouched < m.maxStale-early {
			return fmt.Sprintf("what it rests on was vouched for at %v, and max_stale is %v", a.vouched, m.maxStale)
		}
		return ""
	}
	for c := range possible {
		if !m.fits(a, c) {
			continue
		}
		if (c.said == record || c.said == nxname) && a.asked-a.allowed >= m.maxStale+act {
			return fmt.Sprintf("nothing it rests on was vouched for since %v", a.allowed)
		}
		return ""
	}
	return fmt.Sprintf("%s allows %v", path, possible)
}
