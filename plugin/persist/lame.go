package persist

import (
	"iter"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// A delegation to a server that does not answer for its zone is lame (RFC 9499
// section 7). An operator may leave a zone out, and a document a name, so neither
// is refused; but a server cannot see what parents still have, so it says of each
// signed zone that it answers for no more that NS and DS are lame where they stand.

// tellLeftOut logs which signed zones a reload that has succeeded leaves out. What
// else is done on a shutdown is done after it.
func tellLeftOut() error {
	if running.unreplaced() {
		return nil
	}
	before, after := running.succession() // none before these where the process ends
	var left []string
	ungranted := map[*Persist][]string{}
	for _, h := range before {
		for apex := range h.signedApexes(before) {
			switch heir := h.heir(apex, after); {
			case heir == nil:
				left = append(left, apex)
			case heir.config.cuts:
				ungranted[heir] = append(ungranted[heir], apex)
			}
		}
	}
	for heir, cuts := range ungranted {
		heir.takeOn(cuts)
	}
	if left = distinct(left); len(left) > 0 {
		log.Warningf("the reload leaves out zones that were signed and answered so far, %d of them: %s: their NS and DS records are lame now where parents have them, unless somebody else serves the same here: "+
			"put the stanza back until DS and then NS are removed at the parents", len(left), enumerate(left))
	}
	return nil
}

// unreplaced reports whether those handlers that stop have had a restart that failed, so
// that no others replace them.
func (r *roster) unreplaced() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// signedApexes yields the apex of each zone that p, one of the handlers before, has
// signed and answered for.
func (p *Persist) signedApexes(before []*Persist) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, a := range p.authorities {
			if !p.signs() || !a.Ready() {
				continue
			}
			for apex := range apexes(a) {
				if p.answersAt(apex, inView(before, p.view)) && !yield(apex) {
					return
				}
			}
		}
	}
}

// signs reports whether p has keys to sign with.
func (p *Persist) signs() bool { return p.keyring != nil && p.keyring.set.Load() != nil }

// apexes yields those of the zone of a, or of its cuts.
func apexes(a *answer.Authority) iter.Seq[string] {
	if z := a.Zone(); z.Cuts {
		return z.CutsBelow(a.Book(), z.Origin)
	}
	return slices.Values([]string{a.Zone().Origin})
}

// heir returns which of the handlers after p answers at name: one of the view of
// p, else of another, as a view may change its name; nil if none does.
func (p *Persist) heir(name string, after []*Persist) *Persist {
	if heir := closest(name, inView(after, p.view)); heir != nil {
		return heir
	}
	return closest(name, slices.Values(after))
}

// closest returns the handler whose zone is the closest to name, nil if none has one.
func closest(name string, handlers iter.Seq[*Persist]) (heir *Persist) {
	longest := 0
	for p := range handlers {
		if a := p.authority(name); a != nil && len(a.Zone().Origin) > longest {
			heir, longest = p, len(a.Zone().Origin)
		}
	}
	return heir
}

// takeOn has p tell which of the cuts, those of the stanzas that it follows, nobody
// grants: as soon as it has documents.
func (p *Persist) takeOn(cuts []string) {
	p.updating.Lock()
	defer p.updating.Unlock()
	p.gone = append(p.gone, cuts...)
	p.warnGone(p.served)
}

// tellGone logs which signed cuts are gone with their grants now that book follows
// the one served so far. It looks at what has changed alone.
func (p *Persist) tellGone(book *policy.Book) {
	if !p.config.cuts || book == nil {
		return
	}
	if p.served != nil && p.signs() {
		for g := range book.Gone(p.served) {
			if owner := g.FQDN.Owner(); p.holder(g.FQDN) != nil && p.answersAt(owner, p.corefile.in(p.view)) {
				p.gone = append(p.gone, owner)
			}
		}
	}
	p.warnGone(book)
}

// warnGone logs the cuts in gone that book, unless nil, does not grant, once a
// minute at most; until then they are kept, and so are those that a document which
// was never read may grant: they are answered SERVFAIL, and not lame.
func (p *Persist) warnGone(book *policy.Book) {
	if book == nil {
		return
	}
	p.gone = slices.DeleteFunc(distinct(p.gone), func(cut string) bool { return p.grants(book, cut) })
	var gone, unread []string
	for _, cut := range p.gone {
		if p.authority(cut).Zone().Listed(book, cut).IsZero() {
			unread = append(unread, cut)
		} else {
			gone = append(gone, cut)
		}
	}
	if len(gone) == 0 {
		return
	}
	p.lameness.Do(func() {
		log.Warningf("cuts that were signed and answered so far are gone with their grants, %d of them: %s: their NS and DS records are lame now where parents have them: "+
			"grant the names again until DS and then NS are removed at the parents", len(gone), enumerate(gone))
		p.gone = unread
	})
}

// grants reports whether there is a cut at name, which is or was one of p, in book.
func (p *Persist) grants(book *policy.Book, name string) bool {
	for cut := range p.authority(name).Zone().CutsBelow(book, name) {
		return cut == name // at or below a cut there is no other
	}
	return false
}

// distinct returns names in order, each once.
func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
