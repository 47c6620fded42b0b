package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// mergeConfig returns the config document of DIR with what tells the store in
// Vault from others, where DIR does not name it: servers that pin it would refuse
// the store without.
func (p *planning) mergeConfig(found *plan, wanted, held *store.Document) ([]byte, error) {
	body, err := policy.KeepPin(wanted.Body, held.Body)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	was, is := policy.PinOf(held), policy.PinOf(&store.Document{Path: held.Path, Body: body})
	switch {
	case p.otherStore:
	case was.ID != "" && is.ID != was.ID:
		found.Refusals = append(found.Refusals, fmt.Sprintf("config in %s has store_id %q, and %s in Vault %q: is it the right Vault, and the right mount? If so, write --allow-other-store", found.Dir, is.ID, held.ID(), was.ID))
	case is.Generation < was.Generation:
		found.Refusals = append(found.Refusals, fmt.Sprintf("config in %s has generation %d, and %s in Vault %d: servers that have read %d would refuse it: write generation %d, or leave it out; or write --allow-other-store", found.Dir, is.Generation, held.ID(), was.Generation, was.Generation, was.Generation))
	}
	return body, nil
}

// part is a directory that need not have the sentinel: it is a part of the
// documents, such as the accounts of a team, and whether the store that they are
// for is the right one is for that store's config to say.
type part struct{ store.Source }

// Read has a sentinel stand in for one that is missing.
func (p part) Read(ctx context.Context, path string) (*store.Document, error) {
	d, err := p.Source.Read(ctx, path)
	if path == store.ConfigPath && errors.Is(err, store.ErrNotFound) {
		return &store.Document{Path: path, Body: []byte(`{"schema": 1}`)}, nil
	}
	return d, err
}

// wanted loads what is in a directory.
func (p *planning) wanted(ctx context.Context, dir string) (*library, error) {
	source, err := (&documents{mount: defaultMount}).source(dir)
	if err != nil {
		return nil, err
	}
	_, noConfig := source.Read(ctx, store.ConfigPath)
	if !errors.Is(noConfig, store.ErrNotFound) {
		return fit(loadFrom(ctx, source, p.now))
	}
	if isEmpty(ctx, source) {
		return nil, errors.New("there are none: is it the right directory?")
	}
	lib, err := fit(loadFrom(ctx, part{source}, p.now))
	if err == nil {
		lib.snapshot = without(lib.snapshot, store.ConfigPath)
	}
	return lib, err
}
