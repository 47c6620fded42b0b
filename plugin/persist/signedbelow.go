package persist

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/plugin"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/miekg/dns"
	"golang.org/x/time/rate"
)

// What an overlay adds to a signed zone is bogus: the names stand unsigned in it,
// and its denials deny them. A zone that is signed is refused at start. Some come
// up later, because they are transferred, lie in a directory or behind another
// server, and any may be signed while it is served: then the overlay yields.

// refuseSignedBelow refuses an overlay where the plugin after persist signs the
// zone by itself.
func (p *Persist) refuseSignedBelow() error {
	for _, origin := range p.origins {
		apex := apexBelow(p.Next, origin)
		if signed, _ := servesDNSKEY(p.Next, apex); signed {
			return fmt.Errorf("the plugin after persist serves a DNSKEY for %s, so what an overlay adds to it would be bogus: "+
				"delegate %s%s and serve that zone with keys of its own, or let the dnssec plugin sign an unsigned file", apex, "_validation-persist.", origin)
		}
	}
	return nil
}

// lookAgain is how long what was seen of a zone holds. A zone has a DNSKEY RRset
// before its parent has a DS record, and until then nothing is bogus.
const lookAgain = time.Minute

// lower is a zone that an overlay lies over, as it was last seen.
type lower struct {
	looking atomic.Bool
	seen    atomic.Pointer[sighting]
	found   chan struct{} // closed with the first sighting
}

// sighting is whether a zone was signed, and up to when nobody looks again, by
// the time since the process began.
type sighting struct {
	signed bool
	until  time.Duration
}

// keptLowers is how many zones are remembered. There may be one for each granted
// name, and for whatever name of a subtree somebody below the overlay likes.
const keptLowers = 1 << 12

// lowers are the zones that were asked for lately, by their apex.
type lowers struct {
	byApex *lru.Cache[string, *lower]
	told   rate.Sometimes // what has changed
}

func newLowers() *lowers {
	byApex, _ := lru.New[string, *lower](keptLowers) // fails only for a size below 1
	return &lowers{byApex: byApex, told: rate.Sometimes{First: mostTold, Interval: time.Minute}}
}

// of returns the zone with an apex, a new one where it is not remembered.
func (l *lowers) of(apex string) *lower {
	if z, ok := l.byApex.Get(apex); ok {
		return z
	}
	z := &lower{found: make(chan struct{})}
	if other, ok, _ := l.byApex.PeekOrAdd(apex, z); ok {
		return other
	}
	return z
}

// signed reports whether next has come to sign the zone with an apex. Whoever
// asks first in a minute looks, and all others go by what was seen before, for which
// they wait where there is nothing yet.
func (l *lowers) signed(next plugin.Handler, apex string) bool {
	z := l.of(apex)
	_, at := readClock()
	if seen := z.seen.Load(); seen != nil && at < seen.until {
		return seen.signed
	}
	if !z.looking.CompareAndSwap(false, true) {
		return z.wasSigned()
	}
	defer z.looking.Store(false)
	return l.look(z, next, apex, at)
}

// wasSigned reports whether the zone was signed when it was last seen. One that
// nobody has seen counts as unsigned after a moment, as it does where next gives no
// answer.
func (z *lower) wasSigned() bool {
	if z.seen.Load() == nil {
		select {
		case <-z.found:
		case <-time.After(moment):
		}
	}
	seen := z.seen.Load()
	return seen != nil && seen.signed
}

// look asks next whether z is signed, which nobody else does meanwhile, and goes by
// what was seen before where that is not known.
func (l *lowers) look(z *lower, next plugin.Handler, apex string, at time.Duration) bool {
	before := z.seen.Load()
	was := before != nil && before.signed
	now := &sighting{was, at + lookAgain}
	if signed, known := servesDNSKEY(next, apex); known {
		now.signed = signed
	}
	z.seen.Store(now)
	if before == nil {
		close(z.found)
	}
	if now.signed != was {
		l.told.Do(func() { tellSigned(apex, now.signed) })
	}
	return now.signed
}

// tellSigned logs that a zone has come to be signed, or unsigned.
func tellSigned(apex string, signed bool) {
	if signed {
		log.Errorf("the plugin after persist now serves a DNSKEY for %s, and what an overlay adds to it would be bogus, so it adds nothing any more: "+
			"delegate _validation-persist labels of that zone and serve them with keys of their own", apex)
		return
	}
	log.Infof("the plugin after persist serves no DNSKEY for %s any more: the overlay adds granted names again", apex)
}

// servesDNSKEY asks next whether the zone with an apex is signed. That is not
// known where next gives no answer.
func servesDNSKEY(next plugin.Handler, apex string) (signed, known bool) {
	m := inquire(next, apex, dns.TypeDNSKEY)
	if m == nil || !conclusive(m) {
		return false, false
	}
	return has(m.Answer, dns.TypeDNSKEY), true
}

// apexBelow returns the apex of the zone that name lies in for next, which is
// name itself where that does not say.
func apexBelow(next plugin.Handler, name string) string {
	if m := inquire(next, name, dns.TypeSOA); m != nil {
		if soa := soaAbove(slices.Concat(m.Answer, m.Ns), name); soa != nil {
			return dns.CanonicalName(soa.Hdr.Name)
		}
	}
	return name
}
