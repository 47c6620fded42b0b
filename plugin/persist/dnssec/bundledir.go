package dnssec

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// BundleFile is the name of the bundles in a key directory. In Vault they are
// beside the key document too, at its path with BundleSuffix.
const (
	BundleFile   = "bundles.json"
	BundleSuffix = "-bundles"
)

// mostBundles bounds a document of bundles, in octets: those of some thousand
// zones.
const mostBundles = 16 << 20

// LoadBundles returns the bundles beside the key document in dir, for
// ParseBundles. The error is fs.ErrNotExist where there are none. Nothing in
// them is secret, and whoever changes them can only make them fail, so their
// mode does not matter.
func LoadBundles(dir string) ([]byte, error) {
	name := filepath.Join(dir, BundleFile)
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.Size() > mostBundles:
		return nil, fmt.Errorf("%s is longer than %d octets: give some of its zones a key directory of their own", name, mostBundles)
	}
	return os.ReadFile(name) // #nosec G304 -- the operator's choice
}

// ErrBundlesChanged means that bundles are not those which were to be replaced.
var ErrBundlesChanged = errors.New("somebody else has signed bundles at the same time: do it again")

// StoreBundles writes bundles beside the key document in dir, whole or not at
// all, in the place of those that LoadBundles returned, nil for none. The error
// is ErrBundlesChanged where there are others now.
//
// BUG: two that store at the very same moment may both succeed, and the later
// one wins. Its bundles are as good; zones that only the other one has signed
// are signed with its next run.
func StoreBundles(dir string, raw, replaces []byte) error {
	if len(raw) > mostBundles {
		return fmt.Errorf("the bundles are %d octets long, and %d is the most: give some zones a key directory of their own", len(raw), mostBundles)
	}
	forAll := func(f *os.File) error { return f.Chmod(0o644) } // what is in it is published in DNS
	unchanged := func() error {
		now, err := LoadBundles(dir)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		case !bytes.Equal(now, replaces):
			return ErrBundlesChanged
		}
		return nil
	}
	return replace(dir, BundleFile, raw, forAll, unchanged)
}
