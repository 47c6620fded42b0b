package answer

import (
	"testing"
	"time"

	"github.com/miekg/dns"
)

// VerifyAll has all that is signed verified.
func VerifyAll() { oneIn = 1 }

// Disbelieve has no signature taken for valid for the time of a test.
func Disbelieve(tb testing.TB, why error) (again func()) {
	tb.Helper()
	before := verify
	verify = func([]dns.RR, []dns.RR, []dns.RR, time.Time) error { return why }
	again = func() { verify = before }
	tb.Cleanup(again)
	return again
}

// AnswerLate answers a query that began before other, which happens meanwhile.
func (a *Authority) AnswerLate(q Query, at time.Time, other func()) Response {
	st := a.state.Load()
	other()
	return a.chained(st, q, at)
}

// KeepCuts has at most n cuts kept for the time of a test.
func KeepCuts(tb testing.TB, n int) {
	tb.Helper()
	before := keptCuts
	keptCuts = n
	tb.Cleanup(func() { keptCuts = before })
}

// DropCutLate drops the cut with an origin, of which another goroutine thinks that
// it is kept still when meanwhile happens.
func (a *Authority) DropCutLate(origin string, meanwhile func()) {
	_, fqdn, _ := a.zone.CutOf(origin)
	v, _ := a.cuts.kept.LoadAndDelete(a.Book().Lookup(fqdn)[0])
	meanwhile()
	a.cuts.leave(v.(*keptCut))
}

// Kept is how many cuts are kept.
func (a *Authority) Kept() int {
	n := 0
	a.cuts.kept.Range(func(any, any) bool {
		n++
		return true
	})
	if n != len(a.cuts.ring) {
		panic("the ring holds others than those that are kept")
	}
	return n
}

// Credit is how many signatures of a cut are paid for that were not made.
func Credit(a *Authority) int64 {
	if a.meter == nil {
		return 0
	}
	return a.meter.credit.Load()
}
