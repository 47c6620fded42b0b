package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"slices"

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
	d, err := k.fetchKSKs(ctx)
	if err != nil {
		return nil, err
	}
	return dnssec.ParseKSKs(d.raw, name, algorithm)
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

// next returns the key that follows those of keys: the newest, where a run that
// was interrupted has made it, or else a new one.
func (k *kskSource) next(ctx context.Context, keys *dnssec.KeySet, algorithm uint8) (dnssec.Away, error) {
	if !k.isSet() {
		return dnssec.Away{}, usagef("where shall the next KSK be? write --ksk-dir DIR or --ksk-vault MOUNT/PATH")
	}
	if err := k.check(); err != nil {
		return dnssec.Away{}, err
	}
	d, err := k.fetchKSKs(ctx)
	if err != nil {
		return dnssec.Away{}, fmt.Errorf("%s: %w", k, err)
	}
	ksks, err := dnssec.ParseKSKs(d.raw, keys.Name, algorithm)
	if err != nil {
		return dnssec.Away{}, fmt.Errorf("%s: %w", k, err)
	}
	if newest := ksks.Newest(); keys.AdmitsKSK(newest.Octets()) {
		return newest, nil
	}
	after, err := dnssec.AddKSK(d.raw, keys, rand.Reader)
	if err != nil {
		return dnssec.Away{}, err
	}
	if err := overtaken(d.replace(ctx, after)); err != nil {
		return dnssec.Away{}, fmt.Errorf("%s: %w", k, err)
	}
	ksks, err = dnssec.ParseKSKs(after, keys.Name, algorithm)
	if err != nil {
		return dnssec.Away{}, err
	}
	return ksks.Newest(), nil
}

// fetchKSKs reads the KSK document to be changed.
func (k *kskSource) fetchKSKs(ctx context.Context) (*keyDocument, error) {
	if k.dir == "" {
		return k.fetchFromVault(ctx)
	}
	raw, err := dnssec.LoadKSKs(k.dir)
	if err != nil {
		return nil, err
	}
	return &keyDocument{raw: raw, replace: func(_ context.Context, after []byte) error {
		return dnssec.ReplaceKSKs(k.dir, raw, after)
	}}, nil
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

// besides are the flags that keys sign needs for keys that are kept away, besides those
// of the key document, which does not say where their seeds are.
func besides(away []dnssec.Away) string {
	if slices.ContainsFunc(away, func(a dnssec.Away) bool { return a.Transit == "" }) {
		return " --ksk-dir DIR, or --ksk-vault MOUNT/PATH"
	}
	return ""
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
