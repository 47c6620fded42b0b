package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// beginning returns what adds the next key to the key document: one that is made
// there, or where the one in force is kept away, one that is too.
func (r *rolling) beginning(ctx context.Context, keys *dnssec.KeySet, zones []string, ttl time.Duration, now time.Time) (func(raw []byte) ([]byte, error), error) {
	inForce := keys.Roll(now).Old
	i := slices.IndexFunc(keys.Away(), func(a dnssec.Away) bool { return a.Tag == inForce })
	if i < 0 {
		return func(raw []byte) ([]byte, error) { return dnssec.BeginRoll(raw, zones, ttl, now, r.random) }, nil
	}
	next, err := r.nextAway(ctx, keys, keys.Away()[i])
	if err != nil {
		return nil, err
	}
	return func(raw []byte) ([]byte, error) { return dnssec.BeginAwayRoll(raw, zones, ttl, now, next) }, nil
}

// nextAway makes the next key where the one in force is, or takes the one that an
// interrupted run has made there.
func (r *rolling) nextAway(ctx context.Context, keys *dnssec.KeySet, inForce dnssec.Away) (dnssec.Away, error) {
	if inForce.Transit != "" {
		return nextInTransit(ctx, keys, inForce)
	}
	return r.seeds.next(ctx, keys, inForce.Algorithm)
}

// edit replaces the key document by what change makes of it. Where a key is kept
// away there are bundles for that first, beside those for the document that is:
// servers can use either, wherever this is interrupted.
func (r *rolling) edit(ctx context.Context, d *keyDocument, change func(raw []byte) ([]byte, error)) (*dnssec.KeySet, error) {
	if len(d.keys.Away()) == 0 {
		return d.edit(ctx, r.source, change)
	}
	after, err := change(d.raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.source, err)
	}
	keys, err := dnssec.ParseKeys(after)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.source, err)
	}
	if err := r.bundle(ctx, keys, beside); err != nil {
		return nil, fmt.Errorf("%w: the key document is as it was", err)
	}
	if err := overtaken(d.replace(ctx, after)); err != nil {
		return nil, err
	}
	return keys, r.bundle(ctx, keys, alone)
}

// beside has bundles be signed for a key document that is to come.
func beside(b *storedBundles) signFunc { return b.SignBeside }

// alone has bundles be signed for one key document.
func alone(b *storedBundles) signFunc { return b.Sign }

// topUp does what keys sign does, so that a roll-over needs no other job.
func (r *rolling) topUp(ctx context.Context, keys *dnssec.KeySet) error {
	if len(keys.Away()) == 0 {
		return nil
	}
	return r.bundle(ctx, keys, alone)
}

// bundle signs bundles of all zones that have some, or shall.
func (r *rolling) bundle(ctx context.Context, keys *dnssec.KeySet, how func(*storedBundles) signFunc) error {
	b, err := r.source.bundles(ctx, keys)
	if err != nil {
		return err
	}
	zones := slices.Concat(r.zones, keys.Zones, b.Zones())
	slices.Sort(zones)
	_, err = r.sign(ctx, keys, b, slices.Compact(zones), how(b))
	return err
}
