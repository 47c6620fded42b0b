package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Delegation is whom a zone, and its parent, name as the servers of the zone.
// Resolvers, and so CAs, go by either (RFC 1034 section 4.2.2 has them agree).
type Delegation struct {
	Zone   string
	Own    []string // in the NS RRset that the resolver has, sorted
	Parent []string // in that of any server of the parent, sorted
	Split  []string // those of Parent that some server of the parent does not have
	Stale  []string // NAME (IP), glue at the parent that is no address of the server
	Err    error    // why it is not known, or not of every server, what the parent says

	glue map[string][]netip.Addr
}

// lookup returns the answer section for a question, empty if there is no such name
// or record.
type lookup func(ctx context.Context, name string, qtype uint16) ([]dns.RR, error)

// delegation asks the resolver and every server of the parent for the NS RRset of a
// zone. It fails where the resolver does.
func (f Finder) delegation(ctx context.Context, zone string, by lookup) (Delegation, error) {
	d := Delegation{Zone: zone, glue: map[string][]netip.Addr{}}
	answer, err := by(ctx, zone, dns.TypeNS)
	if err != nil {
		return d, err
	}
	d.Own = sortedOnce(nsOf(zone, answer))
	above, err := f.parents(ctx, zone)
	if err != nil {
		d.Err = err
		return d, nil
	}
	replies, err := askAll(ctx, above, func(ctx context.Context, s server) answerOf {
		reply, err := replied(ctx, "udp", plain(zone, dns.TypeNS), s.address)
		return answerOf{s, reply, err}
	})
	d.take(replies)
	return d, err
}

// answerOf is the answer of one server.
type answerOf struct {
	server
	reply *dns.Msg
	err   error
}

// take takes what the servers of the parent say.
func (d *Delegation) take(replies []answerOf) {
	count, answers := map[string]int{}, 0
	for _, a := range replies {
		if a.err != nil {
			d.Err = errors.Join(d.Err, fmt.Errorf("%s: %w", a.server, a.err))
			continue
		}
		answers++
		for _, name := range sortedOnce(nsOf(d.Zone, slices.Concat(a.reply.Answer, a.reply.Ns))) {
			count[name]++
			d.Parent = append(d.Parent, name)
		}
		d.takeGlue(a.reply.Extra)
	}
	d.Parent = sortedOnce(d.Parent)
	for _, name := range d.Parent {
		if count[name] < answers {
			d.Split = append(d.Split, name)
		}
	}
}

// takeGlue takes the addresses of servers in an additional section.
func (d *Delegation) takeGlue(rrs []dns.RR) {
	for _, rr := range rrs {
		name := dns.CanonicalName(rr.Header().Name)
		if address, ok := addressIn(rr); ok && !slices.Contains(d.glue[name], address) {
			d.glue[name] = append(d.glue[name], address)
		}
	}
}

// servers are the names of all, sorted.
func (d *Delegation) servers() []string { return sortedOnce(slices.Concat(d.Own, d.Parent)) }

// glued returns the glue of a server that is none of its addresses, and notes it.
func (d *Delegation) glued(name string, addresses []netip.Addr, only4 bool) []netip.Addr {
	var stale []netip.Addr
	for _, address := range d.glue[name] {
		if only4 && !address.Is4() || slices.Contains(addresses, address) || !slices.Contains(d.Parent, name) {
			continue
		}
		stale = append(stale, address)
		d.Stale = append(d.Stale, fmt.Sprintf("%s (%s)", name, address))
	}
	return stale
}

// Differences says in what the zone and its parent, or the servers of the parent,
// differ, one sentence each.
func (d *Delegation) Differences() []string {
	var list []string
	if d.Err != nil {
		list = append(list, fmt.Sprintf("what the parent of %s says of its delegation is not known: %v", d.Zone, d.Err))
	}
	if len(d.Parent) == 0 || len(d.Own) == 0 {
		return list
	}
	if lone := lacking(d.Own, d.Parent); len(lone) > 0 {
		list = append(list, fmt.Sprintf("the parent delegates %s to %s too, which its own NS RRset does not have: let both name the same", d.Zone, strings.Join(lone, ", ")))
	}
	if lone := lacking(d.Parent, d.Own); len(lone) > 0 {
		list = append(list, fmt.Sprintf("the NS RRset of %s has %s too, to which its parent does not delegate: let both name the same", d.Zone, strings.Join(lone, ", ")))
	}
	if len(d.Split) > 0 {
		list = append(list, fmt.Sprintf("only some servers of the parent of %s delegate to %s: see whether they follow", d.Zone, strings.Join(d.Split, ", ")))
	}
	if len(d.Stale) > 0 {
		list = append(list, fmt.Sprintf("the parent of %s has glue that is no address of its server: %s: correct it there", d.Zone, strings.Join(d.Stale, ", ")))
	}
	return list
}

// lacking are those of all that names lacks.
func lacking(names, all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(n string) bool { return slices.Contains(names, n) })
}

// addressIn is the address in an A or AAAA record.
func addressIn(rr dns.RR) (netip.Addr, bool) {
	var ip net.IP
	switch rr := rr.(type) {
	case *dns.A:
		ip = rr.A
	case *dns.AAAA:
		ip = rr.AAAA
	}
	address, ok := netip.AddrFromSlice(ip)
	return address.Unmap(), ok
}

func sortedOnce(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
