package persist

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// config is one persist stanza of the Corefile, checked.
type config struct {
	zones []*zone.Zone

	vault    *store.VaultConfig // exactly one of vault and policies is set
	policies string
	refresh  time.Duration // between full scans
	index    time.Duration // between looks at the index and control documents
	maxStale time.Duration
	grace    time.Duration
	brakes   policy.Brakes
	pin      policy.Pin

	ns      []string
	ttl     uint32
	targets bool // every name's records stand in the one zone
	overlay bool
	cuts    bool
	through []string // the zones named by fallthrough

	keys    keyLocation
	keysAt  string // FILE:LINE of the Corefile, for messages
	audit   string // file of the audit log, or audit.Stdout; empty: none
	auditAt string // FILE:LINE of the Corefile, for messages
	report  string // the agent domain for error reports (RFC 9567), absolute; empty: none
	denial  string
	budget  float64 // signatures per second for unknown names; 0: half of what a core can do
}

// keyLocation is where the key document of a stanza's zones is.
type keyLocation struct {
	kind  string   // "dir", "vault", "bind", "none", or "" while nothing was said
	path  string   // a directory, or MOUNT/PATH in Vault
	files []string // of BIND key pairs
}

func defaults() *config {
	return &config{
		refresh:  60 * time.Second,
		index:    5 * time.Second,
		maxStale: 72 * time.Hour,
		grace:    time.Hour,
		ttl:      300,
		denial:   "compact",
	}
}

// signed reports whether the stanza's zones carry signatures.
func (c *config) signed() bool { return !c.overlay && c.keys.kind != "none" }

// check looks at what single properties cannot tell: whether they go together.
func (c *config) check(origins []string) error {
	switch {
	case c.vault == nil && c.policies == "":
		return errors.New("where are the policy documents? write vault ADDRESS or policies DIR")
	case c.vault != nil && c.policies != "":
		return errors.New("vault and policies exclude each other: keep one of them")
	case c.keys.kind == "vault" && c.vault == nil:
		return errors.New("keys vault needs a vault property: write vault ADDRESS, or keys dir DIR")
	}
	if c.refresh >= min(c.maxStale, c.grace) {
		return fmt.Errorf("refresh %s is not below max_stale %s and grace %s: what is served would expire, or stand still, between two scans", c.refresh, c.maxStale, c.grace)
	}
	if c.vault != nil {
		if _, err := store.NewVault(*c.vault); err != nil {
			return err
		}
	}
	if err := c.checkTargets(origins); err != nil {
		return err
	}
	if err := c.checkShape(origins); err != nil {
		return err
	}
	return c.build(origins)
}

// checkShape tells the two shapes apart: an overlay adds owners to another
// plugin's zone, unsigned; a zone of its own has NS, keys and a denial.
func (c *config) checkShape(origins []string) error {
	if !c.overlay {
		return c.checkOwn(origins)
	}
	switch {
	case c.cuts:
		return errors.New("cuts are zones of their own, and fallthrough makes an overlay: remove fallthrough, as what lies in no cut goes to the next plugin anyway")
	case c.keys.kind != "" && c.keys.kind != "none":
		return errors.New("fallthrough makes an overlay, which is unsigned: remove keys, or remove fallthrough to serve a zone of its own")
	case len(c.ns) > 0:
		return errors.New("fallthrough makes an overlay, whose NS records another plugin serves: remove ns")
	case c.report != "":
		return errors.New("fallthrough makes an overlay, in whose zone another plugin answers too: remove report")
	case c.denial == "nsec":
		return errors.New("fallthrough makes an overlay, whose negative answers come from another plugin: remove denial nsec")
	}
	for _, o := range origins {
		if len(c.through) > 0 && !slices.ContainsFunc(c.through, func(z string) bool { return dns.IsSubDomain(z, o) }) {
			return fmt.Errorf("fallthrough does not cover %s: an overlay answers granted names only; add the zone to fallthrough or name none", o)
		}
	}
	return nil
}

func (c *config) checkOwn(origins []string) error {
	switch {
	case c.keys.kind == "":
		return errors.New("what signs the zone? write keys dir DIR or keys vault MOUNT/PATH, keys bind FILE..., keys none for an unsigned zone, or fallthrough for an overlay")
	case c.keys.kind == "bind" && c.cuts:
		return errors.New("keys bind are those of one zone, and cuts are many: write keys dir DIR or keys vault MOUNT/PATH")
	case c.keys.kind == "bind" && len(origins) > 1:
		return fmt.Errorf("keys bind are those of one zone, and the stanza has %d: give each zone a stanza of its own, in a server block of its own", len(origins))
	case c.keys.kind == "none" && c.denial == "nsec":
		return errors.New("denial nsec needs signatures, and keys none means there are none: remove one of them")
	}
	return nil
}

// build makes the zones. Two of them must not overlap: the inner one would be
// a delegation without NS and DS in the outer one.
func (c *config) build(origins []string) error {
	for _, o := range origins {
		z, err := zone.New(zone.Config{
			Origin: o, Overlay: c.overlay, Chained: c.denial == "nsec", Cuts: c.cuts, Targets: c.targets,
			NS: c.ns, TTL: c.ttl, Grace: c.grace, MaxStale: c.maxStale,
		})
		if err != nil {
			return err
		}
		if c.report != "" && contains(z, c.report) {
			return fmt.Errorf("report %s lies in zone %s, so a report of what is wrong there would need what is wrong: name a domain outside (RFC 9567 section 8.1)", c.report, z.Origin)
		}
		c.zones = append(c.zones, z)
	}
	if outer, inner, found := overlap(c.zones); found {
		return fmt.Errorf("zones %s and %s overlap: keep the outer one, it serves both", outer, inner)
	}
	return nil
}

// contains reports whether name is one of z, or of a cut that there may be in z.
func contains(z *zone.Zone, name string) bool {
	if !dns.IsSubDomain(z.Origin, name) {
		return false
	}
	_, _, ok := z.CutOf(name)
	return ok || !z.Cuts
}

// overlap finds a zone that lies in another one.
func overlap(zones []*zone.Zone) (outer, inner string, found bool) {
	origins := make(map[string]bool, len(zones))
	for _, z := range zones {
		origins[z.Origin] = true
	}
	for _, z := range zones {
		for off, end := dns.NextLabel(z.Origin, 0); !end; off, end = dns.NextLabel(z.Origin, off) {
			if origins[z.Origin[off:]] {
				return z.Origin[off:], z.Origin, true
			}
		}
	}
	return "", "", false
}
