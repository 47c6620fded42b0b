package persist

import (
	"errors"
	"fmt"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// targets has the records of every name stand in the zone itself: see
// [zone.Target].
func (p *parser) targets([]string) error {
	p.config.targets = true
	return nil
}

// checkTargets looks at what does not go together with targets. Whatever is
// granted is in the zone, so there is nothing to divide among several.
func (c *config) checkTargets(origins []string) error {
	switch {
	case !c.targets:
		return nil
	case c.overlay:
		return errors.New("targets stand in a zone of their own, and fallthrough makes an overlay over another one: remove one of them")
	case c.cuts:
		return errors.New("targets stand in one zone, and cuts are a zone for each name: remove one of them, or write one of them in a stanza in a server block of its own")
	case len(origins) != 1:
		return fmt.Errorf("targets of every name stand in one zone, and the stanza has %d: keep the one that CNAME records point to, and write a stanza without targets, in a server block of its own, for the others", len(origins))
	}
	return nil
}

// holder returns who answers where the records of fqdn stand, nil for nobody.
func (p *Persist) holder(fqdn record.FQDN) *answer.Authority {
	if p.config.targets {
		return p.authorities[p.origins[0]]
	}
	return p.authority(fqdn.Owner())
}
