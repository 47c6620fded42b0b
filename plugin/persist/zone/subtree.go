package zone

import (
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// ListsNames reports whether all names of z are listed, so that it has none of
// subtrees, which nobody can list: a chain lists the names of its zone, and a
// parent zone its delegations.
func (z *Zone) ListsNames() bool { return z.Chained || z.Cuts }

// reach returns the grants in whose subtrees fqdn lies.
func (z *Zone) reach(b *policy.Book, fqdn record.FQDN) []*policy.Grant {
	if z.ListsNames() {
		return nil
	}
	return b.Reach(fqdn)
}

// synthesised returns the place of the owner of fqdn, which has no grants of its
// own. What stands for several IP addresses has no owner: nobody asks there.
func (z *Zone) synthesised(b *policy.Book, fqdn record.FQDN) Place {
	if fqdn.IsReverse() && !fqdn.IsAddress() {
		return Place{Kind: Absent}
	}
	if grants := z.reach(b, fqdn); grants != nil {
		return Place{Kind: Owner, FQDN: fqdn, Grants: grants, Synthesised: true}
	}
	return Place{Kind: Absent}
}

// implied returns the place of the name under which the owner of fqdn would
// stand, where nobody has listed fqdn or a name below it: every name of a subtree
// is an empty non-terminal.
func (z *Zone) implied(b *policy.Book, fqdn record.FQDN) Place {
	if z.reach(b, fqdn) != nil {
		return Place{Kind: Empty, Synthesised: true}
	}
	return Place{Kind: Absent}
}

// apex returns the place of the zone's own name.
func (z *Zone) apex(b *policy.Book) Place {
	if z.fqdn == "" {
		return Place{Kind: Apex}
	}
	if grants := b.Lookup(z.fqdn); grants != nil {
		return Place{Kind: Apex, FQDN: z.fqdn, Grants: grants}
	}
	place := z.synthesised(b, z.fqdn)
	place.Kind, place.FQDN = Apex, z.fqdn
	return place
}
