package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// publication is what is served of a grant: nothing where it is zero. What an
// overlap adds ends by itself, so what is served is known in advance for every
// instant.
type publication struct {
	issuer     string // issuer-domain-name
	wildcard   bool
	hashPrefix string // where there is a hash
	account    named
	ends       time.Time // when records name it no longer; zero: they go on
	keyEnds    time.Time // the same for its hash alone
	forms      forms

	more        forms     // published besides
	moreUntil   time.Time // before this instant; zero: there is nothing more
	former      named     // whom records name besides
	formerUntil time.Time // likewise
}

// Promise is a record of a grant, without persistUntil, and how long it is
// published.
type Promise struct {
	record.Record
	Ends time.Time // the first instant without it, by an overlap; zero: it goes on
}

// Promises returns the records of the grant at any instant, those that go on
// before those of an overlap; none where the grant is withheld, or is of an IP
// prefix: only addresses are validated.
func (g *Grant) Promises() []Promise {
	p := &g.publishes
	var list []Promise
	if g.Subtree && g.FQDN.IsReverse() && !g.FQDN.IsAddress() {
		return nil
	}
	for _, who := range []struct {
		named
		ends, keyEnds time.Time
	}{{p.account, p.ends, sooner(p.ends, p.keyEnds)}, {p.former, p.formerUntil, p.formerUntil}} {
		for _, how := range []struct {
			forms
			ends time.Time
		}{{p.forms, time.Time{}}, {p.more, p.moreUntil}} {
			list = p.promisePlain(list, who.named, how.forms, sooner(who.ends, how.ends))
			list = p.promiseHashes(list, g.FQDN, who.named, how.forms, sooner(who.keyEnds, how.ends))
		}
	}
	return list
}

// promisePlain adds the record of an account by its URI, where that is a form.
func (p *publication) promisePlain(list []Promise, who named, how forms, ends time.Time) []Promise {
	if how&formsPlain == 0 || who.uri == "" {
		return list
	}
	return p.promise(list, who.uri, ends)
}

// promiseHashes adds the records of an account by its hashes, where that is a form.
func (p *publication) promiseHashes(list []Promise, name record.FQDN, who named, how forms, ends time.Time) []Promise {
	if how&formHash == 0 {
		return list
	}
	for t := range strings.FieldsSeq(who.thumbprints) {
		list = p.promise(list, record.HashAccountURI(p.hashPrefix, name, t, who.uri), ends)
	}
	return list
}

// promise adds a record. One that is there already lasts as long: the account is
// named before the former, and its forms before more.
func (p *publication) promise(list []Promise, uri string, ends time.Time) []Promise {
	r := record.Record{Issuer: p.issuer, AccountURI: uri, Wildcard: p.wildcard}
	if slices.ContainsFunc(list, func(other Promise) bool { return other.Record == r }) {
		return list
	}
	return append(list, Promise{r, ends})
}

// Records returns the records that are published at the instant at, without
// persistUntil: none for a form that has ended by then, nor where the grant is withheld.
func (g *Grant) Records(at time.Time) []record.Record {
	var list []record.Record
	for _, p := range g.Promises() {
		if p.Ends.IsZero() || at.Before(p.Ends) {
			list = append(list, p.Record)
		}
	}
	return list
}

// Overlaps returns the instants at which something that is published besides
// ends, for the change of an account; either may be zero, for none. Former is
// that of its URI or its earlier keys, and forms that of other forms.
func (t *Terms) Overlaps() (former, forms time.Time) {
	return t.publishes.formerUntil, t.publishes.moreUntil
}

// instants are those from which something is published no longer; zero: never.
func (p *publication) instants() [4]time.Time {
	return [...]time.Time{p.ends, p.keyEnds, p.formerUntil, p.moreUntil}
}

// Changes returns the first instant after at at which the grant has other records
// because an overlap ends; zero: there is none.
func (t *Terms) Changes(at time.Time) time.Time {
	var next time.Time
	for _, ends := range t.publishes.instants() {
		if ends.After(at) {
			next = sooner(next, ends)
		}
	}
	return next
}

// Changed returns the last instant, not after at, at which the grant got other
// records because an overlap ended; zero: there was none.
func (t *Terms) Changed(at time.Time) time.Time {
	var last time.Time
	for _, ends := range t.publishes.instants() {
		if !ends.After(at) {
			last = later(last, ends)
		}
	}
	return last
}

// AccountURIs are the URIs of the accounts that the grant names at the instant at,
// that of an overlap last; none where it is withheld.
func (t *Terms) AccountURIs(at time.Time) []string {
	p := &t.publishes
	var uris []string
	if p.account.uri != "" && (p.ends.IsZero() || at.Before(p.ends)) {
		uris = append(uris, p.account.uri)
	}
	if p.former.uri != "" && p.former.uri != p.account.uri && at.Before(p.formerUntil) {
		uris = append(uris, p.former.uri)
	}
	return uris
}

// NamedUntil returns the instant from which the grant names the account at uri no
// longer, because of an overlap; zero: it goes on, or is not named at any instant.
func (t *Terms) NamedUntil(uri string) time.Time {
	switch p := &t.publishes; uri {
	case p.account.uri:
		return p.ends
	case p.former.uri:
		return p.formerUntil
	}
	return time.Time{}
}

// sooner is the earlier of two instants of which zero is never.
func sooner(a, b time.Time) time.Time {
	switch {
	case a.IsZero():
		return b
	case b.IsZero():
		return a
	}
	return earlier(a, b)
}

// publication returns what is published at a name, or why that is not possible.
// The hash form stands beside the others for issuers that are about to change
// over: a CA takes the record it knows and skips the rest
// (draft-ietf-acme-dns-persist-02 section 4.3.2).
func (c *compilation) publication(name record.FQDN, w *wanted) (p publication, reason string) {
	p = publication{
		issuer:   c.issuer.names[0],
		wildcard: w.wildcard && !c.stops.reaches(name),
		account:  newNamed(c.account.uri, c.thumbprints()...),
		ends:     c.account.ends,
		forms:    c.formsOf(w),
	}
	if p.forms&formHash != 0 {
		if reason = c.unhashed(p.account); reason != "" {
			return p, "asks for the hash form, and " + reason
		}
	}
	c.overlap(&p, name, w)
	if (p.forms|p.more)&formHash == 0 {
		p.account.thumbprints, p.former.thumbprints = "", ""
		return p, ""
	}
	p.hashPrefix = c.issuer.hashPrefix
	p.keyEnds, _ = c.account.keys.of(p.account.thumbprints)
	return p, ""
}

// halt says why there are no records, empty if there are.
func (p *publication) halt() string {
	if p.forms|p.more == formHash && p.account.thumbprints == "" && p.former.thumbprints == "" {
		return "withdrawn: the newest version names other thumbprints, and does not count itself yet"
	}
	return ""
}

// formsOf are those in which a grant is published.
func (b basis) formsOf(w *wanted) forms {
	if w.forms == 0 {
		return b.issuer.forms
	}
	return w.forms
}

// overlap adds what is published besides. What is not possible of it is rejected,
// and the rest of the grant is not.
func (c *compilation) overlap(p *publication, name record.FQDN, w *wanted) {
	if p.more = w.overlap.forms &^ p.forms; p.forms&formsPlain != 0 {
		p.more &^= formsPlain // the same records
	}
	if p.more&formHash != 0 {
		if reason := c.unhashed(p.account); reason != "" {
			c.reject(name, "has an overlap with the hash form, and "+reason)
			p.more &^= formHash
		}
	}
	if p.more != 0 {
		p.moreUntil = w.overlap.until
	}
	if hashed := (p.forms|p.more)&formHash != 0 && c.before.thumbprints != ""; hashed || c.before.uri != p.account.uri && c.before.uri != "" {
		p.former, p.formerUntil = c.before, c.account.overlap.until
	}
}

// unhashed says why records cannot have a hash of the account, empty if they can.
func (b basis) unhashed(account named) string {
	switch {
	case b.issuer.hashPrefix == "":
		return fmt.Sprintf("issuers/%s has no account_hash_prefix: set it to accountHashPrefix of the CA's directory", b.place.issuer)
	case account.thumbprints == "" && !b.keyWithdrawn():
		return "the account has no thumbprints: add that of its key (RFC 7638)"
	}
	return ""
}
