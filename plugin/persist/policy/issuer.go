package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// issuer is a CA, and what grants for it may ask for.
type issuer struct {
	names        []string // issuer-domain-names, the first of which is published
	prefixes     []string // an account URI starts with one of them
	hashPrefix   string   // empty: no hash form
	forms        forms
	wildcard     bool
	subtree      bool
	until        Until
	allowNone    bool
	maxUntil     time.Duration
	requireProof bool
	enabled      bool
}

const (
	defaultMaxUntil             = 2160 * time.Hour
	leastMaxUntil, mostMaxUntil = leastFloor + leastStep, 3660 * day
)

var issuers = kind[issuer]{read: readIssuer, narrow: narrowIssuer}

func readIssuer(o *object, _ *store.Document) *issuer {
	i := &issuer{
		names:        o.issuerNames(),
		prefixes:     o.prefixes(),
		hashPrefix:   o.hashPrefix(),
		forms:        o.forms(formURI),
		wildcard:     o.flag("wildcard", false),
		subtree:      o.flag("subtree", false),
		until:        o.until(defaultUntil),
		allowNone:    o.flag("allow_none", false),
		maxUntil:     o.duration("max_until", defaultMaxUntil, leastMaxUntil, mostMaxUntil),
		requireProof: o.flag("require_proof", false),
		enabled:      o.enabled(),
	}
	if i.until.Mode == Rolling && i.until.Floor+i.until.Step > i.maxUntil {
		o.fault("until", "has floor %s and step %s, together above max_until %s: write shorter ones or a longer max_until", i.until.Floor, i.until.Step, i.maxUntil)
	}
	if i.until.Mode == None && !i.allowNone {
		o.fault("until", `is "none": that needs "allow_none": true`)
	}
	if i.forms&formHash != 0 && i.hashPrefix == "" {
		o.fault("forms", `contains "hash": that needs account_hash_prefix, which is accountHashPrefix in the CA's directory`)
	}
	return i
}

func (o *object) issuerNames() []string {
	const name = "issuer_domain_names"
	list := o.list(name)
	names := make([]string, 0, len(list))
	for _, s := range list {
		n, err := record.CheckIssuerName(s)
		o.check(name, err)
		names = append(names, n)
	}
	if len(names) == 0 {
		o.fault(name, `is missing or empty: write the CA's name, like ["letsencrypt.org"]`)
	}
	return names
}

func (o *object) prefixes() []string {
	const name = "account_uri_prefixes"
	prefixes := o.list(name)
	for _, p := range prefixes {
		o.check(name, record.CheckAccountPrefix(p))
	}
	if len(prefixes) == 0 {
		o.fault(name, `is missing or empty: write what the CA's account URIs start with, like ["https://acme-v02.api.letsencrypt.org/acme/acct/"]`)
	}
	return prefixes
}

func (o *object) hashPrefix() string {
	const name = "account_hash_prefix"
	p := o.text(name)
	if p != "" {
		o.check(name, record.CheckAccountURI(p))
	}
	return p
}

// knows reports whether uri starts with one of the issuer's prefixes.
func (i *issuer) knows(uri string) bool {
	return slices.ContainsFunc(i.prefixes, func(p string) bool { return len(uri) > len(p) && strings.HasPrefix(uri, p) })
}

func narrowIssuer(last, read *issuer, sound func(string) bool) *issuer {
	n := *last
	n.enabled = n.enabled && read.enabled
	n.wildcard = n.wildcard && (read.wildcard || !sound("wildcard"))
	n.subtree = n.subtree && (read.subtree || !sound("subtree"))
	n.allowNone = n.allowNone && (read.allowNone || !sound("allow_none"))
	n.requireProof = n.requireProof || read.requireProof
	if sound("max_until") {
		n.maxUntil = min(n.maxUntil, read.maxUntil)
	}
	if sound("until") {
		n.until = n.until.shorter(read.until, time.Time{})
	}
	if both := n.forms & read.forms; both != 0 && sound("forms") {
		n.forms = both
	}
	if sound("account_uri_prefixes") {
		n.prefixes = common(n.prefixes, read.prefixes)
	}
	if sound("account_hash_prefix") && n.hashPrefix != read.hashPrefix {
		n.hashPrefix = ""
	}
	return &n
}
