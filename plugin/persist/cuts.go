package persist

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

// serveCuts answers a query at or below a zone of which nothing is ours but the
// cuts in it.
func (p *Persist) serveCuts(ctx context.Context, a *answer.Authority, state request.Request) (int, error) {
	q := query(ctx, state)
	resp, claim := a.Cut(q, p.now())
	if claim == answer.Theirs {
		return p.next(ctx, state.W, state.Req)
	}
	if other, refused := refuse(state.Req); refused {
		return p.reply(ctx, a, state, q, other)
	}
	if q.Type == dns.TypeDS {
		if m := p.parents(ctx, a, state); m != nil {
			return dns.RcodeSuccess, state.W.WriteMsg(m)
		}
	}
	return p.reply(ctx, a, state, q, resp)
}

// parents returns what the next plugin says of the DS RRset of a cut, which is
// the parent's: nil where it neither serves that nor asks others for it, and the
// answer is no data at the apex of the cut (RFC 4035 section 3.1.4.1). To say that
// there is no such name, or that it is an alias, is not the parent's part, whose
// delegation stands there: resolvers would take the cut for gone (RFC 8020).
func (p *Persist) parents(ctx context.Context, a *answer.Authority, state request.Request) *dns.Msg {
	origin, _, _ := a.Zone().CutOf(state.Name())
	if origin != state.Name() || p.Next == nil {
		return nil
	}
	m, _, _ := p.ask(ctx, state)
	switch {
	case m == nil || !m.Authoritative && !m.RecursionAvailable || m.Rcode != dns.RcodeSuccess:
		return nil
	case holdsDS(m.Answer, origin), len(m.Answer) == 0 && soaAboveCut(m.Ns, origin):
		return m
	}
	return nil
}

// holdsDS reports whether a DS record of origin is among rrs.
func holdsDS(rrs []dns.RR, origin string) bool {
	return slices.ContainsFunc(rrs, func(rr dns.RR) bool {
		h := rr.Header()
		return h.Rrtype == dns.TypeDS && strings.EqualFold(h.Name, origin)
	})
}

// soaAboveCut reports whether rrs have the SOA record of a zone above origin.
func soaAboveCut(rrs []dns.RR, origin string) bool {
	soa := soaAbove(rrs, origin)
	return soa != nil && isBelow(origin, dns.CanonicalName(soa.Hdr.Name))
}

// signedZone is a zone that the keys sign; with cuts, one that there may be.
func (c *config) signedZone() string {
	origin := c.zones[0].Origin
	if !c.cuts {
		return origin
	}
	return record.Label + "." + strings.TrimPrefix(origin, ".")
}

// errCutsAway is because what is signed elsewhere is signed for each zone: the
// bundles of all cuts would be millions.
var errCutsAway = errors.New("a key-signing key is kept away from the servers, and cuts need one in the key document, as bundles are signed for each zone beforehand: " +
	"write keys whose document holds its seed, or a stanza without cuts for each zone that needs the other")

// fits refuses keys by which the zones cannot be signed.
func (k *keyring) fits(set *dnssec.KeySet) error {
	if k.cuts && len(set.Away()) > 0 {
		return errCutsAway
	}
	return nil
}

// announceCuts logs of which key the parents of cuts shall have a DS record, and
// how many cuts a roll-over of the KSK would forget.
func (p *Persist) announceCuts(keys *dnssec.KeySet, book *policy.Book) {
	key := keys.EntryPoint(p.config.signedZone(), p.now())
	switch {
	case keys.GoesInsecure(p.now()):
		log.Infof("the cuts of %s go insecure: their parents shall remove the DS records", p.zones())
	case key != nil:
		log.Infof("DS for the parents of the cuts of %s: that of the key %d %d %d %s, with tag %d; persistctl keys ds CUT prints that of one, and persistctl keys ds --cuts those of all",
			p.zones(), key.Flags, key.Protocol, key.Algorithm, key.PublicKey, key.KeyTag())
	}
	if n := p.forgotten(keys, book); n > 0 {
		log.Errorf("a roll-over of the KSK does not wait for the parents of %d cuts of %s, and will break the chain of trust of those that have a DS record: add the zone that they are cuts of to cuts in the key document", n, p.zones())
	}
}

// forgotten counts the cuts that a roll-over does not wait for, where it waits for
// any zones, or cuts.
func (p *Persist) forgotten(keys *dnssec.KeySet, book *policy.Book) (n int) {
	if len(keys.Zones)+len(keys.Cuts) == 0 {
		return 0
	}
	rolled := make(map[string]bool, len(keys.Zones))
	for _, zone := range keys.Zones {
		rolled[zone] = true
	}
	for _, z := range p.config.zones {
		for owner := range z.Owners(book) {
			if !rolled[owner] && !slices.ContainsFunc(keys.Cuts, func(of string) bool { return dns.IsSubDomain(of, owner) }) {
				n++
			}
		}
	}
	return n
}

// tellCuts has secondaries told of what is new in book, to be served from from now
// on. It looks at what has changed alone.
func (p *Persist) tellCuts(book *policy.Book) {
	if p.config.cuts && p.served != nil && book != nil {
		p.herald.changed(p, book)
	}
}
