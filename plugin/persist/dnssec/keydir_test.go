package dnssec

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestInitDirMakesKeysThatLoadDirFinds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "keys")
	if _, err := LoadDir(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Without a directory the error is %v", err)
	}
	if err := InitDir(dir, "test", 13, start, random(1)); err != nil {
		t.Fatal(err)
	}
	raw, err := LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := GenerateKeys("test", 13, start, random(1))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw, want) {
		t.Errorf("The file is\n%s, want\n%s", raw, want)
	}
	for name, want := range map[string]fs.FileMode{dir: fs.ModeDir | 0o700, filepath.Join(dir, KeyFile): 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %s, want %s", name, info.Mode(), want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, temporary+"*")); err != nil || len(left) > 0 {
		t.Errorf("InitDir leaves %q behind (%v)", left, err)
	}
}

func TestInitDirReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := InitDir(dir, "test", 13, start, random(1)); err != nil {
		t.Fatal(err)
	}
	before, err := LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := InitDir(dir, "test", 13, start, random(2)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Error is %v, want %v", err, fs.ErrExist)
	}
	if after, err := LoadDir(dir); err != nil || !bytes.Equal(before, after) {
		t.Errorf("The keys have changed (%v)", err)
	}
}

func TestProcessesThatStartAtOnceHaveTheSameKeys(t *testing.T) {
	const processes = 16
	dir := filepath.Join(t.TempDir(), "keys")
	var (
		wg   sync.WaitGroup
		errs [processes]error
		keys [processes][]byte
	)
	for i := range processes {
		wg.Go(func() {
			errs[i] = InitDir(dir, "test", 15, start, random(byte(i)))
			keys[i], _ = LoadDir(dir)
		})
	}
	wg.Wait()
	made := 0
	for i := range processes {
		if errs[i] == nil {
			made++
		} else if !errors.Is(errs[i], fs.ErrExist) {
			t.Errorf("Error is %v, want %v", errs[i], fs.ErrExist)
		}
		if len(keys[i]) == 0 || !bytes.Equal(keys[i], keys[0]) {
			t.Errorf("Process %d has other keys than process 0", i)
		}
	}
	if made != 1 {
		t.Errorf("%d processes made keys, want 1", made)
	}
}

func TestInitDirRefusesADirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"lost+found", temporary + "1"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "keys.json.bak"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := InitDir(dir, "test", 13, start, random(1)); err == nil || !strings.Contains(err.Error(), "holds keys.json.bak and no keys.json") {
		t.Errorf("Error is %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "keys.json.bak")); err != nil {
		t.Fatal(err)
	}
	if err := InitDir(dir, "test", 13, start, random(1)); err != nil {
		t.Errorf("A directory with what does not count: %v", err)
	}
}

func TestInitDirFailsWhereItCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := InitDir(file, "test", 13, start, random(1)); err == nil {
		t.Error("A file was taken for a directory")
	}
	dir := t.TempDir()
	if err := InitDir(dir, "test", 8, start, random(1)); err == nil {
		t.Error("Keys of algorithm 8 were made")
	}
	if err := publish(filepath.Join(dir, "missing"), KeyFile, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Error is %v, want %v", err, fs.ErrNotExist)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("A failure leaves %v behind (%v)", left, err)
	}
}

// Nobody keeps root from anything, so for root the file system's word is made up.
func TestWhereTheUserMayNotTheErrorSaysWhatToDo(t *testing.T) {
	made := denied(&fs.PathError{Op: "open", Path: "keys/.new-1", Err: fs.ErrPermission}, mayWrite("keys"))
	if want := "open keys/.new-1: permission denied: make keys a directory that the user that runs this can write to"; !strings.HasPrefix(made.Error(), want) || !errors.Is(made, fs.ErrPermission) {
		t.Errorf("Expected an error with %q, got %v", want, made)
	}
	if other := denied(fs.ErrNotExist, mayWrite("keys")); !errors.Is(other, fs.ErrNotExist) || strings.Contains(other.Error(), "write") {
		t.Errorf("Expected no advice on permission, got %v", other)
	}
	if os.Geteuid() == 0 {
		return
	}
	dir := t.TempDir()
	if err := InitDir(dir, "test", 13, start, random(1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, KeyFile), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadDir(dir); err == nil || !strings.Contains(err.Error(), KeyFile) || !strings.Contains(err.Error(), "let the user that runs this read it") {
		t.Errorf("Unreadable keys: %v", err)
	}
	locked := t.TempDir()
	if err := os.Chmod(locked, 0o500); err != nil { // #nosec G302 -- a directory
		t.Fatal(err)
	}
	for _, at := range []string{locked, filepath.Join(locked, "deeper")} {
		if err := Create(at, KSKFile, nil); err == nil || !strings.Contains(err.Error(), "make "+at+" a directory that") {
			t.Errorf("A directory that cannot be written to: %v", err)
		}
	}
}

func TestKeysThatOthersCanUseAreRefused(t *testing.T) {
	dir := t.TempDir()
	if err := InitDir(dir, "test", 13, start, random(1)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, KeyFile)
	for mode, ok := range map[fs.FileMode]bool{0o600: true, 0o400: true, 0o640: true, 0o440: true, 0o644: false, 0o604: false, 0o660: false, 0o602: false} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadDir(dir)
		if ok && err != nil || !ok && (err == nil || !strings.Contains(err.Error(), "chmod 600 "+file)) {
			t.Errorf("Mode %#o: Error is %v", mode, err)
		}
	}
}

func TestAFileThatIsNoKeyDocumentIsNotReadWhole(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, KeyFile), make([]byte, mostKeyFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadDir(dir); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("Error is %v", err)
	}
}

func TestReplaceDirReplacesOnlyWhatWasRead(t *testing.T) {
	dir := t.TempDir()
	if err := InitDir(dir, "test", 13, start, random(1)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, KeyFile)
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	before, err := LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := ReplaceDir(dir, before, []byte("after")); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadDir(dir); err != nil || string(got) != "after" {
		t.Errorf("The document is %q (%v)", got, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("The mode is not that of before: %v (%v)", info.Mode(), err)
	}
	if err := ReplaceDir(dir, before, []byte("again")); !errors.Is(err, ErrChanged) {
		t.Errorf("Expected %v, got %v", ErrChanged, err)
	}
	if got, err := LoadDir(dir); err != nil || string(got) != "after" {
		t.Errorf("The document is %q (%v)", got, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("Expected one file, got %v (%v)", left, err)
	}
	if err := ReplaceDir(t.TempDir(), before, []byte("again")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Expected %v where there is no document, got %v", fs.ErrNotExist, err)
	}
}
