package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"
)

// initing is what a keys init command was asked for.
type initing struct {
	source    *keySource
	name      string
	algorithm uint8
}

func newKeysInit(out *output) *cobra.Command {
	var i initing
	cmd := &cobra.Command{
		Use:   "init (--dir DIR | --vault MOUNT/PATH) --name NAME",
		Short: "Make a key document where there is none",
		Long: `Make a key document with new seeds, from which every server that reads it derives
the same keys. The keys sign from this hour on. What is there already is never
overwritten, and the seeds are not printed. DIR is made if need be. What is in it
is only for the user that runs this, who should be the server's.

NAME is the name of the key set. It enters the derivation of the keys, so it
cannot be changed later; any will do, such as that of the zone.`,
		Example: `  persistctl keys init --dir /etc/coredns/keys --name example
  persistctl keys init --vault persist-keys/example --name example --algorithm 15`,
		Args: cobra.NoArgs,
	}
	i.source = registerKeySource(cmd.Flags(), "dir", "vault")
	cmd.Flags().StringVar(&i.name, "name", "", "`NAME` of the key set, of a-z, 0-9, dot, hyphen and underscore")
	cmd.Flags().Uint8Var(&i.algorithm, "algorithm", dns.ECDSAP256SHA256, "`NUMBER` of the algorithm: 13 (ECDSA P-256, which every validator knows) or 15 (Ed25519)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		made, err := i.run(cmd.Context())
		if err != nil {
			return err
		}
		return out.print(cmd.OutOrStdout(), made)
	}
	return cmd
}

func (i *initing) run(ctx context.Context) (*newKeySet, error) {
	switch err := i.source.check(); {
	case err != nil:
		return nil, err
	case i.name == "":
		return nil, usagef("how is the key set called? write --name NAME")
	case i.algorithm != dns.ECDSAP256SHA256 && i.algorithm != dns.ED25519:
		return nil, usagef("--algorithm is %d: write 13 (ECDSA P-256, which every validator knows) or 15 (Ed25519)", i.algorithm)
	}
	// Before anything is made: the name must be one for a key document.
	if _, err := dnssec.GenerateKeys(i.name, i.algorithm, time.Now(), rand.Reader); err != nil {
		return nil, usageError{err}
	}
	if err := i.source.make(ctx, i.name, i.algorithm); err != nil {
		return nil, err
	}
	keys, err := i.source.load(ctx)
	if err != nil {
		return nil, err
	}
	return &newKeySet{i.source.String(), keysAt(keys, time.Now().UTC().Truncate(time.Second))}, nil
}

// make writes a new key document.
func (k *keySource) make(ctx context.Context, name string, algorithm uint8) error {
	if k.dir == "" {
		return k.makeInVault(ctx, name, algorithm)
	}
	err := dnssec.InitDir(k.dir, name, algorithm, time.Now(), rand.Reader)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w, and keys are never overwritten: name another directory", err)
	}
	return err
}

// makeInVault writes by check-and-set, so that of two who do it at once one
// fails.
func (k *keySource) makeInVault(ctx context.Context, name string, algorithm uint8) error {
	p, err := k.place()
	if err != nil {
		return err
	}
	raw, err := dnssec.GenerateKeys(name, algorithm, time.Now(), rand.Reader)
	if err != nil {
		return err
	}
	v, err := store.NewVault(store.VaultConfig{})
	if err != nil {
		return err
	}
	err = v.WriteSecret(ctx, p.Mount, p.Path, raw, 0)
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%s has a version already, perhaps a deleted one, and keys are never overwritten: name another path, or undelete it", k.vault)
	}
	return k.explain(err)
}

// newKeySet is a key set that was just made.
type newKeySet struct {
	Source string `json:"-"`
	keySetState
}

func (n *newKeySet) text(w io.Writer) {
	fmt.Fprintf(w, "The key set %s is made:\n\n", n.Name)
	n.keySetState.text(w)
	fmt.Fprintf(w, "\nThe parent zone needs the DS record of\n  persistctl keys ds ZONE %s\n", n.Source)
}
