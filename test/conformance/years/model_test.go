package years

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// skew is how far two clocks may differ, the CA's included.
const skew = 5 * time.Minute

// expected is what a server must say of a granted name.
type expected struct {
	granted bool
	stale   bool
	records []string // that must be there: "account/persistUntil", sorted; empty after the slash for none
	leaving []string // that may be gone and may be there, as long as nobody is misled
}

// expect goes by the documents as the server read them at scanned, and by its
// clock: that said stamp then and says now. All rules are written anew from the
// manual page.
func (p *papers) expect(owner string, scanned, stamp, now time.Time) expected {
	e := expected{stale: true}
	for _, g := range p.at[owner] {
		if !g.listed(scanned) {
			continue
		}
		e.granted = true
		if !now.Before(stamp.Add(g.servedFor())) {
			continue
		}
		e.stale = false
		if now.Before(g.notBefore) {
			continue
		}
		until := p.persistUntil(g, now, stamp.Add(grace), p.frozen(scanned))
		switch {
		case until.IsZero():
			e.records = append(e.records, g.account+"/")
		case now.Before(until.Add(-ttl*time.Second - skew)):
			e.records = append(e.records, fmt.Sprintf("%s/%d", g.account, until.Unix()))
		case now.Before(until):
			e.leaving = append(e.leaving, fmt.Sprintf("%s/%d", g.account, until.Unix()))
		}
	}
	e.stale = e.stale && e.granted
	slices.Sort(e.records)
	return e
}

// known is whether the name is there: it has records, or it may have.
func (e expected) known() bool { return e.granted && (e.stale || len(e.records) > 0) }

// admits reports whether the records got are what is due.
func (e expected) admits(got []string) bool {
	got = slices.DeleteFunc(slices.Clone(got), func(r string) bool { return slices.Contains(e.leaving, r) })
	return slices.Equal(got, e.records)
}

// servedFor is how long after the store's last word the grant is served.
func (g grant) servedFor() time.Duration {
	if g.floor == 0 {
		return maxStale
	}
	return min(maxStale, g.floor+grace-ttl*time.Second-skew)
}

// persistUntil is up to when the CA may rely on the record of g, zero for ever.
func (p *papers) persistUntil(g grant, now, horizon, frozen time.Time) time.Time {
	until, floor, step := g.until, g.floor, g.step
	if floor == 0 {
		floor, step = 96*time.Hour, day // by which a freeze goes
	} else {
		until = p.nextStep(earlier(now, horizon).Add(floor), step)
	}
	if !frozen.IsZero() {
		if last := p.nextStep(frozen.Add(floor), step); until.IsZero() || last.Before(until) {
			until = last
		}
	}
	return until
}

func (p *papers) nextStep(at time.Time, step time.Duration) time.Time {
	phase := p.phases[step]
	return nextStep(at.Add(-phase), step).Add(phase)
}

// nextStep is the first multiple of step, since 1970, that is not before at.
func nextStep(at time.Time, step time.Duration) time.Time {
	since := at.Sub(time.Unix(0, 0))
	if over := since % step; over > 0 {
		since += step - over
	}
	return time.Unix(0, 0).Add(since)
}

// records reads the TXT records of an answer as expected has them, and finds the
// earliest persistUntil; bounded is set where every record has one.
func records(section []dns.RR) (list []string, first time.Time, bounded bool) {
	bounded = true
	for _, rr := range section {
		txt, ok := rr.(*dns.TXT)
		if !ok {
			continue
		}
		var account, until string
		for part := range strings.SplitSeq(strings.Join(txt.Txt, ""), ";") {
			part = strings.TrimSpace(part)
			if uri, ok := strings.CutPrefix(part, "accounturi=https://ca.example/acct/"); ok {
				account = uri
			}
			if at, ok := strings.CutPrefix(part, "persistUntil="); ok {
				until = at
			}
		}
		list = append(list, account+"/"+until)
		unix, err := strconv.ParseInt(until, 10, 64)
		if at := time.Unix(unix, 0); err != nil {
			bounded = false
		} else if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	slices.Sort(list)
	return list, first, bounded
}
