package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/spf13/pflag"
)

// allCuts is whether a command takes every cut of a zone, and where the documents
// are that grant them.
type allCuts struct {
	wanted bool
	dir    string
	docs   documents
}

// register adds the flags. --vault is where keys are, to commands about keys.
func (c *allCuts) register(flags *pflag.FlagSet) {
	flags.BoolVar(&c.wanted, "cuts", false, "take every cut of ZONE, which has cuts in the Corefile; it may be .")
	flags.StringVar(&c.dir, "policies", "", "with --cuts, `DIR` of the documents that grant the cuts, as in the Corefile")
	flags.StringVar(&c.docs.vault, "policies-vault", "", "with --cuts, read these documents from the Vault at `ADDRESS`, written --policies-vault=ADDRESS; without ADDRESS at VAULT_ADDR")
	flags.Lookup("policies-vault").NoOptDefVal = fromEnvironment
	flags.StringVar(&c.docs.mount, "policies-mount", defaultMount, "with --policies-vault, their KV version 2 `MOUNT`")
}

// check refuses cuts without documents, and documents without cuts.
func (c *allCuts) check() error {
	switch {
	case !c.wanted && (c.dir != "" || c.docs.vault != ""):
		return usagef("--policies and --policies-vault are for --cuts: write that too, or leave them out")
	case c.wanted && c.dir == "" && c.docs.vault == "":
		return usagef("which documents grant the cuts? write --policies DIR or --policies-vault")
	}
	return nil
}

// zones returns the zones that a command is about: the one named, or all cuts of
// it as of the instant at, sorted.
func (c *allCuts) zones(ctx context.Context, name string, at time.Time) ([]string, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if !c.wanted {
		return origins(name)
	}
	z, err := zone.New(zone.Config{Origin: name, Cuts: true, Overlay: true, TTL: defaultTTL})
	if err != nil {
		return nil, usageError{err}
	}
	lib, err := c.docs.loadFit(ctx, c.dir, at)
	if err != nil {
		return nil, err
	}
	return cutsIn(lib.Book, z)
}

// list returns the cuts of zones, sorted.
func (c *allCuts) list(ctx context.Context, zones []string, at time.Time) ([]string, error) {
	var all []string
	for _, zone := range zones {
		cuts, err := c.zones(ctx, zone, at)
		if err != nil {
			return nil, err
		}
		all = append(all, cuts...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// cutsIn are the cuts of a zone, sorted.
func cutsIn(book *policy.Book, z *zone.Zone) ([]string, error) {
	var all []string
	for owner := range z.Owners(book) {
		all = append(all, owner)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no document grants a name at or below %s, so there is no cut", z.Origin)
	}
	slices.Sort(all)
	return all, nil
}
