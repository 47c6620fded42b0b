package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/build/persistctl/servers"

	"github.com/miekg/dns"
)

// statusForbidden is that of a grant which CAA keeps from being used.
const statusForbidden status = "forbidden"

// caaCheck is what CAA records let grants do.
type caaCheck struct {
	Findings []caaFinding `json:"findings"`
}

// caaFinding is what becomes of one use, at the name or below it.
type caaFinding struct {
	caaUse
	Status    status   `json:"status"`
	Reason    string   `json:"reason,omitempty"`
	Owner     string   `json:"owner,omitempty"` // of the RRset that counts; empty: there is none
	Records   []string `json:"records"`
	Validated bool     `json:"validated"`
	Notes     []string `json:"notes"`
}

// checkCAA looks at what CAA records say of uses, of each name once.
func checkCAA(ctx context.Context, f servers.Finder, uses []caaUse) (*caaCheck, error) {
	check := &caaCheck{Findings: []caaFinding{}}
	seen := map[string]func(*caaFinding){}
	for _, u := range uses {
		if u.isAddress() {
			continue // no CA looks
		}
		name := string(u.Name)
		if seen[name] == nil {
			owner, said, err := f.CAA(ctx, name)
			if err != nil {
				return nil, err
			}
			seen[name] = func(found *caaFinding) { found.by(owner, said) }
		}
		for _, at := range u.subjects() {
			found := caaFinding{caaUse: at, Records: []string{}, Notes: []string{}}
			seen[name](&found)
			check.Findings = append(check.Findings, found)
		}
	}
	return check, ctx.Err()
}

// subjects are the name, and with wildcard scope the names below it: other
// properties are for those.
func (u caaUse) subjects() []caaUse {
	plain := u
	plain.Wildcard = false
	if !u.Wildcard {
		return []caaUse{plain}
	}
	return []caaUse{plain, u}
}

// by judges a use by the RRset that counts for it.
func (f *caaFinding) by(owner string, said servers.View) {
	f.Owner, f.Validated = owner, said.Secure
	switch {
	case said.Err != nil:
		f.Status, f.Reason = statusDNSError, said.Err.Error()
		return
	case said.Bogus != nil:
		f.Status, f.Reason = statusBogus, said.Bogus.Error()
		return
	}
	var properties []*dns.CAA
	for _, rr := range said.RRs {
		if p, ok := rr.(*dns.CAA); ok {
			properties = append(properties, p)
			f.Records = append(f.Records, fmt.Sprintf("%d %s %q", p.Flag, p.Tag, p.Value))
		}
	}
	slices.Sort(f.Records)
	if f.Status, f.Reason = statusOK, f.forbidden(properties); f.Reason != "" {
		f.Status = statusForbidden
	}
}

// forbidden says why the properties of an RRset keep the use from being made, empty
// if they do not (RFC 8659 section 4).
func (f *caaFinding) forbidden(properties []*dns.CAA) string {
	for _, p := range properties {
		if p.Flag&128 != 0 && !isKnownProperty(p.Tag) {
			return fmt.Sprintf("the property %q at %s is critical, and a CA that does not know it issues nothing", p.Tag, f.Owner)
		}
	}
	relevant := propertiesOf(properties, f.Wildcard)
	if len(relevant) == 0 {
		f.Notes = append(f.Notes, "no CAA record restricts it, so every CA may issue: persistctl caa prints those that would fit the grant")
		return ""
	}
	return f.barredBy(relevant)
}

// barredBy says why none of the properties lets the use be made: one that does is
// enough.
func (f *caaFinding) barredBy(properties []*dns.CAA) string {
	var barred, others []string
	for _, p := range properties {
		var why string
		switch v, err := parseIssueValue(p.Value); {
		case err != nil:
			why = fmt.Sprintf("it cannot be read, so it is for no CA: %v", err)
		case v.issuer == "":
			continue
		case !slices.Contains(f.Issuers, v.issuer):
			others = append(others, v.issuer)
			continue
		default:
			if why = v.bars(f.caaUse); why == "" {
				f.note(p, v)
				return ""
			}
		}
		barred = append(barred, fmt.Sprintf("%s %q: %s", p.Tag, p.Value, why))
	}
	slices.Sort(others)
	switch {
	case len(barred) > 0:
		return strings.Join(barred, "; ")
	case len(others) == 0:
		return fmt.Sprintf("%s at %s forbids every CA", properties[0].Tag, f.Owner)
	}
	return fmt.Sprintf("%s at %s names %s, and not %s", properties[0].Tag, f.Owner, strings.Join(slices.Compact(others), ", "), strings.Join(f.Issuers, " or "))
}

// note says how much more than the grant a property lets in.
func (f *caaFinding) note(p *dns.CAA, v issueValue) {
	if len(v.all(caaAccountURI)) == 0 && !f.opaque {
		f.Notes = append(f.Notes, fmt.Sprintf("%s %q lets every account at the CA in: add %s=%s", p.Tag, p.Value, caaAccountURI, f.Account))
	}
	if len(v.all(caaAccountURI)) > 0 && f.opaque {
		f.Notes = append(f.Notes, fmt.Sprintf("%s %q has an %s that is no account URL of ACME: ask the CA whether it knows it", p.Tag, p.Value, caaAccountURI))
	}
}

// propertiesOf are those that decide for a name, or for the names below it (RFC 8659
// sections 4.2 and 4.3).
func propertiesOf(properties []*dns.CAA, wildcard bool) []*dns.CAA {
	with := func(tag string) (list []*dns.CAA) {
		for _, p := range properties {
			if strings.EqualFold(p.Tag, tag) {
				list = append(list, p)
			}
		}
		return list
	}
	if wild := with(caaIssueWild); wildcard && len(wild) > 0 {
		return wild
	}
	return with(caaIssue)
}

// isKnownProperty reports whether every CA for TLS knows a property (RFC 8659 section
// 4, RFC 9495).
func isKnownProperty(tag string) bool {
	return slices.Contains([]string{caaIssue, caaIssueWild, "iodef", "issuemail"}, strings.ToLower(tag))
}

// status is how the command ends.
func (c *caaCheck) status() error {
	err := statusOK.err()
	for _, f := range c.Findings {
		if f.Status == statusForbidden {
			return f.Status.err()
		}
		if f.Status != statusOK {
			err = f.Status.err()
		}
	}
	return err
}

func (c *caaCheck) text(w io.Writer) {
	rows := make([][]string, 0, 1+len(c.Findings))
	rows = append(rows, []string{"NAME", "ISSUER", "ACCOUNT", "STATUS", "CAA OF", "REASON"})
	var notes []string
	forbidden := false
	for _, f := range c.Findings {
		name := string(f.Name)
		if f.Wildcard {
			name = "*." + name
		}
		rows = append(rows, []string{name, f.Issuers[0], f.Account, string(f.Status), f.Owner, f.Reason})
		for _, note := range f.Notes {
			notes = append(notes, name+": "+note)
		}
		forbidden = forbidden || f.Status == statusForbidden
	}
	table(w, rows...)
	section(w, "Note:", notes)
	if forbidden {
		fmt.Fprintln(w, "\nRecords that let a grant be used are printed by: persistctl caa NAME")
	}
}
