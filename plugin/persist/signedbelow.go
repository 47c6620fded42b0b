package persist

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/plugin"

	"github.com/miekg/dns"
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
}

// sighting is whether a zone was signed, and up to when nobody looks again, by
// the time since the process began.
type sighting struct {
	signed bool
	until  time.Duration
}

// lowers are the zones by their apex. There are no more of them than have
// granted names.
type lowers struct{ byApex sync.Map }

// signed reports whether next has come to sign the zone with an apex. Whoever
// asks first in a minute looks, and all others go by what was seen before.
func (l *lowers) signed(next plugin.Handler, apex string) bool {
	entry, _ := l.byApex.LoadOrStore(apex, new(lower))
	z := entry.(*lower)
	_, at := readClock()
	seen := z.seen.Load()
	if seen == nil {
		seen = &sighting{until: at}
	}
	if at < seen.until || !z.looking.CompareAndSwap(false, true) {
		return seen.signed
	}
	defer z.looking.Store(false)
	now := &sighting{seen.signed, at + lookAgain}
	if signed, known := servesDNSKEY(next, apex); known {
		now.signed = signed
	}
	z.seen.Store(now)
	tellSigned(apex, seen.signed, now.signed)
	return now.signed
}

// tellSigned logs what has changed.
func tellSigned(apex string, before, now bool) {
	switch {
	case now && !before:
		log.Errorf("the plugin after persist now serves a DNSKEY for %s, and what an overlay adds to it would be bogus, so it adds nothing any more: "+
			"delegate _validation-persist labels of that zone and serve them with keys of their own", apex)
	case before && !now:
		log.Infof("the plugin after persist serves no DNSKEY for %s any more: the overlay adds granted names again", apex)
	}
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
