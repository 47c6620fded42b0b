package answer

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/zone"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/miekg/dns"
)

// keptOfSubtrees is how many answers of each kind are remembered for names of
// subtrees. There are more such names than memory, and whoever likes can ask for
// them, so they share neither memory with listed names nor what those may cost.
const keptOfSubtrees = 1 << 14

// subtrees remembers what was signed for names of subtrees, by exact canonical
// name.
type subtrees struct {
	records *lru.Cache[string, *prepared]
	denials *lru.Cache[string, *denial] // of other types at these names
	turns   *turns
}

// turns has nobody sign for a name while somebody else does, who remembers it: it is
// paid for once. Several names share a turn.
type turns [1 << 8]sync.Mutex

// take waits for the turn of a name, and returns what ends it.
func (t *turns) take(name string) (end func()) {
	mu := &t[maphash.String(hashes, name)%uint64(len(t))]
	mu.Lock()
	return mu.Unlock
}

func newSubtrees() subtrees {
	records, _ := lru.New[string, *prepared](keptOfSubtrees) // fails only for a size below 1
	denials, _ := lru.New[string, *denial](keptOfSubtrees)
	return subtrees{records, denials, new(turns)}
}

// unvouched stands for names that may have grants of their own by now; where those
// are of subtrees, they would end the subtree there.
var unvouched = &prepared{content: content{stale: true}}

// txt returns the TXT RRset at an owner; nil where nobody has listed the name and
// every allowance for such is spent.
func (a *Authority) txt(st *state, place zone.Place, q Query, at time.Time) (*prepared, error) {
	switch {
	case !place.Synthesised && len(place.Grants) > 0:
		return a.prepare(st, place, q.Name, at)
	case a.zone.MayBeGranted(st.book, q.Name, at):
		return unvouched, nil
	case place.Kind == zone.Apex: // a name in the Corefile is a listed one
		return a.prepare(st, place, q.Name, at)
	}
	return a.synthesise(st, place, q, at)
}

// empty answers at an empty non-terminal. In a zone of targets it may be granted.
func (a *Authority) empty(st *state, place zone.Place, q Query, at time.Time) Response {
	switch {
	case !a.zone.MayBeGranted(st.book, q.Name, at):
		return a.exists(st, place, q, nil, at)
	case q.Type == dns.TypeTXT:
		return unknown(a.zone.ListedAt(st.book, q.Name))
	}
	return a.exists(st, place, q, []uint16{dns.TypeTXT}, at)
}

// synthesise returns the TXT RRset at an owner of a subtree, from memory or made
// for this query, and signed only where that asks for it. Where there is none,
// nothing is signed here, and nothing paid.
func (a *Authority) synthesise(st *state, place zone.Place, q Query, at time.Time) (*prepared, error) {
	if p := a.keptOfSubtree(st, place, q.Name, at); p != nil {
		return p, nil
	}
	p, r := a.outline(st, place, at)
	switch {
	case len(r.Published) == 0:
		return p, nil
	case a.unsigned || !q.asksForSignedTXT():
		rrset := a.zone.TXT(q.Name, r)
		p.signed, p.size = rrset, len(rrset)
		return p, nil
	}
	defer a.denials.subtrees.turns.take(q.Name)()
	if kept := a.keptOfSubtree(st, place, q.Name, at); kept != nil {
		return kept, nil
	}
	if !a.denials.pay(q, 1, at) {
		return nil, nil
	}
	if err := a.fill(p, st, q.Name, r, at); err != nil {
		return nil, err
	}
	a.denials.subtrees.records.Add(q.Name, p)
	return p, nil
}

// keptOfSubtree returns what was signed for an owner of a subtree, nil where there
// is nothing that is current.
func (a *Authority) keptOfSubtree(st *state, place zone.Place, owner string, at time.Time) *prepared {
	if a.unsigned {
		return nil
	}
	if p, ok := a.denials.subtrees.records.Get(owner); ok && p.current(st, place, at) {
		return p
	}
	return nil
}

// asksForSignedTXT reports whether an owner with records answers q with their
// signatures.
func (q Query) asksForSignedTXT() bool {
	return q.Type == dns.TypeRRSIG || q.DO && (q.Type == dns.TypeTXT || q.Type == dns.TypeANY)
}

// exists answers for a name that exists with exactly the given types.
func (a *Authority) exists(st *state, place zone.Place, q Query, types []uint16, at time.Time) Response {
	switch {
	case !place.Synthesised:
		return a.noData(st, q, types, at)
	case a.unsigned || !q.DO && !q.asksForProof():
		return a.unsignedDenial(st, NoData, dns.RcodeSuccess, at)
	}
	d, err := a.existence(st, q, types, at)
	switch {
	case err != nil:
		return failed(err)
	case d == nil:
		return Response{Outcome: Limited}
	}
	return q.noData(d)
}

// existence returns the proof that a name of a subtree exists, from memory or signed
// for this query; nil where every allowance for such is spent.
func (a *Authority) existence(st *state, q Query, types []uint16, at time.Time) (*denial, error) {
	if d := a.keptExistence(st, q.Name, types, at); d != nil {
		return d, nil
	}
	defer a.denials.subtrees.turns.take(q.Name)()
	if d := a.keptExistence(st, q.Name, types, at); d != nil {
		return d, nil
	}
	if !a.denials.pay(q, 1, at) {
		return nil, nil
	}
	d, err := a.present(st, q.Name, types, at)
	if err == nil {
		a.denials.subtrees.denials.Add(q.Name, d)
	}
	return d, err
}

// keptExistence returns what was signed to prove that a name of a subtree exists, nil
// where there is nothing that is current.
func (a *Authority) keptExistence(st *state, name string, types []uint16, at time.Time) *denial {
	if d, ok := a.denials.subtrees.denials.Get(name); ok && d.current(st.keys, types, "", at) {
		return d
	}
	return nil
}

// pay takes n signatures from whichever allowance q may use, if there are as many.
func (d *Denials) pay(q Query, n int, at time.Time) bool {
	return d.budget.take(n, at) || q.Stream && d.reserve.take(n, at)
}
