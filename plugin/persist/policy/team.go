package policy

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// team says who may claim which names with which issuers and accounts.
type team struct {
	// claims are the suffixes that no shorter suffix of another team reaches
	// into; holds are those under which the team has grants itself. They
	// differ only while the newest version of the document is not valid: then
	// the team loses what that one leaves out, and nobody gains it.
	claims    []suffix
	holds     map[suffix]bool
	issuers   []string // slugs
	wildcard  bool
	subtree   bool
	maxGrants int
	reach     map[suffix]bool // of other teams, which wide grants may cover
	// accounts are those the admin has approved, by account URI; nil: all
	// under the issuer's prefixes.
	accounts map[string]approval
	enabled  bool
}

// approval is what the admin has approved of one account.
type approval struct {
	thumbprints []string
	lent        string    // the first of them, for documents that name none, also where that is withdrawn; empty: none
	proven      time.Time // when control of the account was verified (draft-ietf-acme-dns-persist-02 section 4.5); zero: never
}

var teams = kind[team]{read: readTeam, narrow: narrowTeam}

func readTeam(o *object, _ *store.Document) *team {
	t := &team{
		claims:    o.suffixes("domains"),
		issuers:   o.list("issuers"),
		wildcard:  o.flag("wildcard", false),
		subtree:   o.flag("subtree", false),
		maxGrants: o.count("max_grants", math.MaxInt),
		reach:     setOf(o.suffixes("reach")),
		accounts:  o.approvals(),
		enabled:   o.enabled(),
	}
	t.holds = setOf(t.claims)
	if len(t.claims) == 0 {
		o.fault("domains", `is missing or empty: write the suffixes the team may claim, like ["example.com"]`)
	}
	if len(t.issuers) == 0 {
		o.fault("issuers", `is missing or empty: write the slugs of issuers documents, like ["letsencrypt"]`)
	}
	for _, s := range t.issuers {
		if !isSlug(s) {
			o.fault("issuers", "contains %s: write the slug of an issuers document, of a-z, 0-9 and -", quote(s))
		}
	}
	return t
}

// approvals reads accounts, a map by account URI.
func (o *object) approvals() map[string]approval {
	const name = "accounts"
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	in := newObject(fieldOf(o.path, name), v)
	approved := make(map[string]approval, len(in.members))
	for _, m := range in.members {
		in.check(m.name, record.CheckAccountURI(m.name))
		account := newObject(fieldOf(in.path, m.name), m.value)
		list := account.thumbprints()
		approved[m.name] = approval{list, strings.Join(firstOf(list), ""), account.proof()}
		account.finish()
		in.faults.join(account.faults)
	}
	o.faults.join(in.faults)
	return approved
}

func (o *object) thumbprints() []string {
	const name = "thumbprints"
	list := o.list(name)
	for i, t := range list {
		if err := record.CheckThumbprint(t); err != nil { // which does not show what may be a key
			o.faults.add(fault{field: fmt.Sprintf("%s[%d]", fieldOf(o.path, name), i), reason: err.Error()})
		}
	}
	return list
}

// proof reads when, and by whom, control of the account was verified.
func (o *object) proof() time.Time {
	v, ok := o.take("proof")
	if !ok {
		return time.Time{}
	}
	in := newObject(fieldOf(o.path, "proof"), v)
	at := in.instant("verified_at")
	if _, ok := in.take("verified_at"); !ok {
		in.fault("verified_at", "is missing: write when the account was verified")
	}
	in.text("by")
	in.finish()
	o.faults.join(in.faults)
	return at
}

// holdsSuffix reports whether the team has grants of its own under s.
func (t *team) holdsSuffix(s suffix) bool { return covers(t.holds, s) }

// lends returns the thumbprint of the account at uri for documents that name none, none
// where the team has none.
func (t *team) lends(uri string) []string {
	a := t.accounts[uri]
	return common(strings.Fields(a.lent), a.thumbprints)
}

// alike reports whether t and other, either of which may be nil, let an account
// of these URIs do the same, but for where: see [ownership.differences].
func (t *team) alike(other *team, uris []string) bool {
	if t == other || t == nil || other == nil {
		return t == other
	}
	return slices.Equal(t.issuers, other.issuers) &&
		t.wildcard == other.wildcard && t.subtree == other.subtree && t.enabled == other.enabled &&
		t.maxGrants == other.maxGrants &&
		(t.accounts == nil) == (other.accounts == nil) &&
		!slices.ContainsFunc(uris, func(uri string) bool {
			a, known := t.accounts[uri]
			b, knew := other.accounts[uri]
			return known != knew || !slices.Equal(a.thumbprints, b.thumbprints) || a.lent != b.lent || !a.proven.Equal(b.proven)
		})
}

func narrowTeam(last, read *team, sound func(string) bool) *team {
	n := *last
	n.claims = union(last.claims, read.claims)
	n.enabled = n.enabled && read.enabled
	n.wildcard = n.wildcard && (read.wildcard || !sound("wildcard"))
	n.subtree = n.subtree && (read.subtree || !sound("subtree"))
	if sound("domains") {
		n.holds = coveredByBoth(last.holds, read.holds)
	}
	if sound("issuers") {
		n.issuers = common(last.issuers, read.issuers)
	}
	if sound("reach") {
		n.reach = coveredByBoth(last.reach, read.reach)
	}
	if sound("max_grants") {
		n.maxGrants = min(last.maxGrants, read.maxGrants)
	}
	if sound("accounts") && read.accounts != nil {
		n.accounts = approvedByBoth(last.accounts, read.accounts)
	}
	return &n
}

// approvedByBoth returns what last, nil for everything, and read approve. What nobody
// had by last, a key that is lent or a proof, nobody has by read alone.
func approvedByBoth(last, read map[string]approval) map[string]approval {
	both := map[string]approval{}
	for uri, b := range read {
		a, ok := last[uri]
		switch {
		case last == nil:
			both[uri] = approval{thumbprints: b.thumbprints}
		case ok:
			both[uri] = a.narrow(b)
		}
	}
	return both
}

func (a approval) narrow(read approval) approval {
	a.thumbprints = common(a.thumbprints, read.thumbprints)
	if read.proven.IsZero() {
		a.proven = time.Time{}
	}
	return a
}
