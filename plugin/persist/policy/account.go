package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// account is one account at an issuer, and the names it may validate.
type account struct {
	version     string
	created     time.Time
	uri         string
	thumbprints []string // the current one first
	owner, note string
	halt        string // why none of the grants is served, empty if they are
	domains     []domain
	rejected    []Rejection // of single domains
}

// domain is one name of an account document, once per name, in the canonical
// order of names.
type domain struct {
	name   record.FQDN
	wanted *wanted
	fault  string // why the grant is rejected, empty if nothing speaks against it here
}

// wanted is what a domain asks for, with what it leaves to the account filled
// in. It is comparable, and most domains of a document want the same.
type wanted struct {
	wildcard  bool
	subtree   bool
	disabled  bool
	forms     forms // 0: the issuer's
	until     Until
	ownUntil  bool // false: the issuer's
	notBefore time.Time
}

var accounts = kind[account]{read: readAccount, narrow: narrowAccount}

func readAccount(o *object, d *store.Document) *account {
	a := &account{
		version:     d.Version,
		created:     d.Created,
		uri:         o.text("account_uri"),
		thumbprints: o.thumbprints(),
		owner:       o.text("owner"),
		note:        o.text("note"),
	}
	if a.uri == "" {
		o.fault("account_uri", "is missing or empty: write the account's URI as the CA gave it")
	} else {
		o.check("account_uri", record.CheckAccountURI(a.uri))
	}
	if !o.enabled() {
		a.halt = "disabled: " + d.Path
	}
	w := o.wanted(wanted{})
	list, ok := o.take("domains")
	if !ok {
		o.fault("domains", `is missing: write the names the account may validate, like {"example.com": {}}`)
	}
	g := gathering{doc: d, kinds: map[wanted]*wanted{}, names: make(map[record.FQDN][]spelling)}
	for _, m := range o.entries("domains", list) {
		g.add(m, w)
	}
	a.domains = g.merge()
	a.rejected = g.rejected
	return a
}

// wanted reads the members that a domain, or the account around it, may have;
// outer holds what they are where they are left out.
func (o *object) wanted(outer wanted) wanted {
	w := outer
	w.wildcard = o.flag("wildcard", outer.wildcard)
	w.subtree = o.flag("subtree", outer.subtree)
	w.forms = o.forms(outer.forms)
	if _, ok := o.take("until"); ok {
		w.ownUntil = true
		w.until = o.until(outer.until)
	}
	return w
}

// spelling is one entry of domains.
type spelling struct {
	field  string // as written
	star   bool   // written as *.name
	wanted wanted
	fault  string
}

// gathering brings together the spellings of each name.
type gathering struct {
	doc      *store.Document
	kinds    map[wanted]*wanted // one of each, to be shared
	names    map[record.FQDN][]spelling
	rejected []Rejection
}

func (g *gathering) reject(field, reason string) {
	g.rejected = append(g.rejected, reject(g.doc, fault{field, reason})...)
}

// add reads one entry of domains. A name that is none is only rejected.
func (g *gathering) add(m member, outer wanted) {
	field := fieldOf("domains", m.name)
	name, star, err := record.ParseFQDN(m.name)
	if err != nil {
		g.reject(field, err.Error())
		return
	}
	o := newObject(field, m.value)
	s := spelling{field: field, star: star, wanted: o.wanted(outer)}
	s.wanted.disabled = !o.enabled()
	s.wanted.notBefore = o.instant("not_before")
	if v, ok := o.take("wildcard"); star && ok && v.says("false") {
		o.fault("wildcard", "is false under a name that starts with *.: leave out one of them")
	}
	s.wanted.wildcard = s.wanted.wildcard || star
	o.finish()
	for _, f := range o.faults {
		g.reject(f.field, f.reason)
		s.fault = f.field + " " + f.reason
	}
	g.names[name] = append(g.names[name], s)
}

// merge makes one domain of each name.
func (g *gathering) merge() []domain {
	domains := make([]domain, 0, len(g.names))
	for name, spellings := range g.names {
		s := g.mergeName(spellings)
		w, ok := g.kinds[s.wanted]
		if !ok {
			w = &s.wanted
			g.kinds[s.wanted] = w
		}
		domains = append(domains, domain{name, w, s.fault})
	}
	slices.SortFunc(domains, func(a, b domain) int { return compareNames(a.name, b.name) })
	slices.SortStableFunc(g.rejected, func(a, b Rejection) int { return strings.Compare(a.Field, b.Field) })
	return domains
}

// mergeName makes one of the spellings of a name. The name and *.name together
// are one grant with wildcard scope. A name that stands twice is one grant if
// it says the same both times; if not, none of them counts, for either may be
// the one that was to be replaced.
func (g *gathering) mergeName(spellings []spelling) spelling {
	first := spellings[0]
	for _, s := range spellings[1:] {
		switch {
		case first.fault != "" || s.fault != "" || !first.agrees(s):
			first.fault = fmt.Sprintf("%s and %s are the same name and do not say the same, so neither counts: keep one of them", first.field, s.field)
			g.reject(s.field, first.fault)
		case first.star == s.star:
			g.reject(s.field, fmt.Sprintf("is the same name as %s, which is kept: remove one of them", first.field))
		default:
			first.wanted.wildcard = true
		}
	}
	return first
}

// agrees reports whether s and other want the same, apart from the scope that
// one with and one without the star naturally differ in.
func (s spelling) agrees(other spelling) bool {
	if s.star != other.star {
		s.wanted.wildcard = other.wanted.wildcard
	}
	return s.wanted == other.wanted
}

// narrowAccount keeps of last what read does not withdraw.
func narrowAccount(last, read *account, sound func(string) bool) *account {
	n := *last
	n.domains = nil
	for _, d := range last.domains {
		if r, ok := read.find(d.name); ok {
			n.domains = append(n.domains, d.narrow(r, sound))
		} else if !sound("domains") {
			n.domains = append(n.domains, d)
		}
	}
	if sound("thumbprints") {
		n.thumbprints = common(n.thumbprints, read.thumbprints)
	}
	switch {
	case read.halt != "":
		n.halt = read.halt
	case sound("account_uri") && read.uri != last.uri:
		n.halt = fmt.Sprintf("withdrawn: version %s names another account_uri, and is not valid itself", read.version)
	}
	return &n
}

func (a *account) find(name record.FQDN) (domain, bool) {
	i, ok := slices.BinarySearchFunc(a.domains, name, func(d domain, n record.FQDN) int { return compareNames(d.name, n) })
	if !ok {
		return domain{}, false
	}
	return a.domains[i], true
}

// narrow returns d with what read, a newer word on the same name, restricts.
func (d domain) narrow(read domain, sound func(string) bool) domain {
	w := *d.wanted
	w.disabled = w.disabled || read.wanted.disabled
	if read.fault == "" && sound("wildcard") {
		w.wildcard = w.wildcard && read.wanted.wildcard
	}
	d.wanted = &w
	return d
}
