package parts

import (
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"text/template"

	"github.com/miekg/dns"
)

// Unbound is a running Unbound that validates and is as strict as those of CAs:
// it minimises the names it asks for (RFC 9156), varies their case, and answers
// from the NSEC records that it remembers (RFC 8198).
type Unbound struct{ *Server }

// UnboundOptions say whom an Unbound asks and what it trusts.
type UnboundOptions struct {
	Zone   string   // the only zone that it resolves
	Server string   // the zone's only server, IP:PORT
	Anchor string   // a DS or DNSKEY record of the zone, as in a zone file; empty: nothing validates
	Lines  []string // more for the server clause, like "edns-buffer-size: 512", or for clauses after it
	Env    []string // more for its environment, NAME=VALUE
}

//go:embed unbound.conf
var unboundConf string

var unboundTemplate = template.Must(template.New("unbound.conf").Parse(unboundConf))

// NewUnbound starts Unbound for the time of a test.
func NewUnbound(tb testing.TB, options UnboundOptions) *Unbound {
	tb.Helper()
	u, err := StartUnbound(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	u.stopAfter(tb)
	return u
}

// StartUnbound starts Unbound and returns when it answers.
func StartUnbound(ctx context.Context, options UnboundOptions) (*Unbound, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	control, err := FreePort()
	if err != nil {
		return nil, err
	}
	var conf strings.Builder
	err = unboundTemplate.Execute(&conf, map[string]any{
		"Options": options,
		"Port":    port,
		"Control": control,
		"Stub":    strings.Replace(options.Server, ":", "@", 1), // as Unbound writes it
	})
	if err != nil {
		return nil, err
	}
	ready := dns.Question{Name: "localhost", Qtype: dns.TypeA} // which Unbound knows of itself
	s, err := StartServer(ctx, ServerOptions{
		Address:       fmt.Sprintf("127.0.0.1:%d", port),
		Configuration: conf.String(),
		Ready:         ready,
		Program:       "unbound",
		Args:          []string{"-d", "-c"},
		Env:           options.Env,
	})
	if err != nil {
		return nil, err
	}
	return &Unbound{s}, nil
}

// Flush makes Unbound forget what it knows of zone and all below it.
func (u *Unbound) Flush(ctx context.Context, zone string) error {
	out, err := exec.CommandContext(ctx, "unbound-control", "-c", u.file, "flush_zone", zone).CombinedOutput() // #nosec G204 -- our own file
	if err != nil {
		return fmt.Errorf("unbound-control flush_zone %s: %w: %s", zone, err, out)
	}
	return nil
}

// Failures returns the lines of the log that say why an answer did not
// validate. Unbound writes them after it has answered, so there are all of them
// only once it has stopped.
func (u *Unbound) Failures() []string {
	var failures []string
	for line := range strings.Lines(u.Output()) {
		if strings.Contains(line, "validation failure") {
			failures = append(failures, strings.TrimSpace(line))
		}
	}
	return failures
}
