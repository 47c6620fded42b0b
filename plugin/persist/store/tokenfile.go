package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

// tokenFile is a token that somebody else, like Vault Agent, keeps in a file.
// It is neither renewed nor revoked here.
type tokenFile struct {
	name string

	mu   sync.Mutex
	held string // guarded by mu
}

// Token reads the file: neither its time nor its size tell tokens apart that are
// written one after the other. While it cannot be read, as in the moment when it
// is replaced, the token before stays in use.
func (t *tokenFile) Token(context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	token, err := readToken(t.name)
	if err == nil {
		t.held = token
	}
	if t.held == "" {
		return "", unasked{fmt.Errorf("there is no token: %w", err)}
	}
	return t.held, nil
}

func readToken(name string) (string, error) {
	token, err := readLine(name, "have Vault Agent, or who else keeps it, write a token there")
	if err == nil && strings.HasPrefix(token, "{") {
		err = errors.New(name + " holds a token that is wrapped or encrypted: have Vault Agent's sink write it as it is, without wrap_ttl and dh_type")
	}
	return token, err
}

// readLine reads a file that holds one word, like a token, with white space
// around it. Where there is none, put says how it gets there.
func readLine(name, put string) (string, error) {
	text, err := readFile(name)
	line := strings.TrimSpace(string(text))
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("%w: let the server's user read it", err)
	case err != nil:
		return "", fmt.Errorf("%w: %s", err, put)
	case line == "":
		return "", fmt.Errorf("%s is empty: %s", name, put)
	}
	return line, nil
}

// Refused looks whether the file holds another token by now.
func (t *tokenFile) Refused(token string, _ bool) bool {
	now, err := t.Token(context.Background())
	return err == nil && now != token
}

// Close implements identity: the token is not ours.
func (t *tokenFile) Close(context.Context) error { return nil }
