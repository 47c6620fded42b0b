package store

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What is misspelt is told, and neither what counts nor what is plainly no document.
func TestWhatLooksLikeADocumentAndIsNoneIsTold(t *testing.T) {
	f := &files{dir: t.TempDir()}
	fill(t, f)
	for _, path := range []string{
		"acounts/web/ca/prod.json", "teams/web.yaml", "teams/Web.JSON", "accounts/web/ca/b.yml", "Config.json", "kubernetes/x.txt",
		"teams/README.md", "teams/web.json~", ".git/config.json", "teams/..data/web.yaml", "README.md", "accounts/.b.yaml",
	} {
		check(t, os.MkdirAll(filepath.Join(f.dir, filepath.Dir(path)), 0o700))
		check(t, os.WriteFile(filepath.Join(f.dir, path), []byte("{}"), 0o600))
	}
	d, err := OpenDirectory(f.dir)
	check(t, err)
	ignored := d.Ignored()
	got := make([]string, 0, len(ignored))
	for _, i := range ignored {
		got = append(got, i.Path)
	}
	if want := []string{"Config.json", "accounts/web/ca/b.yml", "acounts/", "teams/Web.JSON", "teams/web.yaml"}; !slices.Equal(got, want) {
		t.Errorf("Expected %q, got %q", want, got)
	}
}
