package persist

import "slices"

// Ready implements ready.Readiness: the documents have been loaded completely
// at least once and there are keys to sign with. It does not say that the
// store answers now, which is a matter for metrics: taking every server out of
// service because Vault is away would turn one failure into two.
//
// The ready plugin keeps one handler per plugin name, so whichever it asks must
// answer for all of them.
func (p *Persist) Ready() bool {
	return p.ready() && !slices.ContainsFunc(running.all(), func(other *Persist) bool { return !other.ready() })
}

func (p *Persist) ready() bool {
	for _, a := range p.authorities {
		if !a.Ready() {
			return false
		}
	}
	return true
}
