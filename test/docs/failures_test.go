package docs

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each row of the table names the tests that prove it, each of which is there,
// and no test that was written for a row stands outside the table.
func TestEachRowOfTheFailureTableHasItsTest(t *testing.T) {
	tests := testsOfThePlugin(t)
	named := map[string]bool{}
	rows := 0
	for line := range strings.Lines(readPage(t, "docs/failures.md").text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) < 4 || strings.HasPrefix(cells[0], "---") || cells[0] == " what happens " {
			continue
		}
		rows++
		names := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(names) == 0 {
			t.Errorf("No test proves what happens when%s", cells[0])
		}
		for _, m := range names {
			named[m[1]] = true
			if !slices.Contains(tests, m[1]) {
				t.Errorf("%s is to prove what happens when%s, and there is no such test", m[1], cells[0])
			}
		}
	}
	if rows < 30 {
		t.Errorf("Expected the whole table, got %d rows", rows)
	}
	for _, name := range tests {
		if strings.HasPrefix(name, "TestWhen") && !named[name] {
			t.Errorf("%s proves a row that is not in the table", name)
		}
	}
}

// testsOfThePlugin are the names of all its tests.
func testsOfThePlugin(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(filepath.Join(root, "plugin/persist"), func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllStringSubmatch(contents(t, file), -1) {
			names = append(names, m[1])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
