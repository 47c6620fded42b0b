package zone

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

// Kind says what a name of the zone is.
type Kind int

// The kinds of place. A granted name keeps its place while its grant is
// disabled, stopped, expired or not yet begun: it is then empty, and no
// resolver that keeps NXDOMAIN for everything below it (RFC 8020) is misled.
const (
	Absent Kind = iota // no such name
	Apex               // the zone's own name; an owner too if Place.FQDN is set
	Owner              // where the records of a granted FQDN stand, _validation-persist.<FQDN> but with Targets
	Empty              // an empty non-terminal above an owner, or above one that may be made up
)

// Place is what stands at a name, whatever the instant.
type Place struct {
	Kind   Kind
	FQDN   record.FQDN     // the validated FQDN where the name is an owner
	Grants []*policy.Grant // every grant of FQDN; empty where there is none

	// Synthesised is set where nobody has listed the name, and it exists because
	// it lies in a subtree. Grants are then those of the subtree: see
	// [policy.Book.Reach].
	Synthesised bool
}

// Find returns the place of name, which is absolute, in lower case and at or
// below the zone's origin. It does not allocate.
func (z *Zone) Find(b *policy.Book, name string) Place {
	if name == z.Origin {
		return z.apex(b)
	}
	if z.Targets {
		return z.target(b, name)
	}
	if fqdn, ok := z.Validated(name); ok {
		if grants := b.Lookup(fqdn); grants != nil {
			return Place{Kind: Owner, FQDN: fqdn, Grants: grants}
		}
		return z.synthesised(b, fqdn)
	}
	if b.Contains(relative(name)) {
		return Place{Kind: Empty}
	}
	return z.implied(b, relative(name))
}

// Owner returns the name at which the records of fqdn stand in z, and false where
// that is no name of z.
func (z *Zone) Owner(fqdn record.FQDN) (string, bool) {
	if z.Targets {
		return Target(fqdn, z.Origin), true
	}
	owner := fqdn.Owner()
	return owner, dns.IsSubDomain(z.Origin, owner)
}

// Validated returns the FQDN whose records stand at name, if there are any: the
// inverse of Owner. It fails for a name that is no owner, or that does not spell
// its FQDN, and does not allocate.
func (z *Zone) Validated(name string) (record.FQDN, bool) {
	if z.Targets {
		return z.spelled(name)
	}
	return record.FromOwner(name)
}

// Holds reports whether any grant of b has its owner in z.
func (z *Zone) Holds(b *policy.Book) bool {
	switch {
	case z.Targets, z.Cuts:
		for range z.names(b) {
			return true
		}
		return false
	case z.fqdn != "":
		return z.apex(b).Grants != nil
	}
	return b.Contains(relative(z.Origin)) || z.reach(b, relative(z.Origin)) != nil
}

// Owners yields every listed owner in z with the grants of its FQDN, in no particular
// order.
func (z *Zone) Owners(b *policy.Book) iter.Seq2[string, []*policy.Grant] {
	return func(yield func(string, []*policy.Grant) bool) {
		if z.fqdn != "" { // no owner is below another one
			if grants := b.Lookup(z.fqdn); len(grants) > 0 {
				yield(z.Origin, grants)
			}
			return
		}
		for fqdn, grants := range z.names(b) {
			if owner, ok := z.Owner(fqdn); ok && !yield(owner, grants) {
				return
			}
		}
	}
}

// Same reports whether the owners in z have the same grants in b and other, under
// the same freeze, so that z differs at most in when the store vouched for them.
func (z *Zone) Same(b, other *policy.Book) bool {
	switch {
	case z.Targets:
		return b.SameGrants(other)
	case z.fqdn == "":
		return b.SameGrantsBelow(other, relative(z.Origin))
	}
	return b.Freeze().Equal(other.Freeze()) && slices.Equal(b.Lookup(z.fqdn), other.Lookup(z.fqdn))
}

// names yields the names that may have their owner in z, with their grants.
func (z *Zone) names(b *policy.Book) iter.Seq2[record.FQDN, []*policy.Grant] {
	if z.Targets {
		return b.Names()
	}
	return b.Below(relative(z.Origin))
}

// Encloser returns the closest encloser of an absent name: its longest
// existing ancestor (RFC 4592 section 3.3.1).
func (z *Zone) Encloser(b *policy.Book, name string) string {
	for name != z.Origin {
		off, _ := dns.NextLabel(name, 0)
		name = name[off:]
		if z.Find(b, name).Kind != Absent {
			break
		}
	}
	return name
}

// Known reports whether the store has vouched recently enough for name being
// absent, with all that could be below. Past that, denying it would be a guess.
func (z *Zone) Known(b *policy.Book, name string, at time.Time) bool {
	return z.isFresh(z.Listed(b, name), at)
}

// Listed is when the store last vouched for name being absent, with all that could
// be below; zero if a document that may grant any of it was never read.
func (z *Zone) Listed(b *policy.Book, name string) time.Time {
	fqdn, ok := z.Validated(name)
	switch {
	case z.Targets: // where it is not spelled, the alias of any name there may be
	case ok: // nothing is below an owner
		return b.ListedAt(fqdn)
	default:
		fqdn = relative(name)
	}
	return b.Listed(fqdn)
}

// MayBeGranted reports whether name, which has no grant of its own, may have one by
// now, as the store has not vouched lately for its having none.
func (z *Zone) MayBeGranted(b *policy.Book, name string, at time.Time) bool {
	_, ok := z.Validated(name)
	return ok && !z.isFresh(z.ListedAt(b, name), at)
}

// ListedAt is when the store last vouched for name having no grant of its own; zero
// as with Listed.
func (z *Zone) ListedAt(b *policy.Book, name string) time.Time {
	fqdn, _ := z.Validated(name)
	return b.ListedAt(fqdn)
}

// isFresh reports whether it still holds what the store has listed.
func (z *Zone) isFresh(listed, at time.Time) bool {
	return at.Before(listed.Add(z.maxStale))
}

// AllKnown is Known for every name that z does not have.
func (z *Zone) AllKnown(b *policy.Book, at time.Time) bool {
	return z.isFresh(z.AllListed(b), at)
}

// AllListed is Listed for every name that z does not have.
func (z *Zone) AllListed(b *policy.Book) time.Time {
	if z.Targets {
		return b.Listed("")
	}
	return z.Listed(b, z.Origin)
}

// KnownBetween is Known for every name that an NSEC record at from denies which leads
// to to, for all that resolvers conclude from it (RFC 8198).
func (z *Zone) KnownBetween(b *policy.Book, from, to string, at time.Time) bool {
	return z.AllKnown(b, at) || z.isFresh(z.ListedBetween(b, from, to), at)
}

// ListedBetween is Listed for these names.
func (z *Zone) ListedBetween(b *policy.Book, from, to string) time.Time {
	switch {
	case !z.Targets:
		return b.ListedBetween(relative(from), relative(to))
	case z.beforeAlias(from):
		return z.AllListed(b)
	}
	return b.ListedBetween(record.FQDN(z.front(from)), record.FQDN(z.front(to)))
}

// relative is the FQDN whose owner would stand somewhere below name.
func relative(name string) record.FQDN {
	return record.FQDN(strings.TrimSuffix(name, "."))
}
