package parts

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Overlay returns what go build takes as -overlay to build with a line of a
// source file replaced, which must be there once.
func Overlay(tb testing.TB, file, line, by string) string {
	tb.Helper()
	file, err := filepath.Abs(file)
	if err != nil {
		tb.Fatal(err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	whole := regexp.MustCompile(`(?m)^\t*` + regexp.QuoteMeta(line) + `$`)
	if n := len(whole.FindAll(source, -1)); n != 1 {
		tb.Fatalf("The line stands %d times in %s, want once: %s", n, file, line)
	}
	dir := tb.TempDir()
	other, overlay := filepath.Join(dir, filepath.Base(file)), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {file: other}})
	if err != nil {
		tb.Fatal(err)
	}
	for name, text := range map[string][]byte{other: whole.ReplaceAllLiteral(source, []byte(by)), overlay: replace} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return overlay
}
