package parts

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/miekg/dns"
)

// CoreDNSOptions say what a CoreDNS serves.
type CoreDNSOptions struct {
	Program string // empty: bin/coredns
	Address string // IP:PORT; empty: a free port of 127.0.0.1
	Zone    string // whose SOA record it serves as soon as it is ready
	Plugins string // the lines of its server block
}

// NewCoreDNS starts CoreDNS for the time of a test.
func NewCoreDNS(tb testing.TB, options CoreDNSOptions) *Server {
	tb.Helper()
	s, err := StartCoreDNS(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	s.stopAfter(tb)
	return s
}

// StartCoreDNS starts CoreDNS and returns when it serves its zone.
func StartCoreDNS(ctx context.Context, options CoreDNSOptions) (*Server, error) {
	if options.Program == "" {
		var err error
		if options.Program, err = Program("coredns"); err != nil {
			return nil, err
		}
	}
	if options.Address == "" {
		port, err := FreePort()
		if err != nil {
			return nil, err
		}
		options.Address = fmt.Sprintf("127.0.0.1:%d", port)
	}
	host, port, err := net.SplitHostPort(options.Address)
	if err != nil {
		return nil, err
	}
	corefile := fmt.Sprintf(".:%s {\nbind %s\nerrors\n%s\n}\n", port, host, options.Plugins)
	ready := dns.Question{Name: options.Zone, Qtype: dns.TypeSOA}
	return StartServer(ctx, ServerOptions{
		Address:       options.Address,
		Configuration: corefile,
		Ready:         ready,
		Program:       options.Program,
		Args:          []string{"-conf"},
	})
}
