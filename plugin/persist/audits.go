package persist

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/audit"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"golang.org/x/time/rate"
)

// audits holds the audit logs in use, one per file. A reload goes on with the
// log, and with what was told in it.
var audits pool[*auditLog]

type auditLog struct{ *audit.Log }

func (a *auditLog) close() { a.Close() }

// openAudit goes on with the log in a file, or begins one.
func openAudit(path string) (*auditLog, error) {
	written, lost, failing := auditLines.WithLabelValues(path, "written"), auditLines.WithLabelValues(path, "lost"), auditFailing.WithLabelValues(path)
	l, err := audit.Open(path, audit.Options{
		Now:     func() time.Time { return clock() },
		Written: func(n int) { written.Add(float64(n)) },
		Lost:    func(n int) { lost.Add(float64(n)) },
		Failed: func(err error) {
			if err == nil {
				failing.Set(0)
				log.Infof("audit %s: lines are written again", path)
				return
			}
			failing.Set(1)
			log.Errorf("audit %s: %v; answers go on, and lines wait until there are too many of them", path, err)
		},
	})
	if err != nil {
		return nil, err
	}
	failing.Set(0)
	return &auditLog{l}, nil
}

// auditor tells what a handler serves; nil where there is no audit log.
type auditor struct {
	log  *auditLog
	view *audit.View
	book *policy.Book // told of last; guarded by updating of the handler
}

// audited leases the log that the stanza names.
func (p *Persist) audited() error {
	path := p.config.audit
	if path == "" {
		return nil
	}
	l, release, err := audits.acquire(path, func([]*auditLog) (*auditLog, error) { return openAudit(path) })
	if err != nil {
		return fmt.Errorf("%s: %w", p.config.auditAt, err)
	}
	view := audit.NewView(p.backend.location, p.config.zones, p.zoneOf, p.backend.authors.of)
	view.Now = p.now
	p.audit = &auditor{log: l, view: view}
	p.releases = append(p.releases, release, func() { l.Leave(view) })
	return nil
}

func (p *Persist) zoneOf(fqdn record.FQDN) *zone.Zone {
	if a := p.holder(fqdn); a != nil {
		return a.Zone()
	}
	return nil
}

// tell tells of the book and the keys that p serves from; neither need be new.
func (a *auditor) tell(p *Persist, book *policy.Book, keys *dnssec.KeySet) {
	if a == nil {
		return
	}
	if keys != nil {
		a.log.Keys(a.view, p.keyring.location, p.origins[0], keys)
	}
	if book != nil && book != a.book {
		a.book = book
		a.log.Take(a.view, book)
	}
}

// auditRefusal tells that the store is refused, or with nil that it is believed.
func (b *backend) auditRefusal(err error) {
	b.audience.mu.Lock()
	handlers := slices.Collect(maps.Keys(b.handlers))
	b.audience.mu.Unlock()
	for _, p := range handlers {
		if p.audit != nil {
			p.audit.log.Refused(p.audit.view, err)
		}
	}
}

// authors finds out who wrote documents, as far as Vault tells. It is asked by
// an audit log, which may wait.
type authors struct {
	vault *store.Vault
	limit *rate.Limiter

	mu    sync.Mutex // one asks at a time
	quiet time.Time  // until then Vault is not asked; guarded by mu
	told  bool       // that it denies us the metadata; guarded by mu
}

// How long nobody asks any more after an answer that would be the same again.
const (
	authorsDenied  = 10 * time.Minute
	authorsSilent  = 30 * time.Second
	authorsTimeout = 2 * time.Second
)

// newAuthors asks v, which may be nil.
func newAuthors(v *store.Vault) *authors {
	return &authors{vault: v, limit: rate.NewLimiter(50, 10)}
}

// of returns who wrote a version of a document, nil where nobody tells.
func (a *authors) of(path, version string) *store.Author {
	if a.vault == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Now().Before(a.quiet) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), authorsTimeout)
	defer cancel()
	if err := a.limit.Wait(ctx); err != nil {
		return nil
	}
	by, err := a.vault.LastUpdatedBy(ctx, path, version)
	switch {
	case errors.Is(err, store.ErrDenied):
		a.quiet = time.Now().Add(authorsDenied)
		if !a.told {
			log.Infof("%s: the audit log does not say who wrote documents, because the token may not read metadata: persistctl vault-policy server --authors prints a policy that lets it", a.vault)
		}
		a.told = true
		return nil
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		a.quiet = time.Now().Add(authorsSilent)
		return nil
	}
	return by
}
