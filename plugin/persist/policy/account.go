package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// account is one account at an issuer, and the names it may validate.
type account struct {
	created     time.Time
	uri         string
	thumbprints []string // the current one first, those included that keys has named no longer
	teamsKeys   bool     // it names none, and leaves them to the team's document
	keys        tenures  // of those, as newer versions that are not valid leave them
	overlap     overlap
	owner, note string
	halt        string    // why none of the grants is served, empty if they are
	ends        time.Time // when they name it no longer, as a newer version that is not valid replaces it; zero: they go on
	domains     []domain
	written     map[record.FQDN]string // how the document writes the domains that it writes otherwise, like an IP prefix
}

// domain is one name of an account document, once per name, in the canonical
// order of names.
type domain struct {
	name   record.FQDN
	wanted *wanted
}

// wanted is what a domain asks for, with what it leaves to the account filled
// in. It is comparable, and most domains of a document want the same.
type wanted struct {
	wildcard  bool
	subtree   bool
	disabled  bool
	forms     forms // 0: the issuer's
	overlap   formsOverlap
	until     Until
	ownUntil  bool // false: the issuer's
	notBefore time.Time
	fault     string // why the grant is rejected, empty if nothing speaks against it here

	// Where a newer version that is not valid shortens until: whether the
	// issuer's, which one of the versions leaves it to, bounds it too, and when
	// the version was written that until is from.
	issuersToo bool
	shortened  time.Time
}

var accounts = kind[account]{read: readAccount, narrow: narrowAccount}

func readAccount(o *object, d *store.Document) *account {
	a := &account{
		created:     d.Created,
		uri:         o.text("account_uri"),
		thumbprints: o.thumbprints(),
		overlap:     o.overlap(),
		owner:       o.text("owner"),
		note:        o.text("note"),
	}
	a.teamsKeys = len(a.thumbprints) == 0
	if a.uri == "" {
		o.fault("account_uri", "is missing or empty: write the account's URI as the CA gave it")
	} else {
		o.check("account_uri", record.CheckAccountURI(a.uri))
	}
	if !o.enabled() {
		a.halt = "disabled: " + d.Path
	}
	w := o.wanted(wanted{overlap: a.overlap.formsOverlap})
	g := gathering{kinds: map[wanted]*wanted{}, names: make(map[record.FQDN][]spelling), written: map[record.FQDN]string{}}
	for _, m := range o.allEntries("domains") {
		g.add(m, w)
	}
	if _, ok := o.take("domains"); !ok {
		o.fault("domains", `is missing: write the names the account may validate, like {"example.com": {}}`)
	}
	a.domains, a.written = g.merge(), g.written
	o.parts = g.faults
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
}

// gathering brings together the spellings of each name.
type gathering struct {
	kinds   map[wanted]*wanted // one of each, to be shared
	names   map[record.FQDN][]spelling
	written map[record.FQDN]string // of names whose first spelling is another one
	faults  faults
}

// add reads one entry of domains. A name that is none is only rejected.
func (g *gathering) add(m member, outer wanted) {
	field := fieldOf("domains", m.name)
	names, star, err := parseNames(m.name)
	if err != nil {
		g.faults.add(fault{field: field, reason: err.Error()})
		return
	}
	o := newObject(field, m.value)
	s := spelling{field: field, star: star, wanted: o.wanted(outer)}
	s.wanted.overlap = o.formsOverlap(outer.overlap)
	s.wanted.disabled = !o.enabled()
	s.wanted.notBefore = o.instant("not_before")
	if v, ok := o.take("wildcard"); star && ok && v.says("false") {
		o.fault("wildcard", "is false under a name that starts with *.: leave out one of them")
	}
	s.wanted.wildcard = s.wanted.wildcard || star
	if names[0].IsReverse() {
		s.wanted.reach(o, names)
	}
	o.finish()
	for i := range o.faults.list {
		f := &o.faults.list[i]
		f.name, s.wanted.fault = names[0], f.sentence()
	}
	g.faults.join(o.faults)
	for _, name := range names {
		if len(g.names[name]) == 0 && m.name != string(name) {
			g.written[name] = m.name
		}
		g.names[name] = append(g.names[name], s)
	}
}

// merge makes one domain of each name.
func (g *gathering) merge() []domain {
	domains := make([]domain, 0, len(g.names))
	for _, name := range slices.SortedFunc(maps.Keys(g.names), compareNames) {
		s := g.mergeName(name, g.names[name])
		w, ok := g.kinds[s.wanted]
		if !ok {
			w = &s.wanted
			g.kinds[s.wanted] = w
		}
		domains = append(domains, domain{name, w})
	}
	return domains
}

// mergeName makes one of the spellings of a name. The name and *.name together
// are one grant with wildcard scope. A name that stands twice is one grant if
// it says the same both times; if not, none of them counts, for either may be
// the one that was to be replaced.
func (g *gathering) mergeName(name record.FQDN, spellings []spelling) spelling {
	first := spellings[0]
	for _, s := range spellings[1:] {
		switch {
		case first.wanted.fault != "" || s.wanted.fault != "" || !first.agrees(s):
			first.wanted.fault = fmt.Sprintf("%s and %s are the same name and do not say the same, so neither counts: keep one of them", first.field, s.field)
			first.wanted.disabled = first.wanted.disabled || s.wanted.disabled
			g.faults.add(fault{s.field, first.wanted.fault, name})
		case first.star == s.star:
			g.faults.add(fault{s.field, fmt.Sprintf("is the same name as %s, which is kept: remove one of them", first.field), name})
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
			n.domains = append(n.domains, d.narrow(r, read.created, sound))
		} else if !sound("domains") {
			n.domains = append(n.domains, d)
		}
	}
	n.narrowKeys(read, sound)
	if sound("overlap") {
		n.overlap = n.overlap.narrow(last.uri, read)
	}
	switch {
	case read.halt != "":
		n.halt = read.halt
	case sound("overlap") && read.uri != last.uri && read.overlap.uri == last.uri:
		n.ends = sooner(n.ends, read.overlap.until)
	case sound("account_uri") && read.uri != last.uri:
		n.halt = "withdrawn: the newest version names another account_uri, and does not count itself yet"
	}
	return &n
}

// narrowKeys narrows the keys of a, which are those of the account at its URI.
func (a *account) narrowKeys(read *account, sound func(string) bool) {
	said := *read
	if !sound("account_uri") && read.overlap.uri != a.uri {
		said.uri = a.uri // for all that can be read
	}
	t := said.tenures(a.uri)
	switch {
	case !sound("thumbprints") && !sound("overlap"):
		return
	case !sound("thumbprints") && said.uri == a.uri: // those of another account are none of its keys
		t[""] = time.Time{}
	}
	a.keys = a.keys.narrow(t)
}

// field is the field of the document that grants name.
func (a *account) field(name record.FQDN) string {
	return fieldOf("domains", cmp.Or(a.written[name], string(name)))
}

// uris are the URIs of the account, and of the one that it replaces.
func (a *account) uris() []string {
	if a.overlap.uri == "" {
		return []string{a.uri}
	}
	return []string{a.uri, a.overlap.uri}
}

func (a *account) find(name record.FQDN) (domain, bool) {
	i, ok := a.search(name)
	if !ok {
		return domain{}, false
	}
	return a.domains[i], true
}

// search returns where name stands among the domains, or would.
func (a *account) search(name record.FQDN) (i int, found bool) {
	return slices.BinarySearchFunc(a.domains, name, func(d domain, n record.FQDN) int { return compareNames(d.name, n) })
}

// narrow returns d with what read, a word on the same name written later,
// restricts.
func (d domain) narrow(read domain, written time.Time, sound func(string) bool) domain {
	w := *d.wanted
	w.disabled = w.disabled || read.wanted.disabled
	if read.wanted.fault == "" {
		w.wildcard = w.wildcard && (read.wanted.wildcard || !sound("wildcard"))
		w.subtree = w.subtree && (read.wanted.subtree || !sound("subtree"))
		w.notBefore = later(w.notBefore, read.wanted.notBefore)
		if sound("overlap") {
			w.overlap = w.overlap.narrow(read.wanted.overlap)
		}
		if sound("until") {
			w.shorten(read.wanted, written)
		}
	}
	d.wanted = &w
	return d
}

// shorten has until end no later than that of read, which was written at
// written. Which is shorter, one's own or the issuer's, only the issuer's
// document tells.
func (w *wanted) shorten(read *wanted, written time.Time) {
	switch {
	case !read.ownUntil:
		w.issuersToo = w.ownUntil
		return
	case !w.ownUntil:
		w.until, w.ownUntil, w.issuersToo = read.until, true, true
	case w.until.shorter(read.until, written) == w.until:
		return
	default:
		w.until = read.until
	}
	w.shortened = written
}

// term is the until of a grant of an account document written at written, and
// from when on that counts.
func (w *wanted) term(issuers Until, written time.Time) (u Until, since time.Time) {
	u, since = issuers, later(written, w.shortened)
	if w.ownUntil {
		u = w.until.under(issuers)
	}
	if w.issuersToo {
		u = u.shorter(issuers, since)
	}
	return u, since
}
