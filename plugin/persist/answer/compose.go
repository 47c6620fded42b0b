package answer

import (
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
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
		edition: &edition{st: st, at: at, until: at.Truncate(tick).Add(tick), names: map[string]*node{}, lone: new(sync.Map)},
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
func (c *composition) carry(old *pending, rrset []dns.RR) *pending {
	p := newPending(old, rrset)
	if old == nil || !sameRecords(old.rrset, rrset) {
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

func sameRecords(one, other []dns.RR) bool { return slices.EqualFunc(one, other, dns.IsDuplicate) }

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
	n, old := &node{types: []uint16{dns.TypeSOA}}, c.prev.names[origin]
	for _, rrset := range [][]dns.RR{c.zone.NS(), dnskey, cds, cdnskey} {
		if len(rrset) > 0 {
			rrtype := rrset[0].Header().Rrtype
			n.rrsets = append(n.rrsets, c.carry(old.rrset(rrtype), rrset))
			n.types = append(n.types, rrtype)
			if dnssec.KeySigned(rrtype) {
				_, end := keys.Window(origin, rrtype, c.at)
				c.endBy(end)
			}
		}
	}
	c.names[origin] = n
}

// owner adds what grants amount to at an owner, which may be the apex.
func (c *composition) owner(name string, grants []*policy.Grant) {
	old := c.prev.names[name]
	content, txt := c.grant(old, name, grants)
	c.endBy(content.until)
	c.held = c.held || content.held()
	n := c.names[name]
	switch {
	case n == nil && old != nil && txt == old.rrset(dns.TypeTXT) && old.from.Equal(content.from):
		c.names[name] = old
		return
	case n == nil:
		n = &node{}
		c.names[name] = n
	}
	n.content = content
	if txt != nil {
		n.rrsets = append(n.rrsets, txt)
	}
	if txt != nil || content.stale { // nobody has vouched for it lately: neither served nor denied
		n.types = append(n.types, dns.TypeTXT)
	}
}

// grant returns what grants amount to at an owner, and its TXT RRset, nil if
// there is none: those of before, if they hold.
func (c *composition) grant(old *node, name string, grants []*policy.Grant) (content, *pending) {
	txt := old.rrset(dns.TypeTXT)
	if old != nil && old.holds(c.st.book, grants, c.at) {
		if txt != nil {
			txt = c.carry(txt, txt.rrset)
		}
		return old.content, txt
	}
	r := c.zone.Records(c.st.book, grants, c.at)
	if len(r.Published) > 0 {
		txt = c.carry(txt, c.zone.TXT(name, r))
	} else {
		c.changed = c.changed || txt != nil // the chain may not tell: a stale name keeps its bit
		txt = nil
	}
	return newContent(c.st.book, grants, r, c.at), txt
}

// link makes the chain, unless it is the one of before.
func (c *composition) link() error {
	if c.chain = c.prev.chain; !c.linkedAsBefore() {
		nodes := make([]dnssec.Node, 0, len(c.names))
		for name, n := range c.names {
			if len(n.types) > 0 {
				nodes = append(nodes, dnssec.Node{Name: name, Types: n.types})
			}
		}
		var err error
		if c.chain, err = dnssec.NewChain(c.zone.Origin, nodes, zone.NegativeTTL); err != nil {
			return err
		}
	}
	for _, record := range c.chain.Records() {
		c.deny(record)
	}
	return nil
}

// deny puts an NSEC record at its owner, whose node may be that of before.
func (c *composition) deny(record *dns.NSEC) {
	name := record.Hdr.Name
	n, old := c.names[name], c.prev.names[name]
	var before *pending
	if old != nil {
		before = old.nsec
	}
	nsec := c.carry(before, []dns.RR{record})
	if n == old {
		if nsec == before {
			return
		}
		n = &node{rrsets: old.rrsets, types: old.types, content: old.content}
		c.names[name] = n
	}
	n.nsec = nsec
}

// linkedAsBefore reports whether the same names have the same types as before.
func (c *composition) linkedAsBefore() bool {
	if c.prev.chain == nil {
		return false
	}
	linked := 0
	for name, n := range c.names {
		if len(n.types) == 0 {
			continue
		}
		linked++
		if old := c.prev.names[name]; n != old && (old == nil || !slices.Equal(n.types, old.types)) {
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
	c.serial = c.numbered(serial)
	rrset := c.zone.SOA(c.serial)
	soa := rrset[0].(*dns.SOA)
	soa.Refresh, soa.Retry = refresh, retry
	soa.Expire = c.st.expire()
	c.soa = &pending{rrset: rrset}
}

// numbered returns the serial of a version that differs from the one before, as far
// as that is known. A zone of one name may have been forgotten in between.
func (c *composition) numbered(serial *Serial) uint32 {
	if len(c.names) > 1 {
		return serial.next(c.at)
	}
	return serial.nextOf(c.hash(), c.at)
}

// hash is that of all that a transfer contains but for the serial, with the
// signatures told by the windows in which they are made.
func (c *composition) hash() uint64 {
	var h maphash.Hash
	h.SetSeed(hashes)
	window := func(rrtype uint16, at time.Time) {
		from, _ := c.st.keys.Window(c.zone.Origin, rrtype, at)
		maphash.WriteComparable(&h, from.Unix())
	}
	n := c.names[c.zone.Origin]
	for _, p := range append(slices.Clip(n.rrsets), n.nsec) {
		for _, rr := range p.rrset {
			h.WriteString(rr.String())
		}
		window(p.rrtype(), c.signedAt(p))
	}
	window(dns.TypeSOA, c.at.Truncate(tick))
	return h.Sum64()
}

var hashes = maphash.MakeSeed()

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
	lasts := int(st.lasts() / time.Second)
	return uint32(min(max(lasts, refresh+retry), mostExpire)) // #nosec G115 -- between the two
}

// lasts is for how long a copy of the zone may be served.
func (st *state) lasts() time.Duration { return st.keys.Expire(tick + late) }

// lastsForCopies returns why copies may not be served until a secondary has asked
// again for the first time and, in vain, for the second: SOA EXPIRE must not be
// shorter (RFC 1912 section 2.2), and would be longer than signatures last.
func (st *state) lastsForCopies() error {
	if lasts := st.lasts(); lasts < (refresh+retry)*time.Second {
		return fmt.Errorf("its signatures are too short for secondaries, as caches keep the DNSKEY RRset for long: lower dnskey_ttl in the key document by %v at least, or raise validity.dnskey by twice that",
			(refresh+retry)*time.Second-lasts)
	}
	return nil
}
