package persist

import (
	"iter"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/zone"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"

	"github.com/miekg/dns"
)

// corefile is what the stanzas of one Corefile have in common: that they are there,
// and in which server block each is. It is complete before the first of them starts.
type corefile struct {
	blocks map[*Persist]*dnsserver.Config
}

// corefileOf returns what the stanzas of the Corefile that c reads share.
func corefileOf(c *caddy.Controller) *corefile {
	type key struct{}
	if f, ok := c.Get(key{}).(*corefile); ok {
		return f
	}
	f := &corefile{map[*Persist]*dnsserver.Config{}}
	c.Set(key{}, f)
	c.OnShutdown(tellLeftOut) // before any stanza stops
	return f
}

// add has f know the stanza of p.
func (f *corefile) add(p *Persist, block *dnsserver.Config) {
	p.corefile = f
	f.blocks[p] = block
}

// in yields the stanzas of a view.
func (f *corefile) in(view string) iter.Seq[*Persist] {
	return func(yield func(*Persist) bool) {
		for p, block := range f.blocks {
			if block.ViewName == view && !yield(p) {
				return
			}
		}
	}
}

// inView yields those of handlers that are in a view.
func inView(handlers []*Persist, view string) iter.Seq[*Persist] {
	return func(yield func(*Persist) bool) {
		for _, p := range handlers {
			if p.view == view && !yield(p) {
				return
			}
		}
	}
}

// replaced returns the handlers that the instance being started replaces.
func (r *roster) replaced() []*Persist {
	before, _ := r.succession()
	return before
}

// succession returns the handlers that are being replaced, and those that replace
// them and have started so far.
func (r *roster) succession() (before, after []*Persist) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p, started := range r.handlers {
		if started <= r.mark {
			before = append(before, p)
		} else {
			after = append(after, p)
		}
	}
	return before, after
}

// bequest is a zone that was signed so far, by a stanza or as one of its cuts, and
// that the names of another stanza are in from now on.
type bequest struct {
	apex     string
	keys     *dnssec.KeySet
	sameView bool
}

// inheritance returns what p takes over of the instance that it replaces, by the
// zone of the earlier stanza: what that had in the view of p, else what it had in
// others. All cuts of a stanza have the same keys, so one of them in each zone of p
// stands for all.
func (p *Persist) inheritance() map[string][]bequest {
	all, before := map[string][]bequest{}, running.replaced()
	for _, h := range before {
		if h.keyring == nil || h.keyring.set.Load() == nil {
			continue
		}
		for _, a := range h.authorities {
			for _, own := range p.origins {
				if apex, ok := p.takesOver(own, h, a, before); ok {
					all[a.Zone().Origin] = append(all[a.Zone().Origin], bequest{apex, h.keyring.set.Load(), h.view == p.view})
				}
			}
		}
	}
	for zone, left := range all {
		if slices.ContainsFunc(left, func(b bequest) bool { return b.sameView }) {
			all[zone] = slices.DeleteFunc(left, func(b bequest) bool { return !b.sameView })
		}
	}
	return all
}

// takesOver returns a zone that h, one of the handlers before, has had by a, and at
// whose name p answers from its zone own.
func (p *Persist) takesOver(own string, h *Persist, a *answer.Authority, before []*Persist) (apex string, ok bool) {
	for apex := range common(own, a) {
		if p.authority(apex) == p.authorities[own] && h.answersAt(apex, inView(before, h.view)) && p.answersAt(apex, p.corefile.in(p.view)) {
			return apex, true
		}
	}
	return "", false
}

// common yields the zones of a that have their apex at or below the name own.
func common(own string, a *answer.Authority) iter.Seq[string] {
	z, book := a.Zone(), a.Book()
	switch {
	case z.Cuts && book != nil:
		return z.CutsBelow(book, own)
	case !z.Cuts && dns.IsSubDomain(own, z.Origin):
		return slices.Values([]string{z.Origin})
	}
	return func(func(string) bool) {} // nobody has had an answer, or not below own
}

// answersAt reports whether p is the one among the stanzas of its view that answers
// for name, which it has a zone for: the one whose zone is the closest.
func (p *Persist) answersAt(name string, stanzas iter.Seq[*Persist]) bool {
	own := p.authority(name).Zone().Origin
	for other := range stanzas {
		if a := other.authority(name); a != nil && len(a.Zone().Origin) > len(own) {
			return false
		}
	}
	return true
}

// isApex reports whether name is the apex of a zone for p, which may be a cut that
// nobody grants any more.
func (p *Persist) isApex(name string) bool {
	a := p.authority(name)
	return a != nil && isApexOf(a.Zone(), name)
}

func isApexOf(z *zone.Zone, name string) bool {
	if !z.Cuts {
		return z.Origin == name
	}
	cut, _, ok := z.CutOf(name)
	return ok && cut == name
}

// goesOnElsewhere reports whether b was only in other views, and another stanza of
// the Corefile goes on to sign it.
func (p *Persist) goesOnElsewhere(b bequest) bool {
	if b.sameView {
		return false
	}
	for other := range p.corefile.blocks {
		if other != p && other.config.signed() && other.isApex(b.apex) {
			return true
		}
	}
	return false
}
