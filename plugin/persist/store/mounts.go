package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/api"
)

// ErrNoVersions is of a mount that is not KV version 2. One of version 1 takes every
// write, whatever check-and-set demands, and keeps nothing of what it replaces.
var ErrNoVersions = errors.New("is not KV version 2")

// versions refuses r, a write, in a mount that keeps no versions. It asks Vault where
// no answer from the mount has told.
func (v *Vault) versions(ctx context.Context, r request) error {
	if _, known := v.versioned.Load(r.mount); known {
		return nil
	}
	about, err := v.aboutMount(ctx, r)
	denied := errors.Is(err, ErrDenied) && !errors.Is(err, ErrInvalidToken)
	switch {
	case (denied || err == nil && about == nil) && v.hasSentinel(ctx, r.mount):
		return nil
	case denied:
		return fmt.Errorf("%w, if mount %s is there", err, r.mount)
	case err != nil:
		return err
	}
	if why := whyUnversioned(r.mount, about); why != nil {
		return v.fail(r, fmt.Errorf("nothing is written: %w", why))
	}
	v.versioned.LoadOrStore(r.mount, true)
	return nil
}

// hasSentinel reports whether the mount has versions of a sentinel. Who stands before
// Vault may keep sys from everybody, and no stop waits for that.
func (v *Vault) hasSentinel(ctx context.Context, mount string) bool {
	_, err := v.readSecret(ctx, mount, ConfigPath, nil)
	return err == nil
}

// aboutMount returns what Vault says of the mount of r, nil if it says nothing. Any token
// that may do something in a mount may ask what kind of mount it is: who is denied
// that is denied r too, or there is no such mount.
func (v *Vault) aboutMount(ctx context.Context, r request) (about *api.Secret, err error) {
	err = v.do(ctx, r, func(ctx context.Context, c *api.Client) error {
		about, err = c.Logical().ReadWithContext(ctx, "sys/internal/ui/mounts/"+r.mount)
		return err
	})
	return about, err
}

// explainMount looks why a secret is not there. A KV version 1 mount answers like a
// version 2 mount that is empty.
func (v *Vault) explainMount(ctx context.Context, mount string, err error) error {
	about, noAnswer := v.aboutMount(ctx, request{"read", mount, "data", ""})
	if noAnswer != nil || about == nil {
		return err
	}
	if why := whyUnversioned(mount, about); why != nil {
		return fmt.Errorf("%w: %w", err, why)
	}
	return err
}

// whyUnversioned returns nil for a mount that is KV version 2 by what Vault says of it.
func whyUnversioned(mount string, about *api.Secret) error {
	if about == nil {
		return fmt.Errorf("Vault does not say that mount %s keeps versions, and without them it may be written over what is there", mount)
	}
	options, _ := about.Data["options"].(map[string]any)
	switch engine := about.Data["type"]; {
	case engine != "kv":
		return fmt.Errorf("mount %s is a %v engine, which %w: name one that is", mount, engine, ErrNoVersions)
	case options["version"] != "2":
		return fmt.Errorf("mount %s %w: name another one, or turn it into that (vault kv enable-versioning %s)", mount, ErrNoVersions, mount)
	}
	return nil
}
