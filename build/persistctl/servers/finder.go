// Package servers asks every server of a zone, or of its parent, what it says of
// the zone's keys or of another RRset. A resolver would answer for one of them, and
// from its cache: a key may only come or go when all of them have followed, and a CA
// may ask any of them.
package servers

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/miekg/dns"
)

// Finder finds servers.
type Finder struct {
	Resolver string   // IP:PORT of a recursive resolver; empty: the system's
	Parents  []string // IP:PORT of the servers of parents; none: those that the resolver finds
	Own      []string // IP:PORT of the servers of zones; none: those that the parents and the resolver name
	Without  []string // name, IP or IP:PORT of servers of zones that are left out
	IPv4     bool     // whether only IPv4 addresses are asked
	Port     uint16   // of the servers that are found; 0: 53
	Quiet    *Quiet   // those that do not answer; nil: all are waited for
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

// askAll has all servers asked at once, and returns their answers in the same
// order.
func askAll[A any](ctx context.Context, all []server, ask func(context.Context, server) A) ([]A, error) {
	answers := make([]A, len(all))
	var asked sync.WaitGroup
	for i, s := range all {
		asked.Go(func() { answers[i] = ask(ctx, s) })
	}
	asked.Wait()
	return answers, ctx.Err()
}

// given are servers without names.
func given(addresses []string) []server {
	all := make([]server, 0, len(addresses))
	for _, address := range addresses {
		all = append(all, server{address: address})
	}
	return all
}

// parents returns every address of every server of the parent of zone.
func (f Finder) parents(ctx context.Context, zone string) ([]server, error) {
	if len(f.Parents) > 0 {
		return given(f.Parents), nil
	}
	resolver, err := f.resolver()
	if err != nil {
		return nil, err
	}
	names, err := resolver.parent(ctx, zone)
	if err != nil {
		return nil, err
	}
	return f.addressed(ctx, resolver, names)
}

// own returns every address of every server of zone, but for those that are left
// out: of the NS RRset at each server of the parent, and of that in the zone.
func (f Finder) own(ctx context.Context, zone string) ([]server, error) {
	all := given(f.Own)
	if len(all) == 0 {
		names, err := f.names(ctx, zone)
		if err != nil {
			return nil, err
		}
		resolver, err := f.resolver()
		if err != nil {
			return nil, err
		}
		if all, err = f.addressed(ctx, resolver, names); err != nil {
			return nil, err
		}
	}
	return f.without(all), nil
}

// without returns all but the servers that are left out.
func (f Finder) without(all []server) []server {
	return slices.DeleteFunc(all, func(s server) bool {
		host, _, _ := net.SplitHostPort(s.address)
		return f.leavesOut(s.address) || f.leavesOut(host)
	})
}

// leavesOut reports whether a server with this name, or at this address, is not
// asked.
func (f Finder) leavesOut(one string) bool {
	return slices.ContainsFunc(f.Without, func(without string) bool {
		return without == one || dns.CanonicalName(without) == one
	})
}

// names returns the names of the servers of zone, each once. Parent and zone may
// disagree, and resolvers go by either.
func (f Finder) names(ctx context.Context, zone string) ([]string, error) {
	resolver, err := f.resolver()
	if err != nil {
		return nil, err
	}
	d, err := f.delegation(ctx, zone, resolver.lookup)
	if err := cmp.Or(err, d.Err); err != nil {
		return nil, err
	}
	names := d.servers()
	if len(names) == 0 {
		return nil, fmt.Errorf("neither the parent's servers nor the resolver %s has an NS RRset", resolver)
	}
	return slices.DeleteFunc(names, f.leavesOut), nil
}

// nsOf returns the names of servers in the NS records of zone.
func nsOf(zone string, rrs []dns.RR) []string {
	var names []string
	for _, rr := range rrs {
		if ns, ok := rr.(*dns.NS); ok && dns.CanonicalName(ns.Hdr.Name) == zone {
			names = append(names, dns.CanonicalName(ns.Ns))
		}
	}
	return names
}
