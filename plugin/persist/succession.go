package persist

import (
	"fmt"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns/caddy"
)

// A reload must not replace the keys of a zone by any others, nor leave it
// unsigned: the parent's DS would match nothing, and every answer be bogus. What
// a key document may not do, another path in the Corefile may not do either.

// corefile is what the stanzas of one Corefile have in common: the zones that any
// of them signs. It is complete before the first of them starts.
type corefile struct{ signed map[string]bool }

// corefileOf returns what the stanzas of the Corefile that c reads share.
func corefileOf(c *caddy.Controller) *corefile {
	type key struct{}
	if f, ok := c.Get(key{}).(*corefile); ok {
		return f
	}
	f := &corefile{map[string]bool{}}
	c.Set(key{}, f)
	return f
}

// add has f know what the stanza of p says.
func (f *corefile) add(p *Persist) {
	p.corefile = f
	for _, origin := range p.origins {
		f.signed[origin] = f.signed[origin] || p.config.signed()
	}
}

// replaced returns the handlers of origin that the instance being started
// replaces: those of a view where it had one before, else those of all views.
func (r *roster) replaced(origin, view string) (handlers []*Persist, sameView bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var others []*Persist
	for p, started := range r.handlers {
		switch {
		case started > r.mark || p.authorities[origin] == nil:
		case p.view == view:
			handlers = append(handlers, p)
		default:
			others = append(others, p)
		}
	}
	if len(handlers) > 0 {
		return handlers, true
	}
	return others, false
}

// signing returns the keys by which the handlers sign that p replaces in origin.
func (p *Persist) signing(origin string) (sets []*dnssec.KeySet, sameView bool) {
	handlers, sameView := running.replaced(origin, p.view)
	for _, h := range handlers {
		if h.keyring == nil {
			continue
		}
		if set := h.keyring.set.Load(); set != nil && !slices.Contains(sets, set) {
			sets = append(sets, set)
		}
	}
	return sets, sameView
}

// predecessor returns the keys that the zones of p are signed with so far, nil
// if none are or not all by the same.
func (p *Persist) predecessor() *dnssec.KeySet {
	var one *dnssec.KeySet
	for _, origin := range p.origins {
		sets, _ := p.signing(origin)
		for _, set := range sets {
			if one != nil && set != one {
				return nil
			}
			one = set
		}
	}
	return one
}

// staySigned refuses to serve zones unsigned whose parents may have a DS. A view
// that is new may be unsigned beside one that goes on to sign the zone.
func (p *Persist) staySigned() error {
	for _, origin := range p.origins {
		sets, sameView := p.signing(origin)
		if !sameView && p.corefile.signed[origin] {
			continue
		}
		for _, set := range sets {
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
		before, _ := p.signing(origin)
		if set == nil || len(before) == 0 || slices.ContainsFunc(before, func(b *dnssec.KeySet) bool { return b == set || set.Continues(b, p.now()) == nil }) {
			continue
		}
		return fmt.Errorf("zone %s is signed so far with other keys than those in %s: leave its keys property as it was, or end this process to start anew", origin, p.keyring.location)
	}
	return nil
}
