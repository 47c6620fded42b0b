package answer

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/miekg/dns"
)

// meter has a cut pay for what it signs. The signatures of a listed name are there
// once in their window, whoever asks, and cost nobody anything; but of more cuts than
// are kept each costs them anew whenever it is asked for, and whoever likes can ask
// for all by turns. TXT RRsets are not paid for: those of every grant are kept.
type meter struct {
	denials *Denials
	credit  atomic.Int64 // signatures that are paid for
}

// errSpent is why something is not signed.
var errSpent = errors.New("the budget of signatures is spent")

// hasAny reports whether a signature can be paid for at the instant at, and saves
// up to it what [meter.pay] may spend.
func (m *meter) hasAny(at time.Time) bool { return !m.denials.budget.spent(at) }

// pay pays for one signature; m may be nil, which pays for nothing.
func (m *meter) pay() error {
	switch {
	case m == nil:
		return nil
	case m.credit.Add(-1) >= 0:
		return nil
	}
	m.credit.Add(1)
	if !m.denials.budget.draw(1) {
		return errSpent
	}
	return nil
}

// perAnswer is how many signatures an answer of a cut needs at most: SOA and NSEC.
const perAnswer = 2

// answerMetered answers q from a cut. Over a stream it may use the allowance of
// streams once the budget is spent.
func (a *Authority) answerMetered(st *state, q Query, at time.Time) Response {
	if a.meter == nil {
		return a.answer(st, q, at)
	}
	a.meter.hasAny(at)
	r := a.answer(st, q, at)
	if r.Outcome == Limited && q.Stream && a.meter.denials.reserve.take(perAnswer, at) {
		a.meter.credit.Add(perAnswer)
		return a.answer(st, q, at)
	}
	return r
}

// recall returns the TXT RRset of a cut that was signed by an edition before, nil
// where there is none, or it was another.
func (a *Authority) recall(ed *edition, p *pending) *set {
	g := ed.grantOf(p)
	if a.meter == nil || g == nil {
		return nil
	}
	have := a.kept(g)
	if have == nil || have.keys != ed.st.keys || !have.covers(ed.signedAt(p)) || !sameRecords(have.rrs(false), p.rrset) {
		return nil
	}
	return &have.set
}

// remember keeps the TXT RRset of a cut for the editions to come.
func (a *Authority) remember(ed *edition, p *pending, s *set) {
	g := ed.grantOf(p)
	if a.meter == nil || g == nil {
		return
	}
	a.records.Store(g, &prepared{set: *s, keys: ed.st.keys})
	if now := a.state.Load(); !now.has(g) {
		a.records.Delete(g) // it may have been forgotten already
	}
}

// grantOf returns the first grant of the name that a TXT RRset is of, nil for any
// other RRset.
func (ed *edition) grantOf(p *pending) *policy.Grant {
	if p.rrtype() != dns.TypeTXT {
		return nil
	}
	return ed.names[p.rrset[0].Header().Name].grants[0]
}
