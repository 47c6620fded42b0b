package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/hashicorp/vault/api"
)

// Writer is a store that tools may write to. A server never does.
type Writer interface {
	Source
	// Write writes the version after replaces, a [Document.Version], which is
	// empty where the path must never have had one. It fails with [ErrConflict]
	// where there is another one by now.
	Write(ctx context.Context, path string, body []byte, replaces string) error
	// Remove removes the document if version is still its newest one, and fails
	// with [ErrConflict] if it is not. Where the store keeps versions it can be
	// brought back.
	Remove(ctx context.Context, path, version string) error
}

var _, _ Writer = (*Vault)(nil), (*Directory)(nil)

// Write implements [Writer] by check-and-set.
func (v *Vault) Write(ctx context.Context, path string, body []byte, replaces string) error {
	number, err := strconv.Atoi("0" + replaces)
	if err != nil {
		return fmt.Errorf("%s has no version %s", path, replaces)
	}
	return v.WriteSecret(ctx, v.mount, path, body, number)
}

// Remove implements [Writer]. It deletes the version by its number, so that a
// newer one, which nobody has looked at, stays.
func (v *Vault) Remove(ctx context.Context, path, version string) error {
	number, err := strconv.Atoi(version)
	if err != nil {
		return fmt.Errorf("%s has no version %s", path, version)
	}
	r := request{"write", v.mount, "delete", path}
	if err := v.versions(ctx, r); err != nil {
		return err
	}
	err = v.do(ctx, r, func(ctx context.Context, c *api.Client) error {
		_, err := c.Logical().WriteWithContext(ctx, r.path(), map[string]any{"versions": []int{number}})
		return err
	})
	if err != nil {
		return err
	}
	if now, err := v.Read(ctx, path); err == nil && now.Version != version {
		return v.fail(r, ErrConflict) // and an old version is deleted, which nobody reads
	}
	return nil
}
