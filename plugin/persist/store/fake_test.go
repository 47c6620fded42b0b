package store

import (
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
)

// fake is the scripted Vault as one of the worlds.
type fake struct{ *storetest.Server }

func newFake(t *testing.T) *fake {
	t.Helper()
	return &fake{storetest.New(t)}
}

func (f *fake) put(_ *testing.T, path, body string) { f.Put(path, body) }
func (f *fake) drop(_ *testing.T, path string)      { f.Drop(path) }
func (f *fake) remove(_ *testing.T, path string)    { f.Remove(path) }
func (f *fake) undelete(_ *testing.T, path string)  { f.Undelete(path) }
func (f *fake) destroy(_ *testing.T, path string)   { f.Destroy(path) }

func (f *fake) source(t *testing.T) Source {
	t.Helper()
	return f.vault(t)
}

// vault returns a client of the fake, with a token.
func (f *fake) vault(t *testing.T) *Vault {
	t.Helper()
	t.Setenv("VAULT_TOKEN", "hvs.test")
	v, err := NewVault(VaultConfig{Address: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	return v
}
