// Package parents asks every server of a zone's parent for the DS RRset of the
// zone. A resolver would answer for one of them, and from its cache: a key may
// go only when all of them have the DS of the next one.
package parents

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	// patience is how long one server may take for one answer.
	patience = 3 * time.Second
	// tries is how often it is asked over UDP, which loses packets.
	tries = 3
	// payload is how large an answer over UDP may be (RFC 9715).
	payload = 1232
)

// port is that of the servers that are found. Tests have no right to it.
var port uint16 = 53

// Finder finds the servers of parents.
type Finder struct {
	Resolver string   // IP:PORT of a recursive resolver; empty: the system's
	Servers  []string // IP:PORT of the servers to ask; none: those that the resolver finds
	IPv4     bool     // whether only IPv4 addresses are asked
}

// Answer is what one server says of the zone's DS RRset.
type Answer struct {
	Server string    // NAME (IP:PORT), or IP:PORT
	DS     []*dns.DS // none: the server says that there are none
	TTL    time.Duration
	Err    error // why there is no answer, nil if there is one
}

// Ask returns the answer of every address of every server of the parent of
// zone, in the order of their names. It fails where it cannot find them.
func (f Finder) Ask(ctx context.Context, zone string) ([]Answer, error) {
	zone = dns.CanonicalName(zone)
	servers, err := f.servers(ctx, zone)
	if err != nil {
		return nil, fmt.Errorf("the servers of the parent of %s: %w", zone, err)
	}
	answers := make([]Answer, len(servers))
	var asked sync.WaitGroup
	for i, s := range servers {
		asked.Go(func() { answers[i] = s.ask(ctx, zone) })
	}
	asked.Wait()
	return answers, ctx.Err()
}

// server is one address of a name server.
type server struct{ name, address string }

// String names the server by its address, and its name if it is known.
func (s server) String() string {
	if s.name == "" {
		return s.address
	}
	return fmt.Sprintf("%s (%s)", s.name, s.address)
}

// ask asks for the DS RRset of zone.
func (s server) ask(ctx context.Context, zone string) Answer {
	a := Answer{Server: s.String()}
	query := new(dns.Msg).SetQuestion(zone, dns.TypeDS).SetEdns0(payload, false)
	query.RecursionDesired = false
	reply, err := exchange(ctx, query, s.address)
	switch {
	case err != nil:
		a.Err = err
	case reply.Rcode != dns.RcodeSuccess:
		a.Err = fmt.Errorf("it answers %s", dns.RcodeToString[reply.Rcode])
	case !reply.Authoritative:
		a.Err = errors.New("it answers without authority: is it a server of the parent?")
	default:
		a.read(reply, zone)
	}
	return a
}

// read takes the DS RRset of zone from a reply.
func (a *Answer) read(reply *dns.Msg, zone string) {
	for _, rr := range reply.Answer {
		if ds, ok := rr.(*dns.DS); ok && dns.CanonicalName(ds.Hdr.Name) == zone {
			a.DS = append(a.DS, ds)
			a.TTL = max(a.TTL, time.Duration(ds.Hdr.Ttl)*time.Second)
		}
	}
}

// servers returns every address of every server of the parent.
func (f Finder) servers(ctx context.Context, zone string) ([]server, error) {
	if len(f.Servers) > 0 {
		given := make([]server, 0, len(f.Servers))
		for _, address := range f.Servers {
			given = append(given, server{address: address})
		}
		return given, nil
	}
	resolver, err := f.resolver()
	if err != nil {
		return nil, err
	}
	names, err := resolver.parent(ctx, zone)
	if err != nil {
		return nil, err
	}
	var all []server
	for _, name := range names {
		addresses, err := resolver.addresses(ctx, name, f.IPv4)
		if err != nil {
			return nil, err
		}
		for _, address := range addresses {
			all = append(all, server{name, netip.AddrPortFrom(address, port).String()})
		}
	}
	return all, nil
}

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
	reply, err := exchange(ctx, new(dns.Msg).SetQuestion(name, qtype).SetEdns0(payload, false), string(r))
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
		var names []string
		for _, rr := range answer {
			if ns, ok := rr.(*dns.NS); ok && dns.CanonicalName(ns.Hdr.Name) == above {
				names = append(names, dns.CanonicalName(ns.Ns))
			}
		}
		switch slices.Sort(names); {
		case len(names) > 0:
			return names, nil
		case end:
			return nil, fmt.Errorf("the resolver %s knows no zone above", r)
		}
	}
}

// addresses returns the addresses of a name, of which there must be one.
func (r resolver) addresses(ctx context.Context, name string, only4 bool) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		if only4 && qtype == dns.TypeAAAA {
			continue
		}
		answer, err := r.lookup(ctx, name, qtype)
		if err != nil {
			return nil, err
		}
		for _, rr := range answer {
			var ip net.IP
			switch rr := rr.(type) {
			case *dns.A:
				ip = rr.A
			case *dns.AAAA:
				ip = rr.AAAA
			}
			if address, ok := netip.AddrFromSlice(ip); ok {
				all = append(all, address.Unmap())
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the resolver %s has no address of %s", r, name)
	}
	return all, nil
}

// exchange asks over UDP, again if nothing comes, and over TCP if the answer is
// truncated.
func exchange(ctx context.Context, query *dns.Msg, address string) (*dns.Msg, error) {
	var failed error
	for range tries {
		reply, err := once(ctx, "udp", query, address)
		if err == nil && reply.Truncated {
			reply, err = once(ctx, "tcp", query, address)
		}
		if err == nil {
			return reply, nil
		}
		failed = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

func once(ctx context.Context, network string, query *dns.Msg, address string) (*dns.Msg, error) {
	c := dns.Client{Net: network, Timeout: patience, UDPSize: payload}
	reply, _, err := c.ExchangeContext(ctx, query, address)
	if err == nil && (len(reply.Question) != 1 || !strings.EqualFold(reply.Question[0].Name, query.Question[0].Name)) {
		err = errors.New("its answer is to another question")
	}
	return reply, err
}
