package policy

import (
	"cmp"
	"maps"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// IssuerFacts is what a valid issuer document says of its CA.
type IssuerFacts struct {
	Slug       string
	Names      []string // issuer-domain-names, the first of which is published
	Prefixes   []string // what account URIs start with, before they go on
	HashPrefix string   // accountHashPrefix of the CA's directory; empty if it has none
	Forms      []record.Form
}

// Issuers returns the facts of every issuer document that counts, sorted by
// slug.
func (b *Book) Issuers() []IssuerFacts {
	var list []IssuerFacts
	for _, slug := range slices.Sorted(maps.Keys(b.issuers)) {
		if i := b.issuers[slug].counts; i != nil {
			list = append(list, IssuerFacts{slug, slices.Clone(i.names), slices.Clone(i.prefixes), i.hashPrefix, i.forms.list()})
		}
	}
	return list
}

// TeamFacts is how far a valid team document lets its team go.
type TeamFacts struct {
	Slug       string
	Domains    []string // the suffixes it claims; "." is everything
	Issuers    []string // slugs of those that it may use, whether there are such documents or not
	AnyAccount bool     // the document approves no accounts by name, so any under the issuers' prefixes will do
	MaxGrants  int      // of all its accounts; math.MaxInt: no limit
	// Approved are the accounts that it does, by URI, with the thumbprints of
	// their keys, the current one first.
	Approved map[string][]string
}

// Teams returns the facts of every team document that counts, sorted by slug.
func (b *Book) Teams() []TeamFacts {
	var list []TeamFacts
	for _, slug := range slices.Sorted(maps.Keys(b.teams)) {
		t := b.teams[slug].counts
		if t == nil {
			continue
		}
		f := TeamFacts{Slug: slug, Issuers: slices.Clone(t.issuers), AnyAccount: t.accounts == nil, MaxGrants: t.maxGrants}
		if len(t.accounts) > 0 {
			f.Approved = make(map[string][]string, len(t.accounts))
		}
		for uri, a := range t.accounts {
			f.Approved[uri] = slices.Clone(a.thumbprints)
		}
		for _, s := range t.claims {
			f.Domains = append(f.Domains, s.String())
		}
		list = append(list, f)
	}
	return list
}

// AccountURI is the URI of the account that g is given to.
func (b *Book) AccountURI(g *Grant) string {
	if c := b.accounts[g.place()]; c != nil {
		return c.account.uri
	}
	return ""
}

// Written is how the document of g writes its name, such as an IP prefix that stands
// for it among others. It is the name itself where the document is not there any more.
func (b *Book) Written(g *Grant) string {
	if c := b.accounts[g.place()]; c != nil {
		return cmp.Or(c.account.written[g.FQDN], string(g.FQDN))
	}
	return string(g.FQDN)
}

// Thumbprints returns those of the keys that documents know the account at uri
// by, without repetition: for each document what the team wrote, the current
// one first and those of an overlap last, then what the admin has approved.
func (b *Book) Thumbprints(uri string) []string {
	var list []string
	for _, p := range slices.SortedFunc(maps.Keys(b.accounts), comparePlaces) {
		c := b.accounts[p]
		switch former := &c.account.overlap; uri {
		case c.account.uri:
			list = union(list, c.account.keys.left(c.account.thumbprints))
			if former.uri == "" || former.uri == uri {
				list = union(list, former.thumbprints)
			}
		case former.uri:
			list = union(list, former.thumbprints)
		default:
			continue
		}
		if c.team != nil {
			list = union(list, c.team.accounts[uri].thumbprints)
		}
	}
	return list
}
