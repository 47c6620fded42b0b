package persist

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// backends holds the stores that are watched, one per way of reaching them.
var backends pool[*backend]

// backend is a policy store that is watched, and the books compiled from it.
type backend struct {
	location string // where the documents come from, however reached
	opened   time.Time
	clock    *store.Clock // which documents, rotation and signatures go by
	vault    *store.Vault
	watcher  *store.Watcher
	cancel   context.CancelFunc
	done     chan struct{}

	mu     sync.Mutex
	books  map[string]*compiled // of the newest snapshot, by brakes; guarded by mu
	newest *policy.Book         // whichever was compiled last; guarded by mu
	unfit  string               // why it must not be served, as last logged; guarded by mu

	authors    *authors
	clockWrong bool   // whether its clock is far from ours; owned by the watcher
	expiry     expiry // of the token, where there is a login

	audience // told of every new snapshot
}

// compiled is a book and the snapshot it was compiled from.
type compiled struct {
	snapshot *store.Snapshot
	book     *policy.Book
}

// acquireBackend leases the store that cfg names.
func acquireBackend(cfg *config) (*backend, func(), error) {
	return backends.acquire(fmt.Sprintf("%+v %s %s %s %v", cfg.vault, cfg.policies, cfg.refresh, cfg.index, cfg.pin), func(others []*backend) (*backend, error) {
		return openBackend(cfg, others)
	})
}

// openBackend starts to watch the store. Where another backend has the same
// documents already, only reached otherwise, they are taken over.
func openBackend(cfg *config, others []*backend) (*backend, error) {
	b := &backend{opened: time.Now(), clock: store.NewClock(readClock), books: map[string]*compiled{}, done: make(chan struct{})}
	source, err := b.source(cfg)
	if err != nil {
		return nil, err
	}
	b.location, b.authors = source.String(), newAuthors(b.vault)
	beginCounting(scansTotal, b.location, "ok", "error", "refused")
	if cfg.logsIn() {
		beginCounting(loginsTotal, b.location, "ok", "error")
	}
	options := store.Options{Refresh: cfg.refresh, Index: cfg.index, Clock: b.clock, OnSnapshot: func(*store.Snapshot) { b.tell() }, Observer: observer{b}, Accept: cfg.pin.Check}
	for _, other := range others {
		if s := other.watcher.Snapshot(); other.location == b.location && s != nil && cfg.pin.Check(s.Document(store.ConfigPath), nil) == nil {
			options.Initial = s
			b.newest = other.last()
		}
	}
	b.watcher = store.NewWatcher(source, options)
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	go func() {
		defer close(b.done)
		b.watcher.Run(ctx)
	}()
	return b, nil
}

func (b *backend) source(cfg *config) (store.Source, error) {
	if cfg.vault == nil {
		return openDirectory(cfg.policies)
	}
	v, err := store.NewVault(*cfg.vault)
	if err != nil {
		return nil, err
	}
	v.ListenToTokens(observer{b})
	b.vault = v
	return v, nil
}

// openDirectory opens the store in dir, and tells of what in it nobody reads.
func openDirectory(dir string) (store.Source, error) {
	d, err := store.OpenDirectory(dir)
	if err != nil {
		return nil, err
	}
	for _, i := range d.Ignored() {
		log.Warningf("%s: %s", d, i)
	}
	return d, nil
}

// close stops watching. Where a token was obtained by logging in, Vault gets a
// moment to take it back.
func (b *backend) close() {
	b.cancel()
	<-b.done
	forget(b.location)
	if b.vault == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := b.vault.Close(ctx); err != nil {
		log.Warningf("%s: %v", b.location, err)
	}
}

// book returns the book of the newest snapshot under the given brakes, nil
// before the first complete load. Stanzas with the same brakes share one.
//
// Every book is compiled after the newest one, whatever its brakes: only that
// one knows what holds of documents that have been lost or broken since.
func (b *backend) book(brakes policy.Brakes) *policy.Book {
	b.mu.Lock()
	defer b.mu.Unlock()
	snapshot := b.watcher.Snapshot()
	if snapshot == nil {
		return nil
	}
	maps.DeleteFunc(b.books, func(_ string, c *compiled) bool { return c.snapshot != snapshot })
	key := fmt.Sprint(brakes)
	c, ok := b.books[key]
	if !ok {
		book := policy.Compile(b.newest, snapshot, brakes)
		report(b.location, b.newest, book)
		c = &compiled{b.watcher.Release(snapshot), book} // every book from now on is compiled after this one
		b.books[key], b.newest = c, c.book
	}
	if err := c.book.Fit(); err != nil {
		b.tellUnfit(err)
		return nil
	}
	return c.book
}

// tellUnfit logs why nothing is served, once for each reason.
func (b *backend) tellUnfit(err error) {
	if reason := err.Error(); reason != b.unfit {
		b.unfit = reason
		log.Errorf("%s: %s", b.location, reason)
	}
}

// now is the instant that answers go by: that of the clock, held to the store's.
func (b *backend) now() time.Time {
	at := b.clock.Now()
	if book := b.last(); book != nil {
		return book.Clock(at)
	}
	return at
}

// last returns the newest book for a backend that takes over.
func (b *backend) last() *policy.Book {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.newest
}
