package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// planning is what a plan or an apply command was asked for.
type planning struct {
	vault       documents
	remove      bool          // documents that DIR does not have
	rejected    bool          // new rejections are no reason to refuse
	massRemoval bool          // nor is the end of most records
	otherStore  bool          // nor is a config of another store, or of an earlier state
	revival     bool          // nor that something counts again that is disabled or deleted
	settle      time.Duration // between the kinds of documents
	addresses   addresses
	now         time.Time
}

func (p *planning) register(flags *pflag.FlagSet) {
	p.vault.registerVault(flags, "is to have the documents")
	p.addresses.register(flags)
	flags.BoolVar(&p.remove, "delete", false, "delete the issuers, teams and accounts that DIR does not have; vault kv undelete brings them back")
	flags.BoolVar(&p.rejected, "allow-rejections", false, "write documents of which servers reject something that they did not reject before")
	flags.BoolVar(&p.massRemoval, "allow-mass-removal", false, "take the records of more than half of the names")
	flags.BoolVar(&p.revival, "allow-revival", false, "enable what is disabled in Vault, and make anew what is deleted there")
	flags.BoolVar(&p.otherStore, "allow-other-store", false, "write a config with another store_id or a lower generation than Vault's")
}

const planningHelp = `The documents are compared as JSON, and their grants as the compiled book has them:
what is printed of names is what servers would publish. An IP prefix that stands for
several reverse names is one line, with what the first of them has, for all of them
that change alike, unless --addresses is given. Documents that DIR does not have
stay, unless --delete is given; those among them that an apply has disabled which was
interrupted are enabled again, by a DIR with config.

config, issuers, teams, accounts and control are written. Of control, stops and a
freeze are only added: what stands there may be somebody's emergency, and only
persistctl resume lifts it. What is in Vault and not in DIR is kept of it. Of config,
store_id and generation stay where DIR does not name them, and a directory that is a
part of the documents, such as the accounts of a team, needs no config.json.

Refused are changes after which servers reject something that they did not reject
before, such as a name that is not the team's to claim (--allow-rejections), and
those that take the records of more than half of the names, and of more than ten
(--allow-mass-removal), what would count again though somebody has disabled or
deleted it in Vault (--allow-revival), and a config of another store or of an
earlier state (--allow-other-store).`

func newPlan(out *output) *cobra.Command {
	var p planning
	cmd := &cobra.Command{
		Use:   "plan DIR [--vault=ADDRESS]",
		Short: "Say what apply would write to Vault, and which names get or lose records",
		Long: `Compare the documents in DIR with those in Vault, and write nothing.

` + planningHelp + `

The exit status is 0 if there is nothing to change, 2 if there is, and 1 if apply
would refuse it, or if the command failed, also for a command line that is wrong.`,
		Example:     `  persistctl plan docs/example/policies --vault=https://vault.example.net:8200`,
		Args:        arity(1, 1),
		Annotations: map[string]string{usageStatus: "1"},
	}
	p.register(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		found, _, err := p.plan(cmd.Context(), args[0])
		if err == nil {
			err = out.print(cmd.OutOrStdout(), found)
		}
		switch {
		case err != nil:
			return err
		case len(found.Refusals) > 0:
			return errFound
		case len(found.Changes) > 0:
			return errChanges
		}
		return nil
	}
	return cmd
}

// plan compares both sides. The result has the steps to take.
func (p *planning) plan(ctx context.Context, dir string) (*plan, store.Writer, error) {
	p.now = time.Now().UTC().Truncate(time.Second)
	wanted, err := p.wanted(ctx, dir)
	if err != nil {
		return nil, nil, fmt.Errorf("the documents in %s: %w", dir, err)
	}
	w, err := p.vault.writer("")
	if err != nil {
		return nil, nil, err
	}
	held, err := p.held(ctx, w, wanted.snapshot)
	if err != nil {
		return nil, nil, fmt.Errorf("the documents in Vault: %w", err)
	}
	found := &plan{addresses: p.addresses, Dir: dir, Names: []effect{}, Rejections: []remark{}, Kept: []string{}, StopsKept: []string{}, Refusals: []string{}}
	if found.Changes, err = p.changes(found, wanted.snapshot, held.snapshot); err != nil {
		return nil, nil, err
	}
	if held.snapshot.Document(store.ConfigPath) == nil && wanted.snapshot.Document(store.ConfigPath) == nil {
		found.Refusals = append(found.Refusals, fmt.Sprintf(`neither %s nor Vault has config, without which nothing is believed: is it the right mount? If so, write config.json, {"schema": 1}`, dir))
	}
	after := policy.Compile(nil, changed(held.snapshot, found.Changes, p.now), policy.Brakes{})
	found.compare(held.Book, after)
	p.refuse(found, held.Book, after)
	p.refuseRevivals(found, held.snapshot)
	if len(found.Refusals) == 0 {
		found.Order, err = p.sequence(held, after, found.Changes)
	}
	return found, w, err
}

// held loads what Vault has. A mount that has nothing at all, not even the
// sentinel, is one that is to be filled for the first time, and one that has nothing
// but what is wanted was being filled.
func (p *planning) held(ctx context.Context, w store.Writer, wanted *store.Snapshot) (*library, error) {
	lib, err := p.vault.load(ctx, "", p.now)
	switch {
	case errors.Is(err, store.ErrNoVersions):
		return nil, err
	case errors.Is(err, store.ErrNotFound) && isEmpty(ctx, w):
		s := &store.Snapshot{}
		return &library{Book: policy.Compile(nil, s, policy.Brakes{}), snapshot: s}, nil
	case errors.Is(err, store.ErrNotFound) && !hasConfig(ctx, w):
		if begun := p.begun(ctx, w, wanted); begun != nil {
			return begun, nil
		}
		return nil, err
	case err != nil:
		return nil, err
	case len(lib.troubles) > 0:
		return nil, fmt.Errorf("not every document can be read, so what would change is not known: %s", lib.troubles[0])
	}
	return lib, nil
}

// hasConfig reports whether there is a config, deleted or not, or may be.
func hasConfig(ctx context.Context, source store.Source) bool {
	_, err := source.Read(ctx, store.ConfigPath)
	return !errors.Is(err, store.ErrNotFound)
}

// begun returns what an apply has written that was interrupted before it came to
// config, nil where anything else stands there: it may be another mount.
func (p *planning) begun(ctx context.Context, w store.Writer, wanted *store.Snapshot) *library {
	if wanted.Document(store.ConfigPath) == nil {
		return nil
	}
	lib, err := fit(loadFrom(ctx, part{w}, p.now))
	if err != nil {
		return nil
	}
	s := without(lib.snapshot, store.ConfigPath)
	for _, d := range s.Documents {
		if of := wanted.Document(d.Path); of == nil || d.Withdrawn || !isHeld(&d) && !equal(d.Body, of.Body) {
			return nil
		}
	}
	return &library{Book: policy.Compile(nil, s, policy.Brakes{}), snapshot: s}
}

// isEmpty reports whether there is no document at all.
func isEmpty(ctx context.Context, source store.Source) bool {
	for _, path := range []string{store.ConfigPath, store.ControlPath} {
		if _, err := source.Read(ctx, path); !errors.Is(err, store.ErrNotFound) {
			return false
		}
	}
	for _, folder := range []string{"issuers", "teams", "accounts"} {
		if names, err := source.List(ctx, folder); err != nil || len(names) > 0 {
			return false
		}
	}
	return true
}

// newlyRejected is what is rejected in after, and was not before.
func newlyRejected(before, after *policy.Book) []remark {
	known, list := map[policy.Rejection]bool{}, []remark{}
	for _, r := range before.Rejections() {
		known[r.Key()] = true
	}
	for _, r := range after.Rejections() {
		if !known[r.Key()] {
			list = append(list, newRemark(r))
		}
	}
	return list
}

// refuse gathers why apply does not go ahead.
func (p *planning) refuse(found *plan, before, after *policy.Book) {
	found.Rejections = newlyRejected(before, after)
	if n := len(found.Rejections); n > 0 && !p.rejected {
		found.Refusals = append(found.Refusals, fmt.Sprintf("servers would newly reject %s: correct the documents, or write --allow-rejections", counted(n, "thing")))
	}
	if err := after.Fit(); err != nil {
		found.Refusals = append(found.Refusals, fmt.Sprintf("a server that starts would load nothing: %v", err))
	}
	const fewNames = 10
	if lost, all := found.lost(), found.before; lost > fewNames && lost > all/2 && !p.massRemoval {
		found.Refusals = append(found.Refusals, fmt.Sprintf("%d of %d names would lose all of their records: write --allow-mass-removal if that is meant", lost, all))
	}
}
