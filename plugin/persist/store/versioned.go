package store

import (
	"context"
	"errors"
)

// ReadVersion is ReadSecret for whoever will replace what it returns: with the
// number of the newest version, for WriteSecret. Of a secret that is deleted the
// data is nil, and of one that never was the version is 0 too.
func (v *Vault) ReadVersion(ctx context.Context, mount, path string) (data []byte, version int, err error) {
	s, err := v.readSecret(ctx, mount, path, nil)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	case s.withdrawn():
		return nil, s.Metadata.Version, nil
	}
	return s.Data, s.Metadata.Version, nil
}
