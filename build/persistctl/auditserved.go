package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/audit"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"
)

func newAuditServed(out *output) *cobra.Command {
	var at instant
	var name string
	cmd := &cobra.Command{
		Use:   "served FILE...",
		Short: "Say what was served at an instant, by an audit log alone",
		Long: `Say which records were served at an instant, as the audit log in the files tells,
which are given as to persistctl audit verify and must reach back to when a process
started before that instant. A log that does not verify is refused.`,
		Example: `  persistctl audit served audit.log
  persistctl audit served audit.log* --at 2026-12-01T00:00:00Z --name www.example.com`,
		Args: arity(1, anyNumber),
	}
	cmd.Flags().Var(&at, "at", "say what was served at this instant (RFC 3339 or Unix seconds; default that of the last line)")
	cmd.Flags().StringVar(&name, "name", "", "only what was served for this `NAME`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		one := record.FQDN("")
		if name != "" {
			var err error
			if one, _, err = record.ParseFQDN(name); err != nil {
				return usageError{err}
			}
		}
		then, err := replay(args, at.Time)
		if err != nil {
			return err
		}
		return out.print(cmd.OutOrStdout(), then.only(one))
	}
	return cmd
}

// replay takes the lines up to the instant at, all of them where that is zero.
func replay(files []string, at time.Time) (servedThen, error) {
	var r audit.Replay
	known, over, last := false, false, at
	v := &audit.Verification{OnLine: func(l audit.Line) {
		if over = over || !at.IsZero() && l.At.After(at); over {
			return
		}
		if at.IsZero() {
			last = l.At
		}
		known = known || l.Event == audit.Started || l.Event == audit.Lost
		r.Take(l)
	}}
	if err := readAudit(v, files); err != nil {
		return servedThen{}, err
	}
	if !v.End() {
		return servedThen{}, errors.New("the log was changed since it was written: run persistctl audit verify")
	}
	if !known {
		return servedThen{}, fmt.Errorf("the files begin after the server did, so what it served at %s is not known: give older ones too", stamp(last))
	}
	then := servedThen{At: stamp(last), Records: []servedRecords{}}
	for _, origin := range r.Zones() {
		served := r.Served(origin)
		for _, name := range slices.Sorted(maps.Keys(served)) {
			then.Records = append(then.Records, servedRecords{origin, name, served[name]})
		}
	}
	return then, nil
}

type servedThen struct {
	At      string          `json:"at"`
	Records []servedRecords `json:"records"`
}

type servedRecords struct {
	Zone string      `json:"zone"`
	Name record.FQDN `json:"name"`
	Text []string    `json:"text"`
}

// only keeps what is about a name; empty: everything.
func (s servedThen) only(name record.FQDN) servedThen {
	if name != "" {
		s.Records = slices.DeleteFunc(s.Records, func(r servedRecords) bool { return r.Name != name })
	}
	return s
}

func (s servedThen) text(w io.Writer) {
	fmt.Fprintf(w, "; served at %s\n", s.At)
	for _, r := range s.Records {
		for _, text := range r.Text {
			fmt.Fprintf(w, "%s TXT %q\n", r.owner(), text)
		}
	}
}

// owner is where the records stood. The log does not tell the shape of a zone, but
// names stand outside of a zone only where it has targets.
func (r servedRecords) owner() string {
	if owner := r.Name.Owner(); dns.IsSubDomain(r.Zone, owner) {
		return owner
	}
	return zone.Target(r.Name, r.Zone)
}
