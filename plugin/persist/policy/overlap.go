package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// overlap is what is published besides, until an instant, while an account
// changes its key, its URI or the form in which records name it. At that instant
// every server leaves it out, without another word from anybody.
type overlap struct {
	formsOverlap
	uri         string   // of the account that this one replaces; empty: none
	thumbprints []string // of keys before the current one; where uri is set, of that account's
	teamsKeys   bool     // it names none, and leaves those of uri to the team's document
	keys        tenures  // of those, as newer versions that are not valid leave them
}

// formsOverlap is what of an overlap a domain may have of its own. It is
// comparable.
type formsOverlap struct {
	until time.Time // zero: there is none
	forms forms
}

// overlap reads the overlap of an account document.
func (o *object) overlap() overlap {
	var v overlap
	in := o.overlapping(&v.formsOverlap)
	if in == nil {
		return v
	}
	if v.uri = in.text("account_uri"); v.uri != "" {
		in.check("account_uri", record.CheckAccountURI(v.uri))
	}
	v.thumbprints = in.thumbprints()
	v.teamsKeys = len(v.thumbprints) == 0
	if v.forms == 0 && v.uri == "" && len(v.thumbprints) == 0 {
		o.fault("overlap", `names nothing: write what is published besides until then, of account_uri, thumbprints and forms`)
	}
	o.leave(in)
	return v
}

// formsOverlap reads the overlap of a domain; outer is the account's.
func (o *object) formsOverlap(outer formsOverlap) formsOverlap {
	var v formsOverlap
	in := o.overlapping(&v)
	if in == nil {
		return outer
	}
	if v.forms == 0 {
		o.fault("overlap", `names nothing: write the forms that are published besides until then`)
	}
	o.leave(in)
	return v
}

// overlapping begins to read the member overlap, with what an account and a
// domain both have in it. The result is nil where there is none.
func (o *object) overlapping(v *formsOverlap) *object {
	m, ok := o.take("overlap")
	if !ok {
		return nil
	}
	in := newObject(fieldOf(o.path, "overlap"), m)
	if v.until = in.instant("until"); v.until.IsZero() {
		if _, ok := in.take("until"); !ok {
			in.fault("until", "is missing: write the instant from which the overlap is published no longer")
		}
	}
	v.forms = in.forms(0)
	return in
}

// leave ends the reading of an object inside o.
func (o *object) leave(in *object) {
	in.finish()
	o.faults.join(in.faults)
}

// narrow returns v, an overlap of the account at uri, with what read, an account
// document written later, restricts. What that one still names, as its own or in an
// overlap, is not withdrawn.
func (v overlap) narrow(uri string, read *account) overlap {
	uri = cmp.Or(v.uri, uri)
	switch uri {
	case read.uri:
		v.thumbprints = common(v.thumbprints, read.keysOf(read.uri))
		if len(common(v.thumbprints, read.overlap.thumbprints)) > 0 {
			v.until = earlier(v.until, read.overlap.until)
		}
	case read.overlap.uri:
		v.thumbprints = common(v.thumbprints, read.keysOf(read.overlap.uri))
		v.until = earlier(v.until, read.overlap.until)
	default:
		v.uri, v.thumbprints = "", nil
	}
	v.keys = v.keys.narrow(read.tenures(uri))
	return v
}

// keysOf are the thumbprints that the document names for the account at uri, as its
// own or in an overlap.
func (a *account) keysOf(uri string) []string {
	var list []string
	if uri == a.uri {
		list = a.thumbprints
	}
	if uri == cmp.Or(a.overlap.uri, a.uri) {
		list = slices.Concat(list, a.overlap.thumbprints)
	}
	return list
}

// narrow returns v with an earlier end where read, written later, has one. What it
// leaves out is not withdrawn: forms are of one account, and lend nobody anything.
func (v formsOverlap) narrow(read formsOverlap) formsOverlap {
	if !read.until.IsZero() {
		v.until = earlier(v.until, read.until)
	}
	return v
}

// named is how records may name an account: by its URI, or by a hash of that and
// the thumbprint of a key. It is comparable.
type named struct {
	uri         string
	thumbprints string // with spaces between; empty where none is known
}

func newNamed(uri string, thumbprints ...string) named {
	return named{uri, strings.Join(thumbprints, " ")}
}

// former is what the account was known by before, and is until the overlap is
// over; zero where there is nothing. What may not be published of it is rejected,
// or stopped, by itself: the account that counts is none the worse for it.
func (c *compilation) former() named {
	v := &c.account.overlap
	replaced := v.uri != "" && v.uri != c.account.uri
	switch {
	case v.until.IsZero(), !replaced && len(v.thumbprints) == 0:
		return named{}
	case !replaced:
		return newNamed(c.account.uri, c.approvedOf(c.account.uri, v.thumbprints)...)
	case c.stops.stopped[Scope{"uri", v.uri}]:
		return named{}
	}
	if reason := c.disowns(v.uri); reason != "" {
		c.rejected.add(fault{field: "overlap.account_uri", reason: reason})
		return named{}
	}
	thumbprints := c.approvedOf(v.uri, v.thumbprints)
	if v.teamsKeys {
		thumbprints = v.keys.left(c.team.lends(v.uri))
	}
	if len(thumbprints) == 0 && c.hashes() {
		c.rejected.add(fault{field: "overlap.thumbprints", reason: fmt.Sprintf("has none that counts, so the hash form cannot name %s: add that of its key (RFC 7638)", quote(v.uri))})
	}
	return newNamed(v.uri, thumbprints...)
}

// hashes reports whether a domain of the account asks for the hash form.
func (c *compilation) hashes() bool {
	return slices.ContainsFunc(c.account.domains, func(d domain) bool {
		return (c.formsOf(d.wanted)|d.wanted.overlap.forms)&formHash != 0
	})
}

// approvedOf are those of the overlap's thumbprints that the admin approves for
// the account at uri, and reports the others.
func (c *compilation) approvedOf(uri string, thumbprints []string) []string {
	var approved []string
	for _, t := range thumbprints {
		if reason := c.disapproves(uri, t); reason != "" {
			c.rejected.add(fault{field: "overlap.thumbprints", reason: reason})
			continue
		}
		approved = append(approved, t)
	}
	return approved
}

func firstOf(list []string) []string { return list[:min(len(list), 1)] }
