// Package zone says what exists at a name at an instant.
//
// A zone maps owner names to validated FQDNs, looks them up in the book and
// turns their grants into TXT RRsets whose persistUntil moves with the clock.
// Everything here is a pure function of (zone, book, name, instant): two
// servers that hold the same book agree without talking to each other, and
// what will be served tomorrow is found by asking with tomorrow's instant.
package zone

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

// Times that the records of the zone itself carry, in seconds. The SOA's TTL
// equals its MINIMUM, so that the negative TTL of RFC 2308 section 5 and the
// NSEC TTL of RFC 9077 are one number, and it is short, so that a name granted
// a moment ago is not denied for long.
const (
	NegativeTTL = 60
	NSTTL       = 3600
	MaxTTL      = 3000 // of TXT RRsets: the shortest floor, 1 h, less Skew and five minutes to spare
)

// Skew is how far the clocks of two servers may differ. A record leaves its
// RRset this long before it must, so that no server hands out a copy that
// another one, or the CA, already takes for expired.
const Skew = 5 * time.Minute

// Zone is one name space that persist answers for. It is immutable.
type Zone struct {
	// Origin is the apex: absolute, lower case.
	Origin string
	// Overlay is set where another plugin is authoritative and persist only
	// adds owners inside its zone. An overlay has no SOA, NS or keys.
	Overlay bool
	// Chained is set where names are denied by a chain of NSEC records over the
	// whole zone (RFC 4034 section 4). Each of its changes is a new version of
	// the zone, so all its records with one step rotate at once.
	Chained bool
	// Cuts is set where every FQDN that is granted below Origin has a zone of its
	// own, which Cut returns. Origin itself is then no name of ours, and may be
	// the root.
	Cuts bool
	// Targets is set where the records of <FQDN> stand at <FQDN>.<Origin>, for
	// CNAME records at _validation-persist.<FQDN> to point to: see [Target].
	Targets bool

	phased   string // the name by which rotation is spread, see Rotate
	ns       []string
	ttl      uint32
	grace    time.Duration
	maxStale time.Duration
	fqdn     record.FQDN // the FQDN validated at the apex, if the apex is an owner
}

// Config is what the operator says about a zone.
type Config struct {
	Origin   string        // a domain name; made absolute and lower case
	Overlay  bool          // see Zone
	Chained  bool          // see Zone
	Cuts     bool          // see Zone
	Phased   string        // the name by which rotation is spread, see Zone.Rotate; empty: Origin
	Targets  bool          // see Zone; not together with Cuts
	NS       []string      // authoritative names; at least one unless Overlay; the first is the SOA's MNAME
	TTL      uint32        // of TXT RRsets, 1 to MaxTTL seconds
	Grace    time.Duration // how long after its last confirmation a grant still rotates
	MaxStale time.Duration // how long after its last confirmation a grant is still served
}

// New returns the zone described by c, or an error that says which value is
// wrong and what to write instead.
func New(c Config) (*Zone, error) {
	origin, err := OriginName(c.Origin)
	if err != nil {
		return nil, err
	}
	if origin == "." && !c.Cuts {
		return nil, fmt.Errorf("zone %q is too wide: write the zone that is delegated to this server, or cuts for a zone at each name that is granted", origin)
	}
	if c.TTL < 1 || c.TTL > MaxTTL {
		return nil, fmt.Errorf("ttl %d is out of range: write 1 to %d seconds, because a record must outlive every cached copy of it", c.TTL, MaxTTL)
	}
	z := &Zone{
		Origin: origin, Overlay: c.Overlay, Chained: c.Chained, Cuts: c.Cuts, Targets: c.Targets,
		phased: origin, ttl: c.TTL, grace: c.Grace, maxStale: c.MaxStale,
	}
	if c.Phased != "" {
		z.phased = c.Phased
	}
	if err := z.checkShape(); err != nil {
		return nil, err
	}
	z.fqdn, _ = z.Validated(origin)
	if c.Overlay {
		return z, nil
	}
	return z, z.setNS(c.NS)
}

// checkShape refuses an origin that leaves no room for the names of the shape.
func (z *Zone) checkShape() error {
	if z.Targets {
		return checkTargets(z.Origin)
	}
	return z.checkCuts()
}

// setNS checks the authoritative names. One inside the zone would need an
// address there, and the zone holds none.
func (z *Zone) setNS(names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("zone %s needs the names of its servers: write ns NAME... with one at least", z.Origin)
	}
	for _, n := range names {
		name, err := Name(n)
		if err != nil {
			return fmt.Errorf("ns %q is not the name of a server: %w", n, err)
		}
		if !z.Cuts && dns.IsSubDomain(z.Origin, name) { // in a cut it would have an underscore
			return fmt.Errorf("ns %s lies inside zone %s, which holds no addresses: name a server outside it", name, z.Origin)
		}
		if name == "." || strings.Contains(name, "_") {
			return fmt.Errorf("ns %q is not the name of a server: it has labels of letters, digits and hyphens (RFC 1123 section 2.1)", n)
		}
		if !slices.Contains(z.ns, name) {
			z.ns = append(z.ns, name)
		}
	}
	if _, ok := dns.IsDomainName(mailbox(z.ns[0])); !ok {
		return fmt.Errorf("ns %s is too long to stand first, because %s, the zone's mailbox, exceeds 255 octets: write a shorter one before it", z.ns[0], mailbox(z.ns[0]))
	}
	return nil
}

// Name returns s absolute and in lower case, U-labels as A-labels, as in documents.
// Addresses are refused, and escapes and characters that a host or service name
// never has: they are slips of the pen.
func Name(s string) (string, error) {
	if _, is := address(s); is {
		return "", errors.New("it is an address: write a name")
	}
	ascii, err := record.ALabels(s)
	if err != nil {
		return "", fmt.Errorf("it %w", err)
	}
	name := strings.ToLower(dns.Fqdn(ascii))
	if _, ok := dns.IsDomainName(name); !ok {
		return "", errors.New("labels have 1 to 63 octets and a name at most 255")
	}
	if i := strings.IndexFunc(name, notHostname); i >= 0 {
		return "", fmt.Errorf("it contains %q; write letters, digits, hyphens and underscores", name[i])
	}
	return name, nil
}

func notHostname(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_.", r)
}
