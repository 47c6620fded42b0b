package years

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/miekg/dns"
)

const (
	origin = "example.com."
	ttl    = 300 // of TXT RRsets, in seconds
	day    = 24 * time.Hour
)

// Bounds of the time that the servers are configured with.
const (
	grace    = time.Hour
	maxStale = 72 * time.Hour
)

// grant is a name that an account is granted, while from <= t < to.
type grant struct {
	account   string // "a" or "b"
	fqdn      string
	from, to  time.Time
	notBefore time.Time
	until     time.Time     // fixed; else none, if floor is zero; else rolling
	floor     time.Duration // of rolling
	step      time.Duration
}

func (g grant) owner() string { return "_validation-persist." + g.fqdn + "." }

func (g grant) listed(at time.Time) bool { return !at.Before(g.from) && at.Before(g.to) }

// member is the grant as the account's document has it.
func (g grant) member() string {
	members := []string{`"until": "none"`}
	switch {
	case !g.until.IsZero():
		members[0] = fmt.Sprintf(`"until": %q`, g.until.Format(time.RFC3339))
	case g.floor > 0:
		members[0] = fmt.Sprintf(`"until": {"mode": "rolling", "floor": "%ds", "step": "%ds"}`, int(g.floor.Seconds()), int(g.step.Seconds()))
	}
	if !g.notBefore.IsZero() {
		members = append(members, fmt.Sprintf(`"not_before": %q`, g.notBefore.Format(time.RFC3339)))
	}
	return fmt.Sprintf("%q: {%s}", g.fqdn, strings.Join(members, ", "))
}

// version is a document from an instant on.
type version struct {
	since time.Time
	body  string
}

// freeze is a time in which the control document stops rotation as of its start.
type freeze struct{ from, to time.Time }

// papers are all documents, past and future, by path.
type papers struct {
	grants   []grant
	at       map[string][]grant // by owner
	below    map[string][]grant // by every name above an owner
	freezes  []freeze
	phases   map[time.Duration]time.Duration // by which steps of a length are late, counted from 1970
	versions map[string][]version
	edits    []time.Time // when any of them changes, sorted
}

// newPapers grants names from start to end: some all the time, with every kind
// of until, and some that come, end and go.
func newPapers(random *rand.Rand, start, end time.Time) *papers {
	p := &papers{versions: map[string][]version{}, at: map[string][]grant{}, below: map[string][]grant{}, phases: map[time.Duration]time.Duration{}}
	always := func(account, fqdn string, floor, step time.Duration) {
		p.grants = append(p.grants, grant{account: account, fqdn: fqdn, to: end.Add(day), floor: floor, step: step})
	}
	always("a", "example.com", 96*time.Hour, day)
	always("b", "long.example.com", 30*day, 7*day)
	always("a", "none.example.com", 0, 0)
	always("a", "a.b.example.com", 5*time.Hour, time.Hour)
	always("a", "short.example.com", time.Hour, time.Hour)
	always("a", "two.example.com", 96*time.Hour, day)
	always("b", "two.example.com", 5*time.Hour, time.Hour)
	p.change(random, start, end)
	p.sort()
	p.write(start)
	return p
}

// change grants what does not last, and stops rotation now and then.
func (p *papers) change(random *rand.Rand, start, end time.Time) {
	for i := range 6 {
		p.renew(random, fmt.Sprintf("f%d.example.com", i), start.Add(time.Duration(i)*80*time.Hour), end)
	}
	for at := start.Add(30 * time.Hour); at.Before(end); at = at.Add(hours(random, 60, 200)) {
		p.grants = append(p.grants, grant{account: "b", fqdn: "new.x.example.com", from: at, to: at.Add(50 * time.Hour), floor: 5 * time.Hour, step: time.Hour})
	}
	for at := start.Add(9 * day); at.Before(end); at = at.Add(hours(random, 6000, 9000)) {
		p.freezes = append(p.freezes, freeze{at, at.Add(7 * day)})
	}
}

// sort finds the grants of a name, and below it, again.
func (p *papers) sort() {
	for _, g := range p.grants {
		owner := g.owner()
		p.at[owner] = append(p.at[owner], g)
		for off, end := dns.NextLabel(owner, 0); !end; off, end = dns.NextLabel(owner, off) {
			p.below[owner[off:]] = append(p.below[owner[off:]], g)
		}
	}
}

// renew grants a name up to a fixed instant again and again, each time a while
// after the last one is over.
func (p *papers) renew(random *rand.Rand, fqdn string, at, end time.Time) {
	for at.Before(end) {
		until := at.Add(hours(random, 24, 20*24)).Truncate(time.Second)
		again := until.Add(6 * time.Hour)
		p.grants = append(p.grants, grant{account: "b", fqdn: fqdn, from: at, to: again, notBefore: at.Add(time.Hour).Truncate(time.Second), until: until})
		at = again
	}
}

func hours(random *rand.Rand, least, most int) time.Duration {
	return time.Duration(least)*time.Hour + time.Duration(random.Int64N(int64(most-least)*int64(time.Hour)))
}

// write makes the documents.
func (p *papers) write(start time.Time) {
	p.versions["config"] = []version{{start, `{"schema": 1}`}}
	p.versions["issuers/ca"] = []version{{start, `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "allow_none": true}`}}
	p.versions["teams/web"] = []version{{start, `{"domains": ["example.com"], "issuers": ["ca"]}`}}
	for _, account := range []string{"a", "b"} {
		p.writeAccount(account, start)
	}
	p.versions["control"] = []version{{start, `{}`}}
	for _, f := range p.freezes {
		p.versions["control"] = append(p.versions["control"],
			version{f.from, fmt.Sprintf(`{"freeze_at": %q}`, f.from.Format(time.RFC3339))}, version{f.to, `{}`})
	}
	for _, all := range p.versions {
		for _, v := range all[1:] {
			p.edits = append(p.edits, v.since)
		}
	}
	slices.SortFunc(p.edits, time.Time.Compare)
}

func (p *papers) writeAccount(account string, start time.Time) {
	changes := []time.Time{start}
	for _, g := range p.grants {
		if g.account == account {
			changes = append(changes, g.from, g.to)
		}
	}
	slices.SortFunc(changes, time.Time.Compare)
	for _, at := range slices.CompactFunc(changes, time.Time.Equal) {
		if at.Before(start) {
			continue
		}
		var members []string
		for _, g := range p.listed(at) {
			if g.account == account {
				members = append(members, g.member())
			}
		}
		body := fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%s", "domains": {%s}}`, account, strings.Join(members, ", "))
		path := "accounts/web/ca/" + account
		p.versions[path] = append(p.versions[path], version{at, body})
	}
}

// listed are the grants that stand in the documents at the instant at.
func (p *papers) listed(at time.Time) []grant {
	var list []grant
	for _, g := range p.grants {
		if g.listed(at) {
			list = append(list, g)
		}
	}
	return list
}

// frozen is the instant of the freeze in force, zero if there is none.
func (p *papers) frozen(at time.Time) time.Time {
	for _, f := range p.freezes {
		if !at.Before(f.from) && at.Before(f.to) {
			return f.from.Truncate(time.Second)
		}
	}
	return time.Time{}
}

// snapshot is what a server read at the instant at, when its clock said theirs,
// and dated stamp. The store's own clock is right.
func (p *papers) snapshot(at, stamp time.Time) *store.Snapshot {
	s := &store.Snapshot{Braked: stamp, Date: at, DateAt: stamp, Listed: map[string]time.Time{}}
	for _, folder := range []string{"issuers", "teams", "accounts", "accounts/web", "accounts/web/ca"} {
		s.Listed[folder] = stamp
	}
	for path, all := range p.versions {
		i, found := slices.BinarySearchFunc(all, at, func(v version, at time.Time) int { return v.since.Compare(at) })
		if !found {
			i--
		}
		body := []byte(all[i].body)
		s.Documents = append(s.Documents, store.Document{
			Path: path, Version: fmt.Sprint(i + 1), Created: all[i].since, Confirmed: stamp,
			Body: body, Hash: sha256.Sum256(body),
		})
	}
	slices.SortFunc(s.Documents, func(a, b store.Document) int { return cmp.Compare(a.Path, b.Path) })
	return s
}
