package store

import (
	"errors"
	"strings"
	"testing"
)

// writers are the stores that a tool may write.
var writers = map[string]func(*testing.T) Writer{
	"directory": func(t *testing.T) Writer {
		t.Helper()
		d, err := OpenDirectory(t.TempDir())
		check(t, err)
		return d
	},
	"vault": func(t *testing.T) Writer { t.Helper(); return openAsRoot(t) },
}

func openAsRoot(t *testing.T) *Vault {
	t.Helper()
	m := newMount(t)
	t.Setenv("VAULT_TOKEN", m.RootToken)
	v, err := NewVault(VaultConfig{Address: m.Address, Mount: m.name})
	check(t, err)
	return v
}

func TestAWriteReplacesTheVersionThatWasRead(t *testing.T) {
	for name, open := range writers {
		t.Run(name, func(t *testing.T) {
			out, ctx := open(t), t.Context()
			check(t, out.Write(ctx, "accounts/web/ca/a", []byte(`{"a":1}`), ""))
			first, err := out.Read(ctx, "accounts/web/ca/a")
			check(t, err)
			if string(first.Body) != `{"a":1}` {
				t.Fatalf("Expected what was written, got %s", first.Body)
			}
			if err := out.Write(ctx, "accounts/web/ca/a", []byte(`{"a":2}`), ""); !errors.Is(err, ErrConflict) {
				t.Errorf("Expected a conflict where there is a version already, got %v", err)
			}
			check(t, out.Write(ctx, "accounts/web/ca/a", []byte(`{"a":2}`), first.Version))
			if err := out.Write(ctx, "accounts/web/ca/a", []byte(`{"a":3}`), first.Version); !errors.Is(err, ErrConflict) {
				t.Errorf("Expected a conflict with the newer version, got %v", err)
			}
			if err := out.Remove(ctx, "accounts/web/ca/a", first.Version); !errors.Is(err, ErrConflict) {
				t.Errorf("Expected a conflict with the newer version, got %v", err)
			}
			second, err := out.Read(ctx, "accounts/web/ca/a")
			check(t, err)
			if second.Withdrawn || string(second.Body) != `{"a":2}` {
				t.Fatalf("Expected the newer version to stay, got %s", second.Body)
			}
			check(t, out.Remove(ctx, "accounts/web/ca/a", second.Version))
			gone, err := out.Read(ctx, "accounts/web/ca/a")
			if err == nil && !gone.Withdrawn || err != nil && !errors.Is(err, ErrNotFound) {
				t.Errorf("Expected the document to be gone, got %v, %v", gone, err)
			}
			names, err := out.List(ctx, "accounts/web/ca")
			check(t, err)
			for _, n := range names {
				if strings.HasPrefix(n, ".") {
					t.Errorf("Expected nothing to be left behind, got %s", n)
				}
			}
		})
	}
}

func TestVaultSaysWhoATokenIsOf(t *testing.T) {
	if who, err := openAsRoot(t).Whoami(t.Context()); err != nil || who != "root" {
		t.Errorf("Expected root, got %q, %v", who, err)
	}
}
