package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/spf13/pflag"
)

// keySource is where a key document is: in a directory or in Vault.
type keySource struct {
	dir, vault         string
	dirFlag, vaultFlag string // what they are called on the command line
}

// registerKeySource adds the two flags of a source of keys.
func registerKeySource(flags *pflag.FlagSet, dirFlag, vaultFlag string) *keySource {
	k := &keySource{dirFlag: dirFlag, vaultFlag: vaultFlag}
	flags.StringVar(&k.dir, dirFlag, "", "`DIR` that holds the key document, as in the Corefile's keys dir DIR")
	flags.StringVar(&k.vault, vaultFlag, "", "`MOUNT/PATH` of the key document in a KV version 2 mount of Vault, as in keys vault MOUNT/PATH; MOUNT is the part before the first slash")
	return k
}

func (k *keySource) isSet() bool { return k.dir != "" || k.vault != "" }

// check refuses none and two.
func (k *keySource) check() error {
	switch {
	case !k.isSet():
		return usagef("where are the keys? write --%s DIR or --%s MOUNT/PATH", k.dirFlag, k.vaultFlag)
	case k.dir != "" && k.vault != "":
		return usagef("--%s and --%s exclude each other: keep one of them", k.dirFlag, k.vaultFlag)
	case k.dir == "":
		_, err := k.place()
		return err
	}
	return nil
}

// String names the place as it stands on the command line.
func (k *keySource) String() string {
	if k.vault != "" {
		return fmt.Sprintf("--%s %s", k.vaultFlag, k.vault)
	}
	return fmt.Sprintf("--%s %s", k.dirFlag, k.dir)
}

// place is a path in a mount of Vault.
type place struct{ Mount, Path string }

// place takes MOUNT/PATH apart where the server does.
func (k *keySource) place() (place, error) {
	mount, path, ok := strings.Cut(k.vault, "/")
	if !ok || mount == "" || path == "" {
		return place{}, usagef("--%s %q is not MOUNT/PATH of a key document in a KV version 2 mount, where MOUNT is the part before the first slash", k.vaultFlag, k.vault)
	}
	return place{mount, path}, nil
}

// warnBeside warns where keys are in the mount of the documents.
func (p place) warnBeside(w io.Writer, documents string) {
	if p.Mount == strings.Trim(documents, "/") {
		fmt.Fprintf(w, "warning: keys have a mount of their own, and %s is that of the documents, which more may read: put them into another one\n", p.Mount)
	}
}

// inVault returns the place of the document, and the Vault that it is in.
func (k *keySource) inVault() (place, *store.Vault, error) {
	p, err := k.place()
	if err != nil {
		return place{}, nil, err
	}
	v, err := openVault(store.VaultConfig{})
	return p, v, err
}

// explain adds to an answer of Vault what MOUNT was taken for, where that may
// be another part than the one that was meant.
func (k *keySource) explain(err error) error {
	p, noPlace := k.place()
	if err == nil || noPlace != nil || !strings.Contains(p.Path, "/") {
		return err
	}
	return fmt.Errorf("%w (MOUNT is %s here, the part before the first slash: keys cannot be in a mount whose name has a slash)", err, p.Mount)
}

// load reads the keys.
func (k *keySource) load(ctx context.Context) (*dnssec.KeySet, error) {
	d, err := k.open(ctx)
	if err != nil {
		return nil, err
	}
	return d.keys, nil
}
