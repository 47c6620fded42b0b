package main

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// mostRotations bounds the search for a version with a fitting key tag: one in
// four fits.
const mostRotations = 100

// adoptTransit returns the newest version of a key in Transit. It makes the key
// where there is none, and rotates it until a version's key tag fits.
func adoptTransit(ctx context.Context, path string, algorithm uint8) (dnssec.Away, error) {
	v, err := openVault(store.VaultConfig{})
	if err != nil {
		return dnssec.Away{}, err
	}
	key, err := v.TransitKey(ctx, path, algorithm)
	if errors.Is(err, store.ErrNotFound) {
		if err = v.MakeTransitKey(ctx, path, algorithm); err == nil {
			key, err = v.TransitKey(ctx, path, algorithm)
		}
	}
	if err != nil {
		return dnssec.Away{}, err
	}
	return rotateUntil(ctx, v, key, path, algorithm, func(_ int, public []byte) bool { return dnssec.FitsKSK(algorithm, public) })
}

// nextInTransit returns a version of the key in Transit that follows the one in
// force: the newest, where a run that was interrupted has made it, or else a new
// one.
func nextInTransit(ctx context.Context, keys *dnssec.KeySet, inForce dnssec.Away) (dnssec.Away, error) {
	v, err := openVault(store.VaultConfig{})
	if err != nil {
		return dnssec.Away{}, err
	}
	key, err := v.TransitKey(ctx, inForce.Transit, inForce.Algorithm)
	if err != nil {
		return dnssec.Away{}, err
	}
	return rotateUntil(ctx, v, key, inForce.Transit, inForce.Algorithm, func(version int, public []byte) bool {
		return version > inForce.Version && keys.AdmitsKSK(public)
	})
}

// rotateUntil rotates a key until its newest version fits, and returns that.
func rotateUntil(ctx context.Context, v *store.Vault, key *store.TransitKey, path string, algorithm uint8, fits func(version int, public []byte) bool) (dnssec.Away, error) {
	for range mostRotations {
		versions := key.Versions()
		newest := versions[len(versions)-1]
		if public := dnssec.PublicKeyField(key.Public(newest)); fits(newest, public) {
			return dnssec.Away{PublicKey: base64.StdEncoding.EncodeToString(public), Algorithm: algorithm, Transit: path, Version: newest}, nil
		}
		err := v.RotateTransitKey(ctx, path)
		if err == nil {
			key, err = v.TransitKey(ctx, path, algorithm)
		}
		if err != nil {
			return dnssec.Away{}, err
		}
	}
	return dnssec.Away{}, fmt.Errorf("no version of %s has a key tag that fits, after %d rotations", path, mostRotations)
}

// inTransit finds the private half of a key in Transit.
func inTransit(ctx context.Context, _ string, a dnssec.Away) (crypto.Signer, error) {
	v, err := openVault(store.VaultConfig{})
	if err != nil {
		return nil, err
	}
	key, err := v.TransitKey(ctx, a.Transit, a.Algorithm)
	if err != nil {
		return nil, err
	}
	return key.Signer(ctx, a.Version)
}
