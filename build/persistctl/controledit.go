package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// mostTries bounds how often a change is made anew that others overtake. Each
// time one of them has made theirs.
const mostTries = 50

// writer returns the store that dir or the flags mean, to be written.
func (d *documents) writer(dir string) (store.Writer, error) {
	source, err := d.source(dir)
	if err != nil {
		return nil, err
	}
	w, ok := source.(store.Writer)
	if !ok {
		return nil, fmt.Errorf("%s cannot be written", source)
	}
	return w, nil
}

// editControl replaces the control document by what change makes of it, which
// reports whether it made anything. Where somebody else writes meanwhile, the
// change is made to what they wrote. It returns the name of the version that
// holds the result, empty where there is none. It fails with [unansweredError] where
// Vault has not said whether the result is written.
func editControl(ctx context.Context, w store.Writer, change func(*policy.ControlDocument) (bool, error)) (version string, err error) {
	for range mostTries {
		version, err = editControlOnce(ctx, w, change)
		if !errors.Is(err, store.ErrConflict) {
			return version, err
		}
	}
	return "", err
}

func editControlOnce(ctx context.Context, w store.Writer, change func(*policy.ControlDocument) (bool, error)) (version string, err error) {
	d, err := readControl(ctx, w)
	if err != nil {
		return "", err
	}
	c, err := policy.ParseControl(d.Body)
	if err != nil {
		return "", fmt.Errorf("the control document %w", err)
	}
	changed, err := change(c)
	if err != nil || !changed {
		return versionOf(d), err
	}
	switch err := w.Write(ctx, store.ControlPath, c.JSON(), d.Version); {
	case errors.Is(err, store.ErrUnavailable):
		return "", unansweredError{err}
	case err != nil:
		return "", err
	}
	if d, err = w.Read(ctx, store.ControlPath); err != nil {
		return store.ControlPath, nil // it is written, and only its version is not known
	}
	return versionOf(d), nil
}

// unansweredError is of a write that may have been made or not.
type unansweredError struct{ error }

func (e unansweredError) Unwrap() error { return e.error }

func versionOf(d *store.Document) string {
	if d.Version == "" {
		return ""
	}
	return d.ID()
}

// readControl reads the control document, an empty one where there never was
// any. What a deleted one stopped goes on to hold in servers that have read it,
// and a new one without it would lift that.
func readControl(ctx context.Context, w store.Writer) (*store.Document, error) {
	d, err := w.Read(ctx, store.ControlPath)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if _, err := w.Read(ctx, store.ConfigPath); err != nil {
			return nil, fmt.Errorf(`%w: without it nothing in a store is believed: is it the right store?`, err)
		}
		return &store.Document{Path: store.ControlPath}, nil
	case err != nil:
		return nil, err
	case d.Withdrawn:
		return nil, errDeleted(d)
	}
	return d, nil
}

// errDeleted says what to do about a control document that is deleted.
func errDeleted(d *store.Document) error {
	return fmt.Errorf("%s is deleted, and what it stopped goes on to hold: %s", d.ID(), d.Remedy("write all that is to be stopped with vault kv put, so that nothing of it is lifted"))
}

// whoami names whoever runs this: by the token where it is Vault that is
// written and the token may be looked up, else by the user of this machine.
func whoami(ctx context.Context, w store.Writer) string {
	if v, ok := w.(*store.Vault); ok {
		if name, err := v.Whoami(ctx); err == nil && name != "" {
			return name
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}
