package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

func (f Finder) resolver() (resolver, error) {
	if f.Resolver != "" {
		return resolver(f.Resolver), nil
	}
	c, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	switch {
	case err != nil:
		return "", fmt.Errorf("the system's resolver: %w", err)
	case len(c.Servers) == 0:
		return "", errors.New("/etc/resolv.conf names no resolver")
	}
	return resolver(net.JoinHostPort(c.Servers[0], c.Port)), nil
}

// resolver is the IP:PORT of a recursive resolver.
type resolver string

// lookup returns the answer section for a question, empty if there is no such
// name or record.
func (r resolver) lookup(ctx context.Context, name string, qtype uint16) ([]dns.RR, error) {
	reply, err := exchange(ctx, "udp", new(dns.Msg).SetQuestion(name, qtype).SetEdns0(payload, false), string(r))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the resolver %s: %w", r, err)
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return nil, fmt.Errorf("the resolver %s answers %s for %s %s", r, dns.RcodeToString[reply.Rcode], name, dns.Type(qtype))
	}
	return reply.Answer, nil
}

// parent returns the names of the servers of the zone that zone is delegated
// from: the nearest one above that has an NS RRset.
func (r resolver) parent(ctx context.Context, zone string) ([]string, error) {
	for off, end := dns.NextLabel(zone, 0); ; off, end = dns.NextLabel(zone, off) {
		above := zone[off:]
		if end {
			above = "."
		}
		answer, err := r.lookup(ctx, above, dns.TypeNS)
		if err != nil {
			return nil, err
		}
		names := nsOf(above, answer)
		switch slices.Sort(names); {
		case len(names) > 0:
			return names, nil
		case end:
			return nil, fmt.Errorf("the resolver %s knows no zone above", r)
		}
	}
}

// addressed returns every address of servers with names.
func (f Finder) addressed(ctx context.Context, r resolver, names []string) ([]server, error) {
	var all []server
	for _, name := range names {
		addresses, err := r.addresses(ctx, name, f.IPv4)
		if err != nil {
			return nil, err
		}
		for _, address := range addresses {
			all = append(all, f.found(name, address))
		}
	}
	return all, nil
}

// found is a server at an address that was found.
func (f Finder) found(name string, address netip.Addr) server {
	port := f.Port
	if port == 0 {
		port = 53
	}
	return server{name, netip.AddrPortFrom(address, port).String()}
}

// addresses returns the addresses of a name, of which there must be one.
func (r resolver) addresses(ctx context.Context, name string, only4 bool) ([]netip.Addr, error) {
	return r.addressesBy(ctx, name, only4, r.lookup)
}

// addressesBy is addresses by a way to look up the answer section for a question.
func (r resolver) addressesBy(ctx context.Context, name string, only4 bool, by lookup) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		if only4 && qtype == dns.TypeAAAA {
			continue
		}
		answer, err := by(ctx, name, qtype)
		if err != nil {
			return nil, err
		}
		for _, rr := range answer {
			if address, ok := addressIn(rr); ok {
				all = append(all, address)
			}
		}
	}
	if len(all) == 0 {
		return nil, NoAddress{string(r), name}
	}
	return all, nil
}

// NoAddress is the error that a name of a server has no address.
type NoAddress struct{ Resolver, Name string }

func (n NoAddress) Error() string {
	return fmt.Sprintf("the resolver %s has no address of %s", n.Resolver, n.Name)
}
