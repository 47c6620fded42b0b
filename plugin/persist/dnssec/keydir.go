package dnssec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Names of the documents in a key directory, and in one that servers cannot
// read.
const (
	KeyFile = "keys.json"
	KSKFile = "ksk.json"
)

// temporary is how the files begin in which a document is prepared.
const temporary = ".new-"

// mostKeyFile bounds a key document, in octets.
const mostKeyFile = 1 << 20

// LoadDir returns the key document in dir, for ParseKeys. The error is
// fs.ErrNotExist where there is none. A file that others than its owner and
// group may read, or others than its owner may write, is refused: the keys in
// it are no secret any more.
func LoadDir(dir string) ([]byte, error) { return loadSecret(filepath.Join(dir, KeyFile)) }

// LoadKSKs is LoadDir for the document of key signing keys that are kept away,
// for ParseKSKs.
func LoadKSKs(dir string) ([]byte, error) { return loadSecret(filepath.Join(dir, KSKFile)) }

func loadSecret(file string) ([]byte, error) {
	f, err := os.Open(file) // #nosec G304 -- the operator's choice
	if err != nil {
		return nil, denied(err, "let the user that runs this read it: chown it and its directory to that user, with the modes 0600 and 0700")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o037 != 0 {
		return nil, fmt.Errorf("%s has mode %#o, so that others than its owner can use the keys: run chmod 600 %s, and make new keys if they may have been read",
			f.Name(), mode, f.Name())
	}
	raw, err := io.ReadAll(io.LimitReader(f, mostKeyFile+1))
	if err == nil && len(raw) > mostKeyFile {
		err = fmt.Errorf("%s is longer than %d octets, which no key document is", f.Name(), mostKeyFile)
	}
	return raw, err
}

// InitDir makes a key document in dir, see GenerateKeys and Create.
func InitDir(dir, name string, algorithm uint8, at time.Time, random io.Reader) error {
	raw, err := GenerateKeys(name, algorithm, at, random)
	if err != nil {
		return err
	}
	return Create(dir, KeyFile, raw)
}

// Create writes a new document to a file in dir, which it makes too if need be:
// the directory with mode 0700, the file with mode 0600.
//
// The document appears whole or not at all, also after a crash, and replaces
// nothing: the error is fs.ErrExist where there is one, even if another
// process made it at this moment. Whoever wants keys calls LoadDir, InitDir if
// there are none, and LoadDir again, and has what everybody has. A directory
// with other files in it is refused, since its key document may be lost and
// new keys would break the chain of trust.
func Create(dir, file string, raw []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return denied(err, mayWrite(dir))
	}
	if err := refuseUsed(dir, file); err != nil {
		return err
	}
	return publish(dir, file, raw)
}

// ErrChanged means that a key document is not the one that was read.
var ErrChanged = errors.New("somebody else has written it")

// ReplaceDir replaces the key document before in dir, as LoadDir returned it, by
// after. It fails with ErrChanged where there is another one by now; of two that
// do so within the same moment one may still win over the other. The file keeps
// its owner and its mode, and whoever reads it has the whole of one of the two,
// also after a crash.
func ReplaceDir(dir string, before, after []byte) error {
	return replaceSecret(dir, KeyFile, before, after)
}

// ReplaceKSKs is ReplaceDir for the document of key signing keys that are kept
// away, as LoadKSKs returned it.
func ReplaceKSKs(dir string, before, after []byte) error {
	return replaceSecret(dir, KSKFile, before, after)
}

func replaceSecret(dir, name string, before, after []byte) error {
	file := filepath.Join(dir, name)
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	asBefore := func(f *os.File) error { return errors.Join(f.Chmod(info.Mode().Perm()), keepOwner(f, info)) }
	unchanged := func() error {
		now, err := loadSecret(file)
		if err == nil && !bytes.Equal(now, before) {
			err = fmt.Errorf("%s: %w", file, ErrChanged)
		}
		return err
	}
	return replace(dir, name, after, asBefore, unchanged)
}

// replace writes raw to a file in dir, in the place of the one that is there.
// adopt gives the new file its owner and mode, and unchanged is asked last
// whether the old one may still go.
func replace(dir, file string, raw []byte, adopt func(*os.File) error, unchanged func() error) error {
	name, err := prepare(dir, raw, adopt)
	if err != nil {
		return err
	}
	if err = unchanged(); err == nil {
		err = os.Rename(name, filepath.Join(dir, file))
	}
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return syncDir(dir)
}

// refuseUsed returns an error if there are files in dir. Directories do not
// count: a new volume may have lost+found.
func refuseUsed(dir, file string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case e.Name() == file:
			return &fs.PathError{Op: "make keys", Path: filepath.Join(dir, file), Err: fs.ErrExist}
		case e.IsDir(), strings.HasPrefix(e.Name(), temporary):
		default:
			return fmt.Errorf("%s holds %s and no %s: restore %s if it was lost, or name an empty directory to have keys made", dir, e.Name(), file, file)
		}
	}
	return nil
}

// publish writes raw to a temporary file and gives that its final name, which
// fails if the name is taken.
func publish(dir, file string, raw []byte) (err error) {
	name, err := prepare(dir, raw, func(*os.File) error { return nil })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(name)) }()
	if err := os.Link(name, filepath.Join(dir, file)); err != nil {
		return err
	}
	return syncDir(dir)
}

// prepare writes raw to a temporary file, durably, and returns its name. The
// file has mode 0600 unless adopt, which is called before anything is in it,
// changes that. It leaves none behind where it fails.
func prepare(dir string, raw []byte, adopt func(*os.File) error) (name string, err error) {
	f, err := os.CreateTemp(dir, temporary)
	if err != nil {
		return "", denied(err, mayWrite(dir))
	}
	if err = adopt(f); err == nil {
		_, err = f.Write(raw)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// denied says what to do about err where the user that runs this may not.
func denied(err error, remedy string) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %s", err, remedy)
	}
	return err
}

// mayWrite says what to do where nothing can be written to dir.
func mayWrite(dir string) string {
	return fmt.Sprintf("make %s a directory that the user that runs this can write to, or make the keys as another user, with persistctl keys init --dir %s, and chown them to that one", dir, dir)
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- the operator's choice
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
