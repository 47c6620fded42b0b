package persist

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
)

// keyrings holds the key documents in use, one per place.
var keyrings pool[*keyring]

// keyring is a key document, with its bundles where a KSK is kept away, that is
// read again at every refresh. A document that has become unreadable or invalid
// changes nothing, nor does one by which answers would not validate: the keys in
// use stay.
type keyring struct {
	location    string
	now         func() time.Time
	origin      string // of a zone, as which documents are proven
	cuts        bool   // whether they sign cuts
	read        keyReader
	readBundles func(ctx context.Context) ([]byte, error)
	prove       func(set *dnssec.KeySet, origin string, at time.Time) error
	set         atomic.Pointer[dnssec.KeySet]
	cancel      context.CancelFunc
	done        chan struct{}

	refreshing sync.Mutex
	raw        []byte // the document in use; guarded by refreshing
	bundles    []byte // those in use; guarded by refreshing
	failed     bool   // whether the last refresh did; guarded by refreshing

	audience // told of every new document
	reach    bundleReach
}

// acquireKeyring leases the key document that cfg names. The keys of before,
// unless nil, are in use until it has others that continue them.
func acquireKeyring(cfg *config, b *backend, before *dnssec.KeySet) (*keyring, func(), error) {
	where := fmt.Sprintf("%v %s %p %t", cfg.keys, cfg.refresh, b, cfg.cuts)
	if cfg.keys.kind == "bind" {
		where += " " + cfg.zones[0].Origin
	}
	return keyrings.acquire(where, func(others []*keyring) (*keyring, error) {
		return openKeyring(cfg, b, before, others)
	})
}

// openKeyring starts to watch a key document. Where another keyring has the
// same one already, only reached otherwise, its keys are taken over.
func openKeyring(cfg *config, b *backend, before *dnssec.KeySet, others []*keyring) (*keyring, error) {
	k := &keyring{now: b.now, done: make(chan struct{}), origin: cfg.signedZone(), cuts: cfg.cuts, prove: (*dnssec.KeySet).Prove}
	switch cfg.keys.kind {
	case "dir":
		k.location = cfg.keys.path
		k.read = keyDocument(func(context.Context) ([]byte, error) { return dnssec.LoadDir(cfg.keys.path) })
		k.readBundles = func(context.Context) ([]byte, error) { return dnssec.LoadBundles(cfg.keys.path) }
	case "vault":
		mount, path, _ := strings.Cut(cfg.keys.path, "/")
		k.location = b.vault.Place(cfg.keys.path)
		k.read = keyDocument(func(ctx context.Context) ([]byte, error) { return b.vault.ReadSecret(ctx, mount, path) })
		k.readBundles = func(ctx context.Context) ([]byte, error) {
			return b.vault.ReadSecret(ctx, mount, path+dnssec.BundleSuffix)
		}
	case "bind":
		k.location = strings.Join(cfg.keys.files, " ")
		k.read = bindPairs(cfg.keys.files, cfg.zones[0].Origin, k.now)
	}
	for _, other := range others {
		if set := other.set.Load(); set != nil && other.location == k.location && k.fits(set) == nil {
			before = set
		}
	}
	k.set.Store(before)
	if cfg.keys.kind != "vault" && k.set.Load() == nil {
		if err := k.begin(cfg); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	k.cancel = cancel
	beginCounting(keyLoadsTotal, k.location, "ok", "error", "unproven")
	go k.run(ctx, cfg.refresh)
	return k, nil
}

// begin loads keys that are in files, and makes them where a directory has none
// yet. Later on a key document that has gone missing is an error and never made
// anew. Bundles may come later: no other zone of the process waits for them.
func (k *keyring) begin(cfg *config) error {
	_, err := k.load(context.Background())
	var u *unbundled
	switch {
	case errors.As(err, &u):
		return nil
	case cfg.keys.kind != "dir" || !errors.Is(err, fs.ErrNotExist):
		return err
	}
	name := strings.TrimSuffix(cfg.signedZone(), ".")
	err = dnssec.InitDir(cfg.keys.path, name, dns.ECDSAP256SHA256, k.now(), rand.Reader)
	switch {
	case err == nil:
		log.Warningf("%s held no keys, and new ones were made: a DS record that a parent has already matches none of them", cfg.keys.path)
	case !errors.Is(err, fs.ErrExist): // another process may have been first
		return err
	}
	_, err = k.load(context.Background())
	return err
}

func (k *keyring) close() {
	k.cancel()
	<-k.done
	k.reach.forget(k.location)
}

// run loads the document at every refresh, and more often before it has been
// loaded once.
func (k *keyring) run(ctx context.Context, refresh time.Duration) {
	defer close(k.done)
	for {
		k.refresh(ctx)
		wait := refresh
		if k.set.Load() == nil {
			wait = min(wait, 2*time.Second)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// refresh loads the document and has handlers serve from it if it is new.
func (k *keyring) refresh(ctx context.Context) {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	if changed, err := k.load(ctx); ctx.Err() == nil {
		k.note(changed, err)
		k.reportReach()
	}
}

// load reads the document, and the bundles if it needs any, and reports whether
// one of them is new.
func (k *keyring) load(ctx context.Context) (changed bool, err error) {
	raw, parse, err := k.read(ctx)
	if err != nil {
		return false, err
	}
	before := k.set.Load()
	same := before != nil && bytes.Equal(raw, k.raw)
	if same && len(before.Away()) == 0 {
		return false, nil
	}
	set, err := parse()
	if err != nil {
		return false, err
	}
	if err := cmp.Or(k.fits(set), set.Continues(before, k.now())); err != nil {
		return false, err
	}
	var bundles []byte
	if len(set.Away()) > 0 {
		if bundles, err = k.loadBundles(ctx, set, same); err != nil {
			return false, &unbundled{err}
		} else if bundles == nil {
			return false, nil
		}
	}
	if err := k.prove(set, k.origin, k.now()); err != nil {
		return false, &unproven{err}
	}
	k.raw, k.bundles = raw, bundles
	k.set.Store(set)
	return true, nil
}

// unbundled is an error of the bundles for a key document.
type unbundled struct{ err error }

func (u *unbundled) Error() string { return u.err.Error() }

// unproven is an error of a key document by which answers would not validate.
type unproven struct{ err error }

func (u *unproven) Error() string {
	return "answers signed by the key document would not validate: " + u.err.Error()
}

// loadResult labels a load for the metric.
func loadResult(err error) string {
	var u *unproven
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &u):
		return "unproven"
	}
	return "error"
}

// note counts a load, logs what has changed, and has new keys served from.
func (k *keyring) note(changed bool, err error) {
	keyLoadsTotal.WithLabelValues(k.location, loadResult(err)).Inc()
	switch {
	case err != nil && !k.failed && k.set.Load() != nil:
		log.Errorf("keys in %s: %v; those in use stay in use", k.location, err)
	case err != nil && !k.failed:
		log.Errorf("keys in %s: %v; nothing is served until there are keys", k.location, err)
	case err == nil && (k.failed || changed):
		log.Infof("keys in %s are loaded", k.location)
	}
	k.failed = err != nil
	if changed {
		k.tell()
	}
}
