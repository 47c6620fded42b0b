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
	seeds     *kskSource
	transit   string // MOUNT/KEY
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
cannot be changed later; any will do, such as that of the zone.

With --ksk-transit, --ksk-dir or --ksk-vault the key signing key is kept away from
the servers: in Vault's Transit engine, or as a seed in a KSK document, made where
there is none, that they cannot read. They serve what keys sign signs with it.`,
		Example: `  persistctl keys init --dir /etc/coredns/keys --name example
  persistctl keys init --vault persist-keys/example --name example --algorithm 15
  persistctl keys init --vault persist-keys/away --name example --ksk-transit transit/example-ksk
  persistctl keys init --dir /etc/coredns/keys-away --name example --ksk-dir /etc/coredns/keys-ksk`,
		Args: arity(0, 0),
	}
	i.source = registerKeySource(cmd.Flags(), "dir", "vault")
	i.seeds = registerKSKSource(cmd.Flags())
	cmd.Flags().StringVar(&i.transit, "ksk-transit", "", "`MOUNT/KEY` of the KSK in Vault's Transit engine, made where there is none")
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
	if err := i.check(); err != nil {
		return nil, err
	}
	// Before anything is made: the name must be one for a key document.
	raw, err := dnssec.GenerateKeys(i.name, i.algorithm, time.Now(), rand.Reader)
	if err != nil {
		return nil, usageError{err}
	}
	if i.isAway() {
		if raw, err = i.generateAway(ctx); err != nil {
			return nil, err
		}
	}
	if err := i.source.create(ctx, dnssec.KeyFile, raw); err != nil {
		return nil, err
	}
	keys, err := i.source.load(ctx)
	if err != nil {
		return nil, err
	}
	return &newKeySet{i.source.String(), i.job(), keysAt(keys, time.Now().UTC().Truncate(time.Second))}, nil
}

// job names what keys sign needs to sign with the key, empty where servers can.
func (i *initing) job() string {
	switch {
	case i.seeds.isSet():
		return i.source.String() + " " + i.seeds.String()
	case i.isAway():
		return i.source.String()
	}
	return ""
}

func (i *initing) isAway() bool { return i.transit != "" || i.seeds.isSet() }

func (i *initing) check() error {
	if err := i.source.check(); err != nil {
		return err
	}
	switch {
	case i.name == "":
		return usagef("how is the key set called? write --name NAME")
	case i.algorithm != dns.ECDSAP256SHA256 && i.algorithm != dns.ED25519:
		return usagef("--algorithm is %d: write 13 (ECDSA P-256, which every validator knows) or 15 (Ed25519)", i.algorithm)
	case i.transit != "" && i.seeds.isSet():
		return usagef("--ksk-transit excludes --ksk-dir and --ksk-vault: keep one of them")
	case i.transit != "":
		_, _, err := transitPlace("ksk-transit", i.transit)
		return err
	case i.seeds.isSet():
		return i.seeds.check()
	}
	return nil
}

// generateAway returns a new key document whose key signing key is kept away.
func (i *initing) generateAway(ctx context.Context) ([]byte, error) {
	var ksk dnssec.Away
	var err error
	if i.transit != "" {
		ksk, err = adoptTransit(ctx, i.transit, i.algorithm)
	} else {
		ksk, err = i.seeds.adopt(ctx, i.name, i.algorithm)
	}
	if err != nil {
		return nil, err
	}
	return dnssec.GenerateAwayKeys(i.name, time.Now(), rand.Reader, ksk)
}

// create writes a new document, to a file of that name where it is a directory.
func (k *keySource) create(ctx context.Context, file string, raw []byte) error {
	if k.dir == "" {
		return k.createInVault(ctx, raw)
	}
	err := dnssec.Create(k.dir, file, raw)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w, and keys are never overwritten: name another directory", err)
	}
	return err
}

// createInVault writes by check-and-set, so that of two who do it at once one
// fails.
func (k *keySource) createInVault(ctx context.Context, raw []byte) error {
	p, v, err := k.inVault()
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
	Job    string `json:"-"` // what keys sign needs, empty where servers have the KSK
	keySetState
}

func (n *newKeySet) text(w io.Writer) {
	fmt.Fprintf(w, "The key set %s is made:\n\n", n.Name)
	n.keySetState.text(w)
	fmt.Fprintf(w, "\nThe parent zone needs the DS record of\n  persistctl keys ds ZONE %s\n", n.Source)
	if n.Job != "" {
		fmt.Fprintf(w, "\nServers cannot sign the DNSKEY RRset: before they start, and then every day, run\n  persistctl keys sign ZONE... %s\n", n.Job)
	}
}
