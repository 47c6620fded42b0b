package store

import (
	"os"
	"path/filepath"
	"testing"
)

// write writes a file in a directory of the test and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	rewrite(t, path, text)
	return path
}

func rewrite(t *testing.T, path, text string) {
	t.Helper()
	check(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestTokenFileIsReadAgainWhenItChanges(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	file := write(t, "token", "hvs.nonsense\n")
	v, err := NewVault(VaultConfig{Address: m.Address, Mount: m.name, Auth: "token_file", TokenFile: file})
	check(t, err)
	r := watch(t, v, nil)
	r.fails(t, ErrDenied, "invalid token")
	rewrite(t, file, "  "+m.RootToken+"\n\n")
	r.scan(t)
	check(t, os.Remove(file))
	r.scan(t) // with the token before
	rewrite(t, file, "")
	r.scan(t)
	check(t, v.Close(t.Context()))
	if _, err := m.Client.Auth().Token().LookupSelf(); err != nil {
		t.Errorf("Somebody else's token was revoked: %v", err)
	}
}

// Tokens are of one length, and a file system may know no time between them.
func TestTokenFileIsReadAgainThoughItLooksTheSame(t *testing.T) {
	file := write(t, "token", "hvs.one\n")
	about, err := os.Stat(file)
	check(t, err)
	source := &tokenFile{name: file}
	for _, want := range []string{"hvs.one", "hvs.two"} {
		rewrite(t, file, want+"\n")
		check(t, os.Chtimes(file, about.ModTime(), about.ModTime()))
		if got, err := source.Token(t.Context()); got != want || err != nil {
			t.Errorf("The token is %q, wanted %q: %v", got, want, err)
		}
	}
}

func TestTokenFileThatHoldsNoTokenIsNamed(t *testing.T) {
	for says, file := range map[string]string{
		"no such file":     "/nowhere/token",
		"token is empty":   write(t, "token", "\n"),
		"without wrap_ttl": write(t, "token", `{"token":"hvs.wrapped","ttl":300}`),
	} {
		v, err := NewVault(VaultConfig{Address: "http://127.0.0.1:1", Auth: "token_file", TokenFile: file})
		check(t, err)
		watch(t, v, nil).fails(t, ErrDenied, "there is no token", file, says)
	}
}
