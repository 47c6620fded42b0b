// Package answer composes what a zone holds with the keys that sign it.
//
// An Authority answers (name, type, instant) from a book of grants and a key
// set. The answer is a pure function of these three; the Authority only
// remembers what it signed, so that a granted name is signed once per
// signature window and not once per query.
package answer

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// Query is a question in class IN, with what shapes its answer.
type Query struct {
	Name   string // absolute, lower case, at or below the zone's origin
	Type   uint16
	DO     bool // DNSSEC OK (RFC 3225)
	CO     bool // Compact Answers OK (RFC 9824 section 5.1)
	Stream bool // it came over a connection, so that nobody can pretend to have sent it
}

// Outcome says what kind of answer a Response is. The set is closed: it labels
// a metric.
type Outcome string

// The outcomes.
const (
	Record   Outcome = "record"     // the TXT RRset of a granted name
	Apex     Outcome = "apex"       // SOA, NS or DNSKEY
	Denial   Outcome = "denial"     // an NSEC or its signature, asked for by type
	NoData   Outcome = "nodata"     // the name exists, the type does not
	NXDomain Outcome = "nxdomain"   // no such name, whichever way it is proven
	NotReady Outcome = "not_ready"  // no documents or no keys loaded yet, or not the one that may grant the name
	Stale    Outcome = "stale"      // the store has been silent for too long
	Failed   Outcome = "failed"     // signing failed
	Refused  Outcome = "refused"    // a type or opcode that is not answered
	Limited  Outcome = "over_limit" // the budget of signatures for unknown names is spent
)

// Outcomes are all there are.
var Outcomes = []Outcome{Record, Apex, Denial, NoData, NXDomain, NotReady, Stale, Failed, Refused, Limited}

// Response is what to send. The slices are shared and must not be written to.
type Response struct {
	Outcome   Outcome
	Rcode     int
	Answer    []dns.RR
	Authority []dns.RR
	// EDE is the Extended DNS Error to attach (RFC 8914), nil for none. It too
	// is shared.
	EDE *dns.EDNS0_EDE
	// Err is why signing failed, where Outcome is Failed.
	Err error
}

// Authority answers for one zone. Answer and Update may be called from any
// number of goroutines.
type Authority struct {
	*common // of the cuts of a zone; else its own

	zone   *zone.Zone
	apex   apexSets
	newest newest
	serial *Serial // nil unless the zone is chained
	cuts   *cuts   // nil unless the zone has cuts
	meter  *meter  // nil but in cuts of which there are more than are kept
}

// common is what the cuts of a zone have in common.
type common struct {
	// Outgrown is called, unless nil, when the signed TXT RRset of a granted
	// name has become too large for a response over UDP, with the size of the
	// response in octets. It is set before the first Answer.
	Outgrown func(owner string, octets int)
	// Verified is called, unless nil, when a sample of what was signed has been
	// verified, with why it is not valid. It is set before the first Answer.
	Verified func(err error)

	unsigned bool
	state    atomic.Pointer[state]

	records sync.Map // *policy.Grant, the first at a name → *prepared
	denials *Denials // nil in zones that are unsigned or chained
	sampler sampler
}

// state is what is served from: swapped whole, never written to.
type state struct {
	book *policy.Book
	keys *dnssec.KeySet // nil in an unsigned zone
}

// New returns an authority for z that signs, spending at most budget
// signatures per second on names that do not exist.
func New(z *zone.Zone, budget float64) *Authority { return NewSharing(z, NewDenials(budget)) }

// NewSharing returns an authority for z that signs, and shares the memory of
// denials and the budget for them with other zones.
func NewSharing(z *zone.Zone, d *Denials) *Authority {
	return &Authority{common: &common{denials: d}, zone: z}
}

// NewUnsigned returns an authority for z without DNSSEC.
func NewUnsigned(z *zone.Zone) *Authority {
	return &Authority{common: &common{unsigned: true}, zone: z}
}

// Zone returns the zone answered for.
func (a *Authority) Zone() *zone.Zone { return a.zone }

// Book returns the book served from, nil before the first Update with one.
func (a *Authority) Book() *policy.Book {
	if st := a.state.Load(); st != nil {
		return st.book
	}
	return nil
}

// Update serves from book and keys from now on. Either may be nil as long as
// it has not been loaded: the authority is then not ready. What was prepared for
// grants that the book no longer has stays in memory until [Authority.Forget].
func (a *Authority) Update(book *policy.Book, keys *dnssec.KeySet) {
	st := &state{book: book, keys: keys}
	a.state.Store(st)
	a.forgetTXT(st)
}

// Ready reports whether there is everything an answer needs.
func (a *Authority) Ready() bool { return a.state.Load().ready(a.unsigned) }

func (st *state) ready(unsigned bool) bool {
	return st != nil && st.book != nil && (unsigned || st.keys != nil)
}

// Answer answers q when this clock says at. Where the store's says otherwise,
// signatures and records go by the book's: see [policy.Book.Clock].
func (a *Authority) Answer(q Query, at time.Time) Response {
	st := a.state.Load()
	if !st.ready(a.unsigned) {
		return notReady()
	}
	if r, refused := refuse(q.Type); refused {
		return r
	}
	return a.answer(st, q, st.book.Clock(at))
}

// answer answers q from what is loaded.
func (a *Authority) answer(st *state, q Query, at time.Time) Response {
	if a.zone.Chained {
		return a.chained(st, q, at)
	}
	place := a.zone.Find(st.book, q.Name)
	switch place.Kind {
	case zone.Owner:
		return a.owner(st, place, q, at)
	case zone.Apex:
		return a.atApex(st, place, q, at)
	case zone.Empty:
		return a.empty(st, place, q, at)
	default:
		return a.absent(st, q, at)
	}
}
