package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/spf13/pflag"
)

// kskSource is where seeds of key signing keys are that servers do not have.
type kskSource struct{ keySource }

// registerKSKSource adds the two flags of a source of key signing keys.
func registerKSKSource(flags *pflag.FlagSet) *kskSource {
	k := &kskSource{keySource{dirFlag: "ksk-dir", vaultFlag: "ksk-vault"}}
	flags.StringVar(&k.dir, k.dirFlag, "", "`DIR` of the KSK document, which servers cannot read")
	flags.StringVar(&k.vault, k.vaultFlag, "", "`MOUNT/PATH` of the KSK document in a KV version 2 mount of Vault, which servers cannot read")
	return k
}

// load reads the key signing keys of a key set.
func (k *kskSource) load(ctx context.Context, name string, algorithm uint8) (*dnssec.KSKs, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	raw, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	return dnssec.ParseKSKs(raw, name, algorithm)
}

func (k *kskSource) read(ctx context.Context) ([]byte, error) {
	if k.dir != "" {
		return dnssec.LoadKSKs(k.dir)
	}
	d, err := k.fetchFromVault(ctx)
	if err != nil {
		return nil, err
	}
	return d.raw, nil
}

// adopt returns the newest key of a key set. It makes one where there is none.
func (k *kskSource) adopt(ctx context.Context, name string, algorithm uint8) (dnssec.Away, error) {
	ksks, err := k.load(ctx, name, algorithm)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNotFound) {
		raw, noSeed := dnssec.GenerateKSKs(name, algorithm, rand.Reader)
		if noSeed != nil {
			return dnssec.Away{}, noSeed
		}
		if err := k.create(ctx, dnssec.KSKFile, raw); err != nil {
			return dnssec.Away{}, err
		}
		ksks, err = k.load(ctx, name, algorithm)
	}
	if err != nil {
		return dnssec.Away{}, fmt.Errorf("%s: %w", k, err)
	}
	return ksks.Newest(), nil
}

// mostRotations bounds the search for a version with a fitting key tag: one in
// four fits.
const mostRotations = 100

// adoptTransit returns the newest version of a key in Transit. It makes the key
// where there is none, and rotates it until a version's key tag fits.
func adoptTransit(ctx context.Context, path string, algorithm uint8) (dnssec.Away, error) {
	v, err := store.NewVault(store.VaultConfig{})
	if err != nil {
		return dnssec.Away{}, err
	}
	key, err := v.TransitKey(ctx, path, algorithm)
	if errors.Is(err, store.ErrNotFound) {
		if err = v.MakeTransitKey(ctx, path, algorithm); err == nil {
			key, err = v.TransitKey(ctx, path, algorithm)
		}
	}
	for range mostRotations {
		if err != nil {
			return dnssec.Away{}, err
		}
		versions := key.Versions()
		newest := versions[len(versions)-1]
		if public := dnssec.PublicKeyField(key.Public(newest)); dnssec.FitsKSK(algorithm, public) {
			return dnssec.Away{PublicKey: base64.StdEncoding.EncodeToString(public), Algorithm: algorithm, Transit: path, Version: newest}, nil
		}
		if err = v.RotateTransitKey(ctx, path); err == nil {
			key, err = v.TransitKey(ctx, path, algorithm)
		}
	}
	return dnssec.Away{}, fmt.Errorf("no version of %s has a key tag that fits, after %d rotations", path, mostRotations)
}

// privateHalves finds the keys of a key set that are kept away. Each is looked
// for once, when it is needed.
func privateHalves(ctx context.Context, keys *dnssec.KeySet, seeds *kskSource) dnssec.SignerOf {
	found := map[string]crypto.Signer{}
	return func(a dnssec.Away) (crypto.Signer, error) {
		if signer := found[a.PublicKey]; signer != nil {
			return signer, nil
		}
		find := seeds.find
		if a.Transit != "" {
			find = inTransit
		}
		signer, err := find(ctx, keys.Name, a)
		if err == nil {
			found[a.PublicKey] = signer
		}
		return signer, err
	}
}

func (k *kskSource) find(ctx context.Context, name string, a dnssec.Away) (crypto.Signer, error) {
	if !k.isSet() {
		return nil, usagef("where is the KSK %d? write --ksk-dir DIR or --ksk-vault MOUNT/PATH", a.Tag)
	}
	ksks, err := k.load(ctx, name, a.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k, err)
	}
	return ksks.Private(a)
}

func inTransit(ctx context.Context, _ string, a dnssec.Away) (crypto.Signer, error) {
	v, err := store.NewVault(store.VaultConfig{})
	if err != nil {
		return nil, err
	}
	key, err := v.TransitKey(ctx, a.Transit, a.Algorithm)
	if err != nil {
		return nil, err
	}
	return key.Signer(ctx, a.Version)
}
