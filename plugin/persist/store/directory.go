package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Directory is a store of JSON files: config.json, control.json, index.json,
// issuers/NAME.json, teams/NAME.json and accounts/TEAM/ISSUER/NAME.json. Files
// of other kinds, and names that start with a dot, are not there. Symbolic
// links are followed, so that a volume of Kubernetes works, which replaces a
// directory by turning a link.
type Directory struct{ dir string }

var _ Source = (*Directory)(nil)

const suffix = ".json"

// OpenDirectory returns the store in dir. It fails only if dir is no directory.
func OpenDirectory(dir string) (*Directory, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(abs); err != nil {
		return nil, fmt.Errorf("policy directory: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("policy directory: %s is a file: name the directory that holds config.json", abs)
	}
	return &Directory{abs}, nil
}

// String is the absolute path.
func (d *Directory) String() string { return d.dir }

// Date is zero: files have no clock.
func (d *Directory) Date() (date, at time.Time) { return time.Time{}, time.Time{} }

// Read implements [Source]. Created is the modification time.
func (d *Directory) Read(_ context.Context, path string) (*Document, error) {
	if !fs.ValidPath(path) {
		return nil, fmt.Errorf("%q is no path of a document", path)
	}
	file := d.file(path)
	info, err := os.Stat(file)
	if err != nil {
		return nil, d.explain(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: write the document into one", file)
	}
	body, err := readFile(file)
	if err != nil {
		return nil, d.explain(err)
	}
	doc := &Document{Path: path, Created: info.ModTime(), Body: body}
	doc.seal()
	doc.Version = FileVersion(doc.Hash)
	return doc, nil
}

// FileVersion is the version of a document in a directory that has the hash: its first
// 12 digits, as sha256sum says.
func FileVersion(hash [sha256.Size]byte) string { return hex.EncodeToString(hash[:6]) }

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name) // #nosec G304 -- below the directory of the Corefile
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, MaxDocument+1))
	if err == nil && len(body) > MaxDocument {
		err = fmt.Errorf("%s is larger than %d octets: split it into several documents", name, MaxDocument)
	}
	return body, err
}

// List implements [Source].
func (d *Directory) List(_ context.Context, folder string) ([]string, error) {
	dir := filepath.Join(d.dir, filepath.FromSlash(folder))
	entries, err := os.ReadDir(dir)
	if err != nil {
		if err = d.explain(err); errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok {
			names = append(names, name)
		} else if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && info.IsDir() {
			names = append(names, e.Name()+"/")
		}
	}
	slices.Sort(names)
	return names, nil
}

// explain adds the class of an error. What is missing in a directory that is
// missing itself, such as a volume that is not mounted, is not simply not there.
func (d *Directory) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, gone := os.Stat(d.dir); gone != nil {
			return fmt.Errorf("policy directory %s: %w: is it mounted?", d.dir, ErrUnavailable)
		}
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w: let the server's user read it", ErrDenied, err)
	case errors.Is(err, syscall.ENOTDIR):
		return d.blocked(err)
	default:
		return err
	}
}

// blocked names the file that stands where a directory must be.
func (d *Directory) blocked(err error) error {
	about, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return err
	}
	for name := about.Path; len(name) > len(d.dir); name = filepath.Dir(name) {
		if info, err := os.Stat(name); err == nil && !info.IsDir() {
			return fmt.Errorf("%s is a file, and documents stand in a directory of that name: move it away, or name another directory", name)
		}
	}
	return err
}
