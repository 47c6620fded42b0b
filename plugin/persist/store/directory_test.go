package store

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestDirectoryMustBeOne(t *testing.T) {
	for path, says := range map[string]string{
		filepath.Join(t.TempDir(), "missing"): "no such file",
		write(t, "file", ""):                  "is a file: name the directory",
	} {
		if _, err := OpenDirectory(path); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("The error is %v, wanted %q", err, says)
		}
	}
}

func TestDirectoryDocumentIsTheFile(t *testing.T) {
	f := &files{dir: t.TempDir()}
	f.put(t, "config", `{"schema":1}`)
	modified := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	check(t, os.Chtimes(filepath.Join(f.dir, "config.json"), modified, modified))
	d, err := f.source(t).Read(t.Context(), "config")
	check(t, err)
	// As printf '{"schema":1}' | sha256sum says.
	if d.Version != "67d6291b3014" || !d.Created.Equal(modified) || string(d.Body) != `{"schema":1}` || d.Withdrawn {
		t.Errorf("The document is %+v", d)
	}
}

func TestDirectoryIgnoresWhatIsNoDocument(t *testing.T) {
	f := &files{dir: t.TempDir()}
	for _, path := range []string{"teams/web", "teams/web-x", "teams/.hidden", "teams/..data/web", "teams/sub/inner"} {
		f.put(t, path, `{}`)
	}
	check(t, os.WriteFile(filepath.Join(f.dir, "teams", "README.md"), nil, 0o600))
	check(t, os.WriteFile(filepath.Join(f.dir, "teams", "web.json~"), nil, 0o600))
	names, err := f.source(t).List(t.Context(), "teams")
	check(t, err)
	if !slices.Equal(names, []string{"sub/", "web", "web-x"}) {
		t.Errorf("Lists %q", names)
	}
}

// Kubernetes writes a volume into a directory of its own and turns a link.
func TestDirectoryFollowsTheLinksOfAVolume(t *testing.T) {
	dir := t.TempDir()
	volume := func(name, body string) {
		t.Helper()
		at := filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Join(at, "teams"), 0o700))
		check(t, os.WriteFile(filepath.Join(at, "config.json"), []byte(`{"schema":1}`), 0o600))
		check(t, os.WriteFile(filepath.Join(at, "teams", "web.json"), []byte(body), 0o600))
		check(t, os.Symlink(name, filepath.Join(dir, "..new")))
		check(t, os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")))
	}
	volume("..2026_11_24_1", `{"b":1}`)
	check(t, os.Symlink("..data/config.json", filepath.Join(dir, "config.json")))
	check(t, os.Symlink("..data/teams", filepath.Join(dir, "teams")))
	d, err := OpenDirectory(dir)
	check(t, err)
	r := watch(t, d, nil)
	r.scan(t)
	volume("..2026_11_24_2", `{"b":2}`)
	r.scan(t)
	if got := string(r.document(t, "teams/web").Body); got != `{"b":2}` || len(r.Snapshot().Documents) != 2 {
		t.Errorf("There are %d documents, one is %s", len(r.Snapshot().Documents), got)
	}
}

func TestDirectoryThatIsGoneIsNotAnEmptyOne(t *testing.T) {
	f := &files{dir: filepath.Join(t.TempDir(), "policies")}
	fill(t, f)
	r := watch(t, f.source(t), nil)
	before := r.scan(t)
	check(t, os.RemoveAll(f.dir))
	for range 3 {
		r.fails(t, ErrUnavailable, f.dir, "is it mounted?")
	}
	if r.Snapshot() != before {
		t.Error("There is another snapshot")
	}
}

func TestDirectoryFileThatIsNoDocumentIsReported(t *testing.T) {
	for name, tt := range map[string]struct {
		make func(path string) error
		says string
	}{
		"too large":   {func(path string) error { return os.WriteFile(path, make([]byte, MaxDocument+1), 0o600) }, "larger than 1048576 octets"},
		"a directory": {func(path string) error { return os.Mkdir(path, 0o700) }, "no regular file"},
		"a pipe":      {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "no regular file"},
		"a loop":      {func(path string) error { return os.Symlink(filepath.Base(path), path) }, "too many levels"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &files{dir: t.TempDir()}
			fill(t, f)
			check(t, tt.make(filepath.Join(f.dir, "issuers", "odd.json")))
			r := watch(t, f.source(t), nil)
			r.scan(t)
			if len(r.log.warnings) != 1 || !strings.Contains(r.log.warnings[0], tt.says) || !strings.Contains(r.log.warnings[0], "issuers/odd") {
				t.Errorf("The warnings are %q", r.log.warnings)
			}
			if s := r.Snapshot(); len(s.Documents) != 7 || !s.Listed["issuers"].IsZero() {
				t.Errorf("There are %d documents; issuers is complete as of %v", len(s.Documents), s.Listed["issuers"])
			}
		})
	}
}

func TestDirectoryDocumentOfTheLargestSizeIsRead(t *testing.T) {
	f := &files{dir: t.TempDir()}
	f.put(t, "config", strings.Repeat(" ", MaxDocument))
	d, err := f.source(t).Read(t.Context(), "config")
	check(t, err)
	if len(d.Body) != MaxDocument {
		t.Errorf("%d octets are read", len(d.Body))
	}
}

func TestDirectoryStaysInside(t *testing.T) {
	f := &files{dir: filepath.Join(t.TempDir(), "policies")}
	f.put(t, "config", `{}`)
	f.put(t, "../outside", `{}`)
	for _, path := range []string{"../outside", "/outside", "teams/../../outside", ""} {
		if _, err := f.source(t).Read(t.Context(), path); err == nil {
			t.Errorf("%q can be read", path)
		}
	}
}
