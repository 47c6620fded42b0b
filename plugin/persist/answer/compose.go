package answer

import (
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// composition is an edition in the making.
type composition struct {
	*edition
	prev    *edition // what has not changed is taken over from it
	zone    *zone.Zone
	changed bool // whether anything that a transfer contains differs from prev
}

// compose makes the edition after prev, which may be nil.
func (a *Authority) compose(prev *edition, st *state, at time.Time) (*edition, error) {
	c := &composition{
		edition: &edition{st: st, at: at, until: at.Truncate(tick).Add(tick), names: map[string]*node{}},
		prev:    prev,
		zone:    a.zone,
	}
	if prev == nil || prev.st.keys != st.keys {
		c.prev, c.changed = &edition{}, true
	}
	c.apex()
	for owner, grants := range a.zone.Owners(st.book) {
		c.owner(owner, grants)
	}
	if err := c.link(); err != nil {
		return nil, err
	}
	c.number(a.serial)
	return c.edition, nil
}

// carry returns rrset to be signed: old, which may be nil, where it is the same
// and its signature need not be replaced.
func (c *composition) carry(old *pending, rrset []dns.RR, notAfter time.Time) *pending {
	p := &pending{rrset: rrset, notAfter: notAfter}
	if old == nil || !slices.EqualFunc(old.rrset, rrset, dns.IsDuplicate) {
		c.changed = true
		return p
	}
	s := old.signed.Load()
	if s != nil && s.covers(c.signedAt(p)) {
		return old
	}
	c.changed = c.changed || s != nil
	return p
}

func (c *composition) endBy(at time.Time) {
	if at.Before(c.until) {
		c.until = at
	}
}

// apex adds the RRsets of the zone itself.
func (c *composition) apex() {
	keys, origin := c.st.keys, c.zone.Origin
	dnskey, changes := keys.DNSKEY(origin, c.at)
	c.endBy(changes)
	cds, cdnskey, changes := keys.CDS(origin, c.at)
	c.endBy(changes)
	n, old := &node{}, c.prev.names[origin]
	for _, rrset := range [][]dns.RR{c.zone.NS(), dnskey, cds, cdnskey} {
		if len(rrset) > 0 {
			rrtype := rrset[0].Header().Rrtype
			n.rrsets = append(n.rrsets, c.carry(old.rrset(rrtype), rrset, time.Time{}))
		}
	}
	for _, rrtype := range ofKeys {
		_, end := keys.Window(origin, rrtype, c.at)
		c.endBy(end)
	}
	c.names[origin] = n
}

// owner adds what grants amount to at an owner, which may be the apex.
func (c *composition) owner(name string, grants []*policy.Grant) {
	n := c.names[name]
	if n == nil {
		n = &node{}
		c.names[name] = n
	}
	old := c.prev.names[name]
	txt := old.rrset(dns.TypeTXT)
	switch {
	case old == nil || !old.holds(c.st.book, grants, c.at):
		r := c.zone.Records(c.st.book, grants, c.at)
		n.content = newContent(c.st.book, grants, r, c.at)
		if len(r.Published) > 0 {
			n.rrsets = append(n.rrsets, c.carry(txt, c.zone.TXT(name, r), r.NotAfter))
		}
	default:
		n.content = old.content
		if txt != nil {
			n.rrsets = append(n.rrsets, c.carry(txt, txt.rrset, txt.notAfter))
		}
	}
	c.endBy(n.until)
}

// link makes the chain, unless it is the one of before.
func (c *composition) link() error {
	if c.chain = c.prev.chain; !c.linkedAsBefore() {
		nodes := make([]dnssec.Node, 0, len(c.names))
		for name, n := range c.names {
			if types := n.types(); name == c.zone.Origin {
				nodes = append(nodes, dnssec.Node{Name: name, Types: append(types, dns.TypeSOA)})
			} else if len(types) > 0 {
				nodes = append(nodes, dnssec.Node{Name: name, Types: types})
			}
		}
		var err error
		if c.chain, err = dnssec.NewChain(c.zone.Origin, nodes, zone.NegativeTTL); err != nil {
			return err
		}
	}
	for _, record := range c.chain.Records() {
		name := record.Hdr.Name
		var old *pending
		if before := c.prev.names[name]; before != nil {
			old = before.nsec
		}
		c.names[name].nsec = c.carry(old, []dns.RR{record}, time.Time{})
	}
	return nil
}

// linkedAsBefore reports whether the same names have the same types as before.
func (c *composition) linkedAsBefore() bool {
	if c.prev.chain == nil {
		return false
	}
	linked := 0
	for name, n := range c.names {
		types, old := n.types(), c.prev.names[name]
		if len(types) == 0 {
			continue
		}
		if linked++; old == nil || !slices.Equal(types, old.types()) {
			return false
		}
	}
	return linked == len(c.chain.Records())
}

// number gives the edition its serial, the one before where nothing differs.
func (c *composition) number(serial *Serial) {
	if !c.changed {
		if s := c.prev.soa.signed.Load(); s == nil || s.covers(c.signedAt(c.prev.soa)) {
			c.serial, c.soa = c.prev.serial, c.prev.soa
			return
		}
	}
	c.serial = serial.next(c.at)
	rrset := c.zone.SOA(c.serial)
	soa := rrset[0].(*dns.SOA)
	soa.Refresh, soa.Retry = refresh, retry
	soa.Expire = c.st.expire()
	c.soa = &pending{rrset: rrset}
}

// SOA timers of a zone that is transferred, in seconds. NOTIFY makes most
// refreshes needless; they are short because a withdrawn record must go.
const (
	refresh    = 900
	retry      = 300
	mostExpire = 86400
)

// expire is how long a secondary keeps the zone: no longer than its signatures
// last.
func (st *state) expire() uint32 {
	lasts := int(st.keys.Expire(tick+late) / time.Second)
	return uint32(min(max(lasts, refresh+retry), mostExpire)) // #nosec G115 -- between the two
}
