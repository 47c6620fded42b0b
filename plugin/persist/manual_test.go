package persist

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/answer"

	"github.com/google/go-cmp/cmp"
)

// The manual page has every property, twice: in the syntax, and in the list
// that explains them.
func TestManualPageDescribesEveryProperty(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)\n## Syntax\n(.*?)\n## `).FindSubmatch(page)
	if section == nil {
		t.Fatal("Expected a section Syntax")
	}
	want := slices.Sorted(maps.Keys(properties))
	for what, line := range map[string]string{
		"syntax":      `(?m)^    ([a-z_]+)`,
		"explanation": "(?m)^\\* `([a-z_]+)",
	} {
		found := regexp.MustCompile(line).FindAllSubmatch(section[1], -1)
		got := make([]string, 0, len(found))
		for _, m := range found {
			got = append(got, string(m[1]))
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("The %s differs from the parser (-parser +page):\n%s", what, diff)
		}
	}
}

func TestManualPageExplainsEveryOutcome(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []answer.Outcome
	for _, m := range regexp.MustCompile("(?s)\n\\| outcome (.*?)\n\n").FindAllString(string(page), 1) {
		for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| [^|]+ \\|$").FindAllStringSubmatch(m, -1) {
			got = append(got, answer.Outcome(row[1]))
		}
	}
	if diff := cmp.Diff(answer.Outcomes, got); diff != "" {
		t.Errorf("The table differs from the outcomes (-outcomes +page):\n%s", diff)
	}
}
