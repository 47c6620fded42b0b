package persist

import "sync"

// live holds every handler of the process between OnStartup and OnShutdown.
// The ready plugin keeps one handler per plugin name, so whichever it asks
// must answer for all of them.
var live sync.Map // *Persist → struct{}

// Ready implements ready.Readiness: the documents have been loaded completely
// at least once and there are keys to sign with. It does not say that the
// store answers now, which is a matter for metrics: taking every server out of
// service because Vault is away would turn one failure into two.
func (p *Persist) Ready() bool {
	ok := p.ready()
	live.Range(func(key, _ any) bool {
		ok = ok && key.(*Persist).ready()
		return ok
	})
	return ok
}

func (p *Persist) ready() bool {
	for _, a := range p.authorities {
		if !a.Ready() {
			return false
		}
	}
	return true
}
