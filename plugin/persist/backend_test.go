package persist

import (
	"bytes"
	"io"
	golog "log"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is misspelt in a directory is told as the server starts.
func TestTheLogNamesFilesThatLookLikeDocuments(t *testing.T) {
	var out bytes.Buffer
	golog.SetOutput(&out)
	defer golog.SetOutput(io.Discard)
	s := newSite(t, documents())
	if err := os.WriteFile(filepath.Join(s.policies(), "teams", "more.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, block(s.stanza()))
	if n := strings.Count(out.String(), "teams/more.yaml: is not read, as its name does not end in .json"); n != 1 {
		t.Errorf("Expected one line, got %d:\n%s", n, out.String())
	}
}
