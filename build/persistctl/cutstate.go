package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
)

// cutDS is of which keys the parent of a cut has DS records. What becomes of the
// cut when the old key goes depends on that alone.
type cutDS string

// What a parent may have.
const (
	oldDS     cutDS = "old"         // of the old key and not of the new one: it will break
	unknownDS cutDS = "unreachable" // nobody can say
	bothDS    cutDS = "both"        // it goes on
	newDS     cutDS = "new"         // it goes on
	otherDS   cutDS = "other"       // of neither, so neither key makes a difference
	noDS      cutDS = "none"        // it is insecure, or not delegated: nothing can break
)

// cutDSs are all of them, the worst first.
var cutDSs = []cutDS{oldDS, unknownDS, bothDS, newDS, otherDS, noDS}

// cutState is what the servers of the parent of a cut say of its DS RRset, and
// what a roll-over waits for there.
type cutState struct {
	Cut   string `json:"cut"`
	DS    cutDS  `json:"ds"`
	Lacks string `json:"lacks,omitempty"` // what is waited for, or why nobody can say

	why string        // DS is what it is
	ttl time.Duration // of the DS RRset, the longest
}

// rolledKeys are the key-signing keys of one zone in a roll-over.
type rolledKeys struct {
	young *dns.DNSKEY   // nil: none comes, or it is not published yet
	old   []*dns.DNSKEY // the others
}

// rolledKeysOf returns those that are published at the instant at. young is the
// tag of the one that comes, 0 for none.
func rolledKeysOf(keys *dnssec.KeySet, zone string, young uint16, at time.Time) (r rolledKeys) {
	rrset, _ := keys.DNSKEY(zone, at)
	for _, rr := range rrset {
		switch key := rr.(*dns.DNSKEY); {
		case key.Flags&dns.SEP == 0:
		case young != 0 && key.KeyTag() == young:
			r.young = key
		default:
			r.old = append(r.old, key)
		}
	}
	return r
}

// stateOfCut sums up the answers of all servers of the parent of a cut: the worst
// counts, as resolvers ask any of them.
func stateOfCut(cut string, answers []servers.DSAnswer, keys rolledKeys) cutState {
	sum := cutState{Cut: cut, DS: unknownDS, why: "it has no parent with a server"}
	for i, a := range answers {
		sum.ttl = max(sum.ttl, a.TTL)
		if one := keys.in(a); i == 0 || slices.Index(cutDSs, one) < slices.Index(cutDSs, sum.DS) {
			sum.DS, sum.why = one, keys.because(one, a)
		}
	}
	return sum
}

// in says of which keys an answer has DS records.
func (r rolledKeys) in(a servers.DSAnswer) cutDS {
	old := slices.ContainsFunc(a.DS, func(ds *dns.DS) bool {
		return slices.ContainsFunc(r.old, func(key *dns.DNSKEY) bool { return ds.KeyTag == key.KeyTag() && ds.Algorithm == key.Algorithm })
	})
	young := r.young != nil && leadsTo(a.DS, r.young)
	switch {
	case errors.Is(a.Err, servers.ErrNoName):
		return noDS
	case a.Err != nil:
		return unknownDS
	case len(a.DS) == 0:
		return noDS
	case old && young:
		return bothDS
	case young:
		return newDS
	case old:
		return oldDS
	}
	return otherDS
}

func (r rolledKeys) because(is cutDS, a servers.DSAnswer) string {
	switch {
	case is == unknownDS:
		return fmt.Sprintf("%s: %v", a.Server, a.Err)
	case is == oldDS && r.young != nil:
		return fmt.Sprintf("%s has %s", a.Server, unled(a.DS, r.young))
	}
	return ""
}
