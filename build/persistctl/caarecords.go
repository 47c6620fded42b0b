package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

// caaUse is what one grant needs of CAA for one account.
type caaUse struct {
	Name     record.FQDN `json:"name"`
	Wildcard bool        `json:"wildcard"`
	Issuers  []string    `json:"issuers"`
	Account  string      `json:"account_uri"`
	opaque   bool        // the account URI may mean nothing in CAA
	prefix   string      // by which an IP address is granted among others
}

// usesOf returns what grants need: during an overlap, for both accounts that they
// name. What is withheld, or over, needs nothing.
func (c *caa) usesOf(book *policy.Book, grants []*policy.Grant) []caaUse {
	issuers := map[string][]string{}
	for _, i := range book.Issuers() {
		issuers[i.Slug] = i.Names
	}
	at := c.at.orNow()
	var uses []caaUse
	for _, g := range grants {
		if g.Withheld != "" || c.stanza.standingOf(book, g, at).over {
			continue
		}
		for _, account := range g.AccountURIs(at) {
			uses = append(uses, caaUse{
				Name:     g.FQDN,
				Wildcard: scope(g) == "wildcard",
				Issuers:  issuers[g.Issuer],
				Account:  account,
				opaque:   g.Opaque(),
				prefix:   grantedBy(book, g),
			})
		}
	}
	return uses
}

// isAddress reports whether the name is that of an IP address, for which CAs look at
// no CAA records.
func (u caaUse) isAddress() bool { return strings.HasPrefix(u.Name.Owner(), record.IPLabel+".") }

// values are those of the issue properties that let the account in: one for each
// name that the CA goes by.
func (u caaUse) values() []string {
	values := make([]string, 0, len(u.Issuers))
	for _, issuer := range u.Issuers {
		v := issueValue{issuer: issuer}
		if !u.opaque {
			v.parameters = [][2]string{{caaAccountURI, u.Account}, {caaValidationMethods, caaMethod}}
		}
		values = append(values, v.String())
	}
	return values
}

// caaRecords are CAA records that match grants.
type caaRecords struct {
	Records []caaRecord `json:"records"`
	Notes   []string    `json:"notes"`
}

// caaRecord is one of them.
type caaRecord struct {
	Name   string `json:"name"` // of the owner, absolute
	Flags  uint8  `json:"flags"`
	Tag    string `json:"tag"`
	Value  string `json:"value"`
	Record string `json:"record"` // as in a zone file
}

// newCAARecords returns the records for uses, which are in the order of names.
func newCAARecords(uses []caaUse, ttl uint32) *caaRecords {
	made := &caaRecords{Records: []caaRecord{}, Notes: addressNotes(uses)}
	for len(uses) > 0 {
		name := uses[0].Name
		n := slices.IndexFunc(uses, func(u caaUse) bool { return u.Name != name })
		if n < 0 {
			n = len(uses)
		}
		made.add(uses[:n], ttl)
		uses = uses[n:]
	}
	return made
}

// addressNotes say for which of the uses there are no records.
func addressNotes(uses []caaUse) []string {
	var lines []line
	seen := map[record.FQDN]bool{}
	for _, u := range uses {
		if u.isAddress() && !seen[u.Name] {
			lines = append(lines, line{name: u.Name, prefix: u.prefix})
			seen[u.Name] = true
		}
	}
	notes := make([]string, 0, len(lines))
	for _, row := range addresses(false).fold(lines) {
		notes = append(notes, row[0]+": no CA looks at CAA for IP addresses, so there are no records")
	}
	return notes
}

// add adds the RRset of one name.
func (c *caaRecords) add(uses []caaUse, ttl uint32) {
	if uses[0].isAddress() {
		return // see addressNotes
	}
	var issue, wild []string
	for _, u := range uses {
		issue = append(issue, u.values()...)
		if u.Wildcard {
			wild = append(wild, u.values()...)
		}
		if u.opaque {
			c.Notes = append(c.Notes, fmt.Sprintf("%s: %s is no account URL of ACME, and %s may know it in no CAA record: its records let every account in, by every method; ask the CA for what it takes", u.Name, u.Account, u.Issuers[0]))
		}
	}
	if len(wild) == 0 {
		wild = []string{issueValue{}.String()}
	}
	for _, property := range []struct {
		tag    string
		values []string
	}{{caaIssue, issue}, {caaIssueWild, wild}} {
		slices.Sort(property.values)
		for _, value := range slices.Compact(property.values) {
			rr := &dns.CAA{
				Hdr: dns.RR_Header{Name: dns.Fqdn(string(uses[0].Name)), Rrtype: dns.TypeCAA, Class: dns.ClassINET, Ttl: ttl},
				Tag: property.tag, Value: value,
			}
			c.Records = append(c.Records, caaRecord{rr.Hdr.Name, rr.Flag, rr.Tag, rr.Value, rr.String()})
		}
	}
}

// text is a zone file: all but records stands in comments.
func (c *caaRecords) text(w io.Writer) {
	fmt.Fprintln(w, "; With the CAA records of a name, no other CA, account or method may validate it, nor")
	fmt.Fprintln(w, "; names below that have none of their own (RFC 8659 section 3). Add what else is in use.")
	for _, note := range c.Notes {
		fmt.Fprintf(w, "; %s\n", note)
	}
	for _, r := range c.Records {
		fmt.Fprintln(w, r.Record)
	}
}

// status is how the command ends.
func (*caaRecords) status() error { return nil }
