package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Write implements [Writer]. The file appears whole or not at all, also after a
// crash. Of two that write within the same moment one may win over the other.
func (d *Directory) Write(ctx context.Context, path string, body []byte, replaces string) error {
	file := d.file(path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { // #nosec G301 -- policy is published anyway
		return err
	}
	name, err := prepare(file, body)
	if err != nil {
		return err
	}
	if err = d.expect(ctx, path, replaces); err == nil {
		err = os.Rename(name, file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// prepare writes body beside file, with its mode, and returns the name. It
// leaves nothing behind where it fails.
func prepare(file string, body []byte) (name string, err error) {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".new-")
	if err != nil {
		return "", err
	}
	_, err = f.Write(body)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func (d *Directory) file(path string) string {
	return filepath.Join(d.dir, filepath.FromSlash(path)+suffix)
}

// Remove implements [Writer].
func (d *Directory) Remove(ctx context.Context, path, version string) error {
	if err := d.expect(ctx, path, version); err != nil {
		return err
	}
	return os.Remove(d.file(path))
}

// expect fails unless the document at path has that version, or where it is
// empty is not there.
func (d *Directory) expect(ctx context.Context, path, version string) error {
	now, err := d.Read(ctx, path)
	switch {
	case errors.Is(err, ErrNotFound) && version == "":
		return nil
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("write %s in %s: %w", path, d.dir, ErrConflict)
	case err != nil:
		return err
	case now.Version != version:
		return fmt.Errorf("write %s in %s: %w", path, d.dir, ErrConflict)
	}
	return nil
}
