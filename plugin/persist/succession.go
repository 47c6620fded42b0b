package persist

import (
	"fmt"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// A reload must not replace the keys of a zone by any others, nor leave it
// unsigned: the parent's DS would match nothing, and every answer be bogus. What
// a key document may not do, another path in the Corefile may not do either.

// signing returns the keys by which handlers sign origin that the instance
// being started replaces.
func (r *roster) signing(origin string) []*dnssec.KeySet {
	r.mu.Lock()
	defer r.mu.Unlock()
	var sets []*dnssec.KeySet
	for p, started := range r.handlers {
		if started > r.mark || p.keyring == nil || p.authorities[origin] == nil {
			continue
		}
		if set := p.keyring.set.Load(); set != nil && !slices.Contains(sets, set) {
			sets = append(sets, set)
		}
	}
	return sets
}

// predecessor returns the keys that the zones of p are signed with so far, nil
// if none are or not all by the same.
func (p *Persist) predecessor() *dnssec.KeySet {
	var one *dnssec.KeySet
	for _, origin := range p.origins {
		for _, set := range running.signing(origin) {
			if one != nil && set != one {
				return nil
			}
			one = set
		}
	}
	return one
}

// staySigned refuses to serve zones unsigned whose parents may have a DS.
func (p *Persist) staySigned() error {
	for _, origin := range p.origins {
		for _, set := range running.signing(origin) {
			if !set.GoesInsecure(p.now()) {
				return fmt.Errorf("zone %s is signed so far, and would be bogus without keys if its parent has a DS: "+
					"run persistctl keys insecure and wait until the DS is gone, or end this process if there has never been one", origin)
			}
		}
	}
	return nil
}

// stayValid refuses keys in use elsewhere that do not continue those of the zones
// of p.
func (p *Persist) stayValid() error {
	set := p.keyring.set.Load()
	for _, origin := range p.origins {
		before := running.signing(origin)
		if set == nil || len(before) == 0 || slices.ContainsFunc(before, func(b *dnssec.KeySet) bool { return b == set || set.Continues(b, p.now()) == nil }) {
			continue
		}
		return fmt.Errorf("zone %s is signed so far with other keys than those in %s: leave its keys property as it was, or end this process to start anew", origin, p.keyring.location)
	}
	return nil
}
