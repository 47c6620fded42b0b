package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/spf13/pflag"
)

const defaultMount = "persist"

// fromEnvironment is the value that --vault has where no address follows.
const fromEnvironment = "$VAULT_ADDR"

// documents says where policy documents come from: a directory, or a mount of
// Vault.
type documents struct {
	vault string // an address, or fromEnvironment; empty: a directory
	mount string
	taken string // the argument that is no directory, and was taken for a NAME; empty if none was
}

func (d *documents) register(flags *pflag.FlagSet) {
	flags.StringVar(&d.vault, "vault", "", "read the documents from the Vault at `ADDRESS`, written --vault=ADDRESS; without ADDRESS at VAULT_ADDR")
	flags.Lookup("vault").NoOptDefVal = fromEnvironment
	flags.StringVar(&d.mount, "mount", defaultMount, "KV version 2 `MOUNT` of the documents in Vault, like persist or team-a/persist")
}

// registerVault is register for what is only about Vault; does says what it does.
func (d *documents) registerVault(flags *pflag.FlagSet, does string) {
	flags.StringVar(&d.vault, "vault", fromEnvironment, "`ADDRESS` of the Vault that "+does+", written --vault=ADDRESS")
	flags.Lookup("vault").NoOptDefVal = fromEnvironment
	flags.StringVar(&d.mount, "mount", defaultMount, "KV version 2 `MOUNT` of the documents in Vault, like persist or team-a/persist")
}

// source returns the store that dir, empty if none is named, or the flags mean.
func (d *documents) source(dir string) (store.Source, error) {
	switch {
	case d.vault == "" && strings.Contains(dir, "://"):
		return nil, usagef("%q is no directory: write --vault=%s", dir, dir)
	case d.vault != "" && dir != "":
		return nil, usagef("--vault and the directory %q exclude each other: keep one of them, and write an address like --vault=ADDRESS", dir)
	case d.vault == "" && d.mount != defaultMount:
		return nil, usagef("--mount %s is one of Vault: write --vault too", d.mount)
	case d.vault == "" && dir == "":
		return d.workingDirectory()
	case d.vault == "":
		return store.OpenDirectory(dir)
	}
	cfg := store.VaultConfig{Mount: d.mount}
	if d.vault != fromEnvironment {
		cfg.Address = d.vault
	}
	return openVault(cfg)
}

// take reports whether an argument that may be a NAME or DIR is DIR, and remembers one
// that is not, to be named where there are no documents.
func (d *documents) take(arg string) bool {
	if d.vault != "" {
		return false
	}
	is := isDirectory(arg)
	if !is {
		d.taken = arg
	}
	return is
}

func isDirectory(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// workingDirectory is the store in the working directory, if it is one.
func (d *documents) workingDirectory() (store.Source, error) {
	if _, err := os.Stat(store.ConfigPath + ".json"); err == nil {
		return store.OpenDirectory(".")
	}
	if d.taken != "" {
		return nil, usagef("no documents are named, for %q is no directory and is taken for a NAME, and the working directory has no config.json: name DIR, or write --vault", d.taken)
	}
	return nil, usagef("no documents are named, and the working directory has no config.json: name DIR, or write --vault")
}

// library is all documents, compiled.
type library struct {
	*policy.Book                 // nil where a server would not load them
	snapshot     *store.Snapshot // what they were compiled from
	troubles     []string        // documents that could not be read, and why
	strays       []string        // folders that no server looks into
}

// load reads all documents once and compiles them as a server does that
// starts. They count as vouched for at the instant at, as those of a server
// whose store answers are. With an error it may return a library without book,
// for its troubles.
func (d *documents) load(ctx context.Context, dir string, at time.Time) (*library, error) {
	source, err := d.source(dir)
	if err != nil {
		return nil, err
	}
	return loadFrom(ctx, source, at)
}

// loadFrom is load from a source.
func loadFrom(ctx context.Context, source store.Source, at time.Time) (*library, error) {
	lib := &library{}
	began := time.Now()
	watcher := store.NewWatcher(source, store.Options{
		Refresh: time.Minute,
		Index:   time.Minute,
		Clock: store.NewClock(func() (time.Time, time.Duration) {
			passed := time.Since(began)
			return at.Add(passed), passed
		}),
		Observer: complaints{&lib.troubles},
	})
	err := watcher.Scan(ctx)
	lib.snapshot = watcher.Snapshot()
	switch {
	case err != nil && !isThere(ctx, source):
		return nil, withoutReader(source, err)
	case err != nil:
		u := unread(ctx, source, lib.snapshot)
		return &library{troubles: u.documents, strays: u.strays}, err
	case len(lib.troubles) > 0:
		if u := unread(ctx, source, lib.snapshot); len(u.documents)+len(u.strays) > 0 {
			lib.troubles, lib.strays = u.documents, u.strays
		}
	}
	lib.Book = policy.Compile(nil, lib.snapshot, policy.Brakes{})
	return lib, nil
}

// withoutReader says to whom Vault refuses the sentinel which policy is missing: that of
// a team, or of an admin, does not read all that the tool looks at.
func withoutReader(source store.Source, err error) error {
	if _, ok := source.(*store.Vault); !ok || !errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrInvalidToken) {
		return err
	}
	return fmt.Errorf("%w: ask an admin of Vault for the policy that persistctl vault-policy server prints, besides your own", err)
}

// isThere reports whether the store has its sentinel: else nothing in it is
// worth a look.
func isThere(ctx context.Context, source store.Source) bool {
	d, err := source.Read(ctx, store.ConfigPath)
	return err == nil && !d.Withdrawn
}

// loadFit is load for documents that must be good enough to serve from.
func (d *documents) loadFit(ctx context.Context, dir string, at time.Time) (*library, error) {
	return fit(d.load(ctx, dir, at))
}

// fit passes on a library that was loaded if it is good enough to serve from.
func fit(lib *library, err error) (*library, error) {
	switch {
	case err != nil:
		return nil, err
	case len(lib.troubles) == 1:
		return nil, fmt.Errorf("not every document can be read, so what is served is not known: %s", lib.troubles[0])
	case len(lib.troubles) > 1:
		return nil, fmt.Errorf("not every document can be read, so what is served is not known: %s, and %d more: see persistctl lint", lib.troubles[0], len(lib.troubles)-1)
	}
	return lib, lib.Fit()
}

// complaints is an observer that keeps what goes wrong with documents.
type complaints struct{ list *[]string }

// Scanned, Troubled, Info and Warning implement store.Observer.
func (complaints) Scanned(time.Time, error) {}

// Troubled drops the numbers.
func (complaints) Troubled(map[store.Trouble]int) {}

// Info drops the line.
func (complaints) Info(string) {}

// Warning keeps the line.
func (c complaints) Warning(line string) { *c.list = append(*c.list, line) }
