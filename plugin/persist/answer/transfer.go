package answer

import (
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

var errNoChain = errors.New("only a zone whose names are denied by a chain can be transferred: write denial nsec")

// Transfer returns the zone as it stands when this clock says at: the SOA RRset
// first, then every other in canonical order, each followed by its signatures.
// It fails where that would not be the whole zone: with compact denial, with
// grants of subtrees, whose names nobody can list, and while the store has been
// silent about a name for too long; and where signatures do not last for as long
// as a secondary may have to go on with them.
func (a *Authority) Transfer(at time.Time) (rrs []dns.RR, serial uint32, err error) {
	st := a.state.Load()
	switch {
	case !a.zone.Chained:
		return nil, 0, errNoChain
	case !st.ready(false):
		return nil, 0, errNotLoaded
	}
	if err := st.lastsForCopies(); err != nil {
		return nil, 0, err
	}
	ed, err := a.edition(st, st.book.Clock(at))
	if err != nil {
		return nil, 0, err
	}
	if err := a.complete(ed); err != nil {
		return nil, 0, err
	}
	all := []*pending{ed.soa}
	for _, record := range ed.chain.Records() {
		n := ed.names[record.Hdr.Name]
		all = append(append(all, n.rrsets...), n.nsec)
	}
	for _, p := range all {
		if a.meter != nil && p.paid() && p.signed.Load() == nil { // only those get it whom the operator has named
			a.meter.credit.Add(1)
		}
		s, err := a.signed(ed, p)
		if err != nil {
			return nil, 0, err
		}
		rrs = append(rrs, s.signed...)
	}
	return rrs, ed.serial, nil
}

// complete returns what keeps the edition from being the whole zone.
func (a *Authority) complete(ed *edition) error {
	for name, n := range ed.names {
		if n.stale {
			return fmt.Errorf("the store has been silent too long about %s, among others: a secondary goes on with what it has", name)
		}
		for _, g := range n.grants {
			if g.Subtree && !a.sparesSubtrees(name) {
				return fmt.Errorf("%s grants the subtree of %s, whose names nobody can list: write denial compact, or list the names", g.Path(), g.FQDN)
			}
		}
	}
	return nil
}

// sparesSubtrees reports whether nobody expects the zone to have the names of a
// subtree that is granted at an owner: at the apex none of them is one of the zone,
// and one of targets has the grants of everybody, whatever they are made for.
func (a *Authority) sparesSubtrees(owner string) bool {
	return owner == a.zone.Origin || a.zone.Targets
}
