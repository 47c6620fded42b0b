package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// identity is how the server proves to Vault who it is.
type identity interface {
	// token returns the token to send now.
	token(ctx context.Context) (string, error)
	// refused is told that Vault did not take token, because it is not valid or
	// because it does not allow enough. It reports whether to try again.
	refused(token string, invalid bool) (again bool)
	// close gives back what was obtained.
	close(ctx context.Context) error
}

// fixedToken is somebody else's token.
type fixedToken string

func (t fixedToken) token(context.Context) (string, error) { return string(t), nil }
func (t fixedToken) refused(string, bool) bool             { return false }
func (t fixedToken) close(context.Context) error           { return nil }

// tokenFile is a token that somebody else, like Vault Agent, keeps in a file.
// It is neither renewed nor revoked here.
type tokenFile struct {
	name string

	mu       sync.Mutex
	held     string    // guarded by mu
	modified time.Time // of the file when it was read; guarded by mu
	size     int64     // the same
}

// token reads the file if it has changed. While it cannot be read, as in the
// moment when it is replaced, the token before stays in use.
func (t *tokenFile) token(context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	info, err := os.Stat(t.name)
	if err == nil && (t.held == "" || !info.ModTime().Equal(t.modified) || info.Size() != t.size) {
		err = t.read(info)
	}
	if err != nil && t.held == "" {
		return "", fmt.Errorf("%w: there is no token: %w", ErrDenied, err)
	}
	return t.held, nil
}

// read takes the token from the file that info describes.
func (t *tokenFile) read(info fs.FileInfo) error {
	text, err := readFile(t.name)
	if err != nil {
		return err
	}
	token := trimmed(text)
	if token == "" {
		return errors.New(t.name + " is empty: write a token into it")
	}
	t.held, t.modified, t.size = token, info.ModTime(), info.Size()
	return nil
}

// refused looks whether the file holds another token by now.
func (t *tokenFile) refused(token string, _ bool) bool {
	t.mu.Lock()
	t.modified = time.Time{}
	t.mu.Unlock()
	now, err := t.token(context.Background())
	return err == nil && now != token
}

func (t *tokenFile) close(context.Context) error { return nil }
