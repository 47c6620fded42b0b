package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// resolver is a running resolver that validates.
type resolver struct {
	*parts.Server

	brand
}

// brand is a kind of resolver.
type brand struct {
	name  string
	bogus *regexp.Regexp // what it logs about an answer that does not validate
	start func(*testing.T, setup) *parts.Server

	refuses []uint16 // types for which it answers SERVFAIL, whatever the zone
}

// setup is what a resolver needs to know.
type setup struct {
	Port  int    // of 127.0.0.1, the only address that named finds
	Dir   string // to work in
	Hints string // a file that says where the root is
	DS    *dns.DS
	Env   []string
}

var brands = []brand{
	{name: "Unbound", bogus: regexp.MustCompile("validation failure"), start: unbound("edns-buffer-size: 1232")},
	{name: "Unbound, 512 octets", bogus: regexp.MustCompile("validation failure"), start: unbound("edns-buffer-size: 512")},
	{name: "Unbound over TCP", bogus: regexp.MustCompile("validation failure"), start: unbound("tcp-upstream: yes")},
	{name: "BIND named", bogus: regexp.MustCompile("validating |broken trust chain|insecurity proof failed|no valid "), start: startNamed},
	{name: "PowerDNS Recursor", bogus: regexp.MustCompile("validates as bogus"), start: startRecursor, refuses: []uint16{dns.TypeRRSIG}},
	{name: "Knot Resolver", bogus: regexp.MustCompile("validation failure"), start: startKnot, refuses: []uint16{dns.TypeANY}},
}

// newResolvers starts one resolver of each brand, all of which go by one clock.
func newResolvers(t *testing.T, above tree, clock clock) []*resolver {
	t.Helper()
	ds, err := dns.NewRR(above.anchor)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]*resolver, 0, len(brands))
	for i, b := range brands {
		server := b.start(t, setup{
			Port:  5300 + i,
			Dir:   t.TempDir(),
			Hints: above.hints,
			DS:    ds.(*dns.DS),
			Env:   clock.env(),
		})
		list = append(list, &resolver{server, b})
	}
	return list
}

// unbound starts an Unbound like those of CAs, with one more line in its
// server clause.
func unbound(line string) func(*testing.T, setup) *parts.Server {
	return func(t *testing.T, s setup) *parts.Server {
		t.Helper()
		return parts.NewUnbound(t, parts.UnboundOptions{
			Zone: ".", Server: rootAddress + ":53", Anchor: s.DS.String(), Lines: []string{line}, Env: s.Env,
		}).Server
	}
}

func startNamed(t *testing.T, s setup) *parts.Server {
	t.Helper()
	return s.start(t, "named", fill(t, "named.conf", s), "-g", "-n", "1", "-c")
}

func startRecursor(t *testing.T, s setup) *parts.Server {
	t.Helper()
	return s.start(t, "pdns_recursor", fill(t, "recursor.lua", s),
		"--config-dir="+s.Dir, "--socket-dir="+s.Dir, "--write-pid=no", "--daemon=no", "--disable-syslog", "--threads=1",
		"--local-address=127.0.0.1", fmt.Sprintf("--local-port=%d", s.Port), "--dont-query=", "--security-poll-suffix=", "--hint-file="+s.Hints,
		"--dnssec=validate", "--dnssec-log-bogus=yes", "--lua-config-file=")
}

func startKnot(t *testing.T, s setup) *parts.Server {
	t.Helper()
	return s.start(t, "kresd", fill(t, "kresd.lua", s), s.Dir, "-n", "-c")
}

// start starts a resolver and returns when it resolves the root.
func (s setup) start(t *testing.T, program, configuration string, args ...string) *parts.Server {
	t.Helper()
	return parts.NewServer(t, parts.ServerOptions{
		Address:       fmt.Sprintf("127.0.0.1:%d", s.Port),
		Configuration: configuration,
		Ready:         dns.Question{Name: ".", Qtype: dns.TypeSOA},
		Program:       program,
		Args:          args,
		Env:           s.Env,
	})
}

// complaints counts the lines of the log about answers that did not validate,
// by the zone that they name.
func (r *resolver) complaints(zones []string) map[string]int {
	count := map[string]int{}
	for line := range strings.Lines(strings.ToLower(r.Output())) {
		if !r.bogus.MatchString(line) {
			continue
		}
		i := slices.IndexFunc(zones, func(zone string) bool { return strings.Contains(line, strings.TrimSuffix(zone, ".")) })
		if i < 0 {
			count[line]++
		} else {
			count[zones[i]]++
		}
	}
	return count
}
