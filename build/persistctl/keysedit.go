package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// keyDocument is a key document as it was read, and how to replace just that.
type keyDocument struct {
	raw     []byte
	keys    *dnssec.KeySet
	replace func(ctx context.Context, after []byte) error
}

// open reads the key document to be changed.
func (k *keySource) open(ctx context.Context) (*keyDocument, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	d, err := k.fetch(ctx)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: if there never were keys, make them with persistctl keys init", err)
	}
	if err != nil {
		return nil, err
	}
	if d.keys, err = dnssec.ParseKeys(d.raw); err != nil {
		return nil, fmt.Errorf("%s: %w", k, err)
	}
	return d, nil
}

func (k *keySource) fetch(ctx context.Context) (*keyDocument, error) {
	if k.dir == "" {
		return k.fetchFromVault(ctx)
	}
	raw, err := dnssec.LoadDir(k.dir)
	if err != nil {
		return nil, err
	}
	return &keyDocument{raw: raw, replace: func(_ context.Context, after []byte) error {
		return dnssec.ReplaceDir(k.dir, raw, after)
	}}, nil
}

// fetchFromVault replaces by check-and-set.
func (k *keySource) fetchFromVault(ctx context.Context) (*keyDocument, error) {
	p, v, err := k.inVault()
	if err != nil {
		return nil, err
	}
	raw, version, err := v.ReadSecretVersion(ctx, p.Mount, p.Path)
	if err != nil {
		return nil, k.explain(err)
	}
	return &keyDocument{raw: raw, replace: func(ctx context.Context, after []byte) error {
		return v.WriteSecret(ctx, p.Mount, p.Path, after, version)
	}}, nil
}

// edit replaces the key document by what change makes of it, and returns the
// keys of after.
func (k *keySource) edit(ctx context.Context, change func(raw []byte) ([]byte, error)) (*dnssec.KeySet, error) {
	d, err := k.open(ctx)
	if err != nil {
		return nil, err
	}
	return d.edit(ctx, k, change)
}

func (d *keyDocument) edit(ctx context.Context, k *keySource, change func(raw []byte) ([]byte, error)) (*dnssec.KeySet, error) {
	after, err := change(d.raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k, err)
	}
	keys, err := dnssec.ParseKeys(after)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k, err)
	}
	return keys, overtaken(d.replace(ctx, after))
}

// errOvertaken means that the key document was changed meanwhile.
var errOvertaken = errors.New("the key document was changed meanwhile, so nothing is written: run this again")

// overtaken gives both kinds of stores the same error.
func overtaken(err error) error {
	if errors.Is(err, store.ErrConflict) || errors.Is(err, dnssec.ErrChanged) {
		return fmt.Errorf("%w (%w)", errOvertaken, err)
	}
	return err
}
