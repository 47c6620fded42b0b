package persist

import (
	"iter"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/zone"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
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

// inheritance is what a stanza takes over of the instance that its own replaces, by
// the zone of the earlier stanza: what that had in the view of the stanza, else what it
// had in others.
type inheritance map[string][]bequest

// inherited returns what p takes over. All cuts of a stanza have the same keys, so one
// of them in each zone of p stands for all.
func (p *Persist) inherited() inheritance {
	all, before := inheritance{}, running.replaced()
	for _, h := range before {
		if !h.signs() {
			continue
		}
		for _, a := range h.authorities {
			origin := a.Zone().Origin
			for _, apex := range p.takenOver(h, a, before) {
				all[origin] = append(all[origin], bequest{apex, h.keyring.set.Load(), h.view == p.view})
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

// takenOver returns for each zone of p one that h, one of the handlers before, has had
// by a, and at whose name p answers from that zone; none where there is none.
func (p *Persist) takenOver(h *Persist, a *answer.Authority, before []*Persist) (apexes []string) {
	takesOver := func(apex string) bool {
		return h.answersAt(apex, inView(before, h.view)) && p.answersAt(apex, p.corefile.in(p.view))
	}
	z, book := a.Zone(), a.Book()
	switch {
	case !z.Cuts:
		if p.authority(z.Origin) != nil && takesOver(z.Origin) {
			apexes = append(apexes, z.Origin)
		}
	case book != nil: // else nobody has had an answer
		for _, own := range p.origins {
			for apex := range z.CutsBelow(book, own) {
				if p.authority(apex) == p.authorities[own] && takesOver(apex) {
					apexes = append(apexes, apex)
					break
				}
			}
		}
	}
	return apexes
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
