package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// storedBundles is a document of bundles as it was read, to be replaced by
// check-and-set.
type storedBundles struct {
	*dnssec.Bundles
	raw   []byte // nil where there was none
	write func(ctx context.Context, raw []byte) error
}

// bundles reads the bundles beside the key document of keys, none where there
// are none yet.
func (k *keySource) bundles(ctx context.Context, keys *dnssec.KeySet) (*storedBundles, error) {
	read := k.bundlesInDir
	if k.dir == "" {
		read = k.bundlesInVault
	}
	b, err := read(ctx)
	switch {
	case err != nil:
		return nil, err
	case b.raw == nil:
		b.Bundles = dnssec.NewBundles(keys)
	default:
		b.Bundles, err = dnssec.ParseBundles(b.raw)
	}
	return b, err
}

func (k *keySource) bundlesInDir(context.Context) (*storedBundles, error) {
	raw, err := dnssec.LoadBundles(k.dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return &storedBundles{raw: raw, write: func(_ context.Context, next []byte) error {
		return dnssec.StoreBundles(k.dir, next, raw)
	}}, err
}

func (k *keySource) bundlesInVault(ctx context.Context) (*storedBundles, error) {
	p, v, err := k.inVault()
	if err != nil {
		return nil, err
	}
	path := p.Path + dnssec.BundleSuffix
	raw, version, err := v.ReadVersion(ctx, p.Mount, path)
	return &storedBundles{raw: raw, write: func(ctx context.Context, next []byte) error {
		if len(next) > store.MaxDocument {
			return fmt.Errorf("the bundles have %d octets, and a document may have %d: give some zones a key document of their own, or write fewer --weeks", len(next), store.MaxDocument)
		}
		return v.WriteSecret(ctx, p.Mount, path, next, version)
	}}, k.explain(err)
}

// loadServed loads the keys as a server does that answers at an instant: with
// what bundles can be used, and why others cannot.
func (k *keySource) loadServed(ctx context.Context, at time.Time) (keys *dnssec.KeySet, faults []error, err error) {
	keys, err = k.load(ctx)
	if err != nil || len(keys.Away()) == 0 {
		return keys, nil, err
	}
	b, err := k.bundles(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	return keys, keys.UseBundles(b.Bundles, at), nil
}

// bundleState is how long the bundles of a zone reach.
type bundleState struct {
	Zone  string    `json:"zone"`
	Until time.Time `json:"until"`
	Low   bool      `json:"low"` // whether that is less than two weeks from then
}

// bundlesAt returns how long the bundles of zones reach, nothing where no key is
// kept away.
func bundlesAt(keys *dnssec.KeySet, zones []string, at time.Time) []bundleState {
	var all []bundleState
	for _, zone := range zones {
		if end, needed := keys.BundlesEnd(zone, at); needed {
			all = append(all, bundleState{zone, end, end.Before(at.Add(dnssec.LowReach))})
		}
	}
	return all
}
