package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"

	"github.com/miekg/dns"
)

// sight is what DNS says, and what becomes of it.
type sight struct {
	asked
	Status   status     `json:"status"`
	Reason   string     `json:"reason"`
	Advice   string     `json:"advice,omitempty"`
	Resolver liveView   `json:"resolver"`
	Servers  []liveView `json:"servers"`
	// Delegation is in what zones and their parents differ as to the servers.
	Delegation []string  `json:"delegation,omitempty"`
	Verdicts   []verdict `json:"verdicts"` // on all records that were seen
	told

	begins time.Time // of the account's grant, if it is ahead
}

// liveView is what one server says, or the resolver.
type liveView struct {
	Server    string   `json:"server"`
	Name      string   `json:"name"` // that was asked for
	Status    status   `json:"status"`
	Reason    string   `json:"reason,omitempty"`
	Validated bool     `json:"validated"`
	Alias     string   `json:"alias,omitempty"` // where a CNAME record there leads
	Records   []string `json:"records"`
	Extra     []string `json:"not_in_documents,omitempty"`
	Lacking   []string `json:"not_served,omitempty"` // that the documents have
	TCP       string   `json:"tcp,omitempty"`        // why there is no answer over TCP

	lame        bool // the server does not serve the zone
	unaddressed bool // its name has no address
}

// nobody stands for the servers of a zone where they are not known.
const nobody = "the servers"

// seen is what one party says, without a status if that is an answer.
func seen(owner string, said servers.View) liveView {
	v := liveView{Server: said.Server, Name: owner, Validated: said.Secure, Alias: said.Alias, Records: []string{}}
	if v.Server == "" {
		v.Server = nobody
	}
	if said.TCP != nil {
		v.TCP = said.TCP.Error()
	}
	switch err := v.read(said.RRs); {
	case said.Err != nil:
		v.Status, v.Reason = statusDNSError, said.Err.Error()
		v.lame = errors.As(said.Err, new(servers.Lame))
		_, v.unaddressed = errors.AsType[servers.NoAddress](said.Err)
	case said.Bogus != nil:
		v.Status, v.Reason = statusBogus, said.Bogus.Error()
	case err != nil:
		v.Status, v.Reason = statusUnparseable, err.Error()
	}
	return v
}

// read takes the values of TXT records, each once.
func (v *liveView) read(rrs []dns.RR) error {
	for _, rr := range rrs {
		txt, ok := rr.(*dns.TXT)
		if !ok {
			continue
		}
		text, err := textOf(txt)
		if err != nil {
			return fmt.Errorf("a TXT record cannot be read: %w", err)
		}
		v.Records = append(v.Records, text)
	}
	slices.Sort(v.Records)
	v.Records = slices.Compact(v.Records)
	return nil
}

// resolved judges the answer of the resolver, which has followed aliases.
func (j judge) resolved(owner string, said servers.View) liveView {
	v := seen(owner, said)
	v.Server = "resolver " + said.Server
	v.Reason = ofItself(v.Server, v.Reason)
	if v.Status == "" {
		j.decide(&v)
	}
	return v
}

// ofItself is a reason that follows the name of the server, which it need not begin
// with.
func ofItself(server, reason string) string {
	rest, ok := strings.CutPrefix(reason, "the "+server)
	switch said, why := strings.CutPrefix(rest, ": "); {
	case !ok:
		return reason
	case why:
		return said
	}
	return "it" + rest
}

// end is where aliases lead, the name itself where there are none.
func (v liveView) end() string {
	if v.Alias != "" {
		return v.Alias
	}
	return v.Name
}

// served judges the answer of a server. The status of an alias is left open.
func (j judge) served(owner string, said servers.View) liveView {
	v := seen(owner, said)
	if v.Status == "" && v.Alias == "" {
		j.decide(&v)
	}
	return v
}

// decide sets the status of an answer.
func (j judge) decide(v *liveView) {
	v.Status, v.Reason = j.of(v.end(), v.Records)
	j.compare(v)
}

// views are the resolver's and those of the servers.
func (s *sight) views() []liveView { return slices.Concat([]liveView{s.Resolver}, s.Servers) }

// texts are the values of all records that were seen, each once.
func (s *sight) texts() []string {
	var all []string
	for _, v := range s.views() {
		all = append(all, v.Records...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// status is how the command ends.
func (s *sight) status() error { return s.Status.err() }

func (s *sight) text(w io.Writer) {
	s.question(w)
	fmt.Fprintf(w, "\n%s: %s\n", s.Status, s.Reason)
	if s.Advice != "" {
		fmt.Fprintf(w, "What to do: %s\n", s.Advice)
	}
	fmt.Fprintln(w)
	rows := make([][]string, 0, 2+len(s.Servers))
	rows = append(rows, []string{"WHO", "NAME", "STATUS", "VALIDATED", "REASON"})
	for _, v := range s.views() {
		validated := "no"
		if v.Validated {
			validated = "yes"
		}
		rows = append(rows, []string{v.Server, v.Name, string(v.Status), validated, v.Reason})
	}
	table(w, rows...)
	section(w, "Of the delegation:", s.Delegation)
	for _, v := range s.Verdicts {
		fmt.Fprintln(w)
		v.text(w)
	}
	s.told.text(w)
}
