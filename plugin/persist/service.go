package persist

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns/coredns/plugin/transfer"
)

// patience is how long a starting server waits for a store, whatever the number
// of its stanzas, before it serves, SERVFAIL until documents and keys are there.
// A store that is away must not keep the other zones of the process from being
// served.
var patience = 5 * time.Second

// service is what a handler holds between OnStartup and OnShutdown.
type service struct {
	backend  *backend
	keyring  *keyring // nil where nothing is signed
	audit    *auditor // nil where nobody asked for one
	releases []func()

	transfer *transfer.Transfer // nil where the server block has none
	renewal  renewal
	herald   *herald // nil but for chained cuts

	updating  sync.Mutex          // so that the last update is that of the newest book and keys
	served    *policy.Book        // since the last update; guarded by updating
	announced *dnssec.KeySet      // whose DS records were logged last; guarded by updating
	stops     []policy.Scope      // as logged last; guarded by updating
	empty     map[string]*vacancy // the zones without a grant, by origin; guarded by updating
	gone      []string            // cuts without a grant any more that the log has not told of yet; guarded by updating
	unreached []string            // the subtrees, sorted, of which the log has said that they are not served; guarded by updating

	loaded   sync.Once
	complete chan struct{} // closed when the handler was ready for the first time
}

// start leases store and keys and goes on from what they have loaded.
func (p *Persist) start() error {
	if err := p.lease(); err != nil {
		return errors.Join(err, p.stop())
	}
	switch {
	case p.config.denial == "nsec" && p.config.cuts:
		p.releases = append(p.releases, p.keepNotifying())
	case p.config.denial == "nsec":
		p.releases = append(p.releases, p.keepRenewed())
	}
	running.join(p)
	p.releases = append(p.releases, p.backend.add(p))
	if p.keyring != nil {
		p.releases = append(p.releases, p.keyring.add(p))
		p.keyring.reportReach()
	}
	p.update()
	p.await(patience - time.Since(p.backend.opened))
	return nil
}

func (p *Persist) lease() (err error) {
	var release func()
	if p.backend, release, err = acquireBackend(p.config); err != nil {
		return err
	}
	p.now = p.backend.clock.Now
	p.releases = append(p.releases, release)
	if err := p.audited(); err != nil {
		return err
	}
	all := p.inherited()
	if err := p.stayZones(all); err != nil {
		return err
	}
	if !p.config.signed() {
		return p.staySigned(all)
	}
	if err := p.mayMakeKeys(all); err != nil {
		return err
	}
	if p.keyring, release, err = acquireKeyring(p.config, p.backend, p.predecessor(all)); err != nil {
		return fmt.Errorf("%s: keys: %w", p.config.keysAt, err)
	}
	p.releases = append(p.releases, release)
	return p.stayValid(all)
}

// stop gives back what start leased. Queries still come after it, and are
// answered from what was loaded last.
func (p *Persist) stop() error {
	running.leave(p)
	for _, release := range slices.Backward(p.releases) {
		release()
	}
	p.releases = nil
	return nil
}

// update serves from what store and keys have now.
func (p *Persist) update() {
	p.updating.Lock()
	defer p.updating.Unlock()
	book := p.backend.book(p.config.brakes)
	var keys *dnssec.KeySet
	if p.keyring != nil {
		keys = p.keyring.set.Load()
	}
	p.announce(keys, book)
	p.tellStops(book)
	for _, a := range p.authorities {
		a.Update(book, keys)
	}
	p.warnEmpty(book)
	p.tellCuts(book)
	p.tellGone(book)
	p.warnUnreached(book)
	p.forget(book)
	p.audit.tell(p, book, keys)
	p.renewal.wake()
	if p.ready() {
		p.loaded.Do(func() { close(p.complete) })
	}
}

// forget drops what was prepared for grants that book, from which every zone is
// served by now, no longer has. It costs what has changed, not what is served.
func (p *Persist) forget(book *policy.Book) {
	if p.served != nil && book != nil {
		for g := range book.Gone(p.served) {
			if a := p.holder(g.FQDN); a != nil {
				a.Forget(g)
			}
		}
	}
	p.served = book
}

// mostTold is how many zones of a stanza the log names one by one.
const mostTold = 20

// zones lists the zones for a message.
func (p *Persist) zones() string {
	return enumerate(p.origins)
}

// enumerate lists names for a message, as many as anybody will read.
func enumerate(names []string) string {
	list := strings.Join(names[:min(len(names), mostTold)], " ")
	if more := len(names) - mostTold; more > 0 {
		return fmt.Sprintf("%s and %d more", list, more)
	}
	return list
}

// announce logs what the parent zones shall have when keys are new, and which
// zones a roll-over of the KSK would forget.
func (p *Persist) announce(keys *dnssec.KeySet, book *policy.Book) {
	if keys == nil || keys == p.announced || p.config.cuts && book == nil {
		return
	}
	p.announced = keys
	if p.config.cuts {
		p.announceCuts(keys, book)
		return
	}
	for _, origin := range p.origins[:min(len(p.origins), mostTold)] {
		for _, line := range forParent(keys, origin, p.now()) {
			log.Info(line)
		}
	}
	if more := len(p.origins) - mostTold; more > 0 {
		log.Infof("and likewise for %d zones more: persistctl keys ds ZONE prints those of one", more)
	}
	for _, origin := range p.origins {
		if len(keys.Zones)+len(keys.Cuts) > 0 && !slices.Contains(keys.Zones, origin) {
			log.Errorf("a roll-over of the KSK does not wait for the parent of %s, and will break its chain of trust: add %q to zones in the key document, which has %q", origin, origin, keys.Zones)
		}
	}
}

// tellStops logs the stops in force when they are others than before, and warns
// of such as stop nothing.
func (p *Persist) tellStops(book *policy.Book) {
	if book == nil || slices.Equal(p.stops, book.Stops()) {
		return
	}
	if p.stops = book.Stops(); len(p.stops) == 0 {
		log.Infof("%s: no stop is in force any more", p.zones())
		return
	}
	log.Warningf("%s: stops in force: %v", p.zones(), p.stops)
	for _, s := range book.Idle() {
		log.Warningf("stop %s stops nothing that is granted: correct it if it is a slip, or leave it for what is granted later", s)
	}
	for _, s := range book.Narrowing() {
		log.Warningf("stop %s withdraws nothing, and takes the wildcard of %v: correct it if it is a slip", s, book.Narrowed(s))
	}
}

// forParent says what DS RRset the parent of origin shall have.
func forParent(keys *dnssec.KeySet, origin string, at time.Time) (lines []string) {
	if keys.GoesInsecure(at) {
		return []string{origin + " goes insecure: its parent shall remove the DS records"}
	}
	for _, ds := range keys.DS(origin, at) {
		lines = append(lines, fmt.Sprintf("DS for the parent of %s: %s", origin, strings.ReplaceAll(ds.String(), "\t", " ")))
	}
	return lines
}

// await returns when the handler is ready, or else after most.
func (p *Persist) await(most time.Duration) {
	select {
	case <-p.complete:
	case <-time.After(most):
		if p.ready() { // there may have been no time to wait
			return
		}
		log.Warningf("%s: documents or keys are not loaded yet; queries are answered SERVFAIL until they are", p.zones())
	}
}
