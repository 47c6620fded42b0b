package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/google/go-cmp/cmp"
)

// What a page leaves out is as in the examples.
func TestDocumentsOfEachPageAreValidTogether(t *testing.T) {
	found := map[string]bool{}
	for _, p := range pages(t) {
		documents := policytest.Documents{}
		for _, b := range p.of("json") {
			kind, _, _ := strings.Cut(b.about, "/")
			found[kind] = true
			if _, twice := documents[b.about]; twice || b.about == "" {
				t.Errorf("%s, %s: write ```json PATH, each path once, not %q", p.name, b.section, b.about)
			}
			documents[b.about] = b.text
		}
		for _, r := range exampleDocuments(t).With(documents).Compile(t).Rejections() {
			t.Errorf("%s: %v", p.name, r)
		}
	}
	for _, kind := range []string{"config", "issuers", "teams", "accounts", "control"} {
		if !found[kind] {
			t.Errorf("No page shows a document of the kind %s", kind)
		}
	}
}

// exampleDocuments are those of the example directory.
func exampleDocuments(t *testing.T) policytest.Documents {
	t.Helper()
	dir := filepath.Join(root, "docs/example/policies")
	documents := policytest.Documents{}
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			path, _ := strings.CutPrefix(strings.TrimSuffix(filepath.ToSlash(file), ".json"), filepath.ToSlash(dir)+"/")
			documents[path] = contents(t, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return documents
}

// Every Corefile among the examples is shown, so that what is read is what is
// run, and the plugin's tests start it.
func TestExampleCorefilesAreShownAsTheyAre(t *testing.T) {
	shown := map[string]bool{}
	for _, p := range append(pages(t), readPage(t, manual)) {
		for _, b := range p.of("corefile") {
			shown[b.text] = true
		}
	}
	for _, file := range examples(t) {
		text := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(contents(t, file), "")
		if !shown[text] {
			t.Errorf("Expected %s in a corefile block of a page:\n%s", file, text)
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, p := range append(pages(t), readPage(t, manual), readPage(t, "CHANGELOG.md")) {
		for _, m := range link.FindAllStringSubmatch(p.text, -1) {
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := p.name
			if file != "" {
				target = filepath.Join(filepath.Dir(p.name), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s: %v", p.name, m[1], err)
			} else if anchor != "" && !slices.Contains(anchors(contents(t, filepath.Join(root, target))), anchor) {
				t.Errorf("%s links to %s, and there is no such heading", p.name, m[1])
			}
		}
	}
}

// anchors are what the headings of a page are linked by.
func anchors(text string) []string {
	headings := regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1)
	list := make([]string, 0, len(headings))
	for _, m := range headings {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(m[1]), "")
		list = append(list, strings.ReplaceAll(name, " ", "-"))
	}
	return list
}

func TestPluginLineNamesThisModule(t *testing.T) {
	module := regexp.MustCompile(`(?m)^module (\S+)$`).FindStringSubmatch(contents(t, filepath.Join(root, "go.mod")))[1]
	line := regexp.MustCompile(`(?m)^persist:(\S+)$`)
	for _, name := range []string{"README.md", manual} {
		got := line.FindStringSubmatch(readPage(t, name).text)
		if got == nil || got[1] != module+"/plugin/persist" {
			t.Errorf("%s: expected the line persist:%s/plugin/persist, got %q", name, module, got)
		}
	}
}

func TestTargetsOfMakeExist(t *testing.T) {
	makefile := contents(t, filepath.Join(root, "Makefile"))
	target := regexp.MustCompile("(?m)(?:`|^)make ([a-z]+)(?:`|$)")
	found := map[string]bool{}
	for _, p := range append(pages(t), readPage(t, "CHANGELOG.md")) {
		for _, m := range target.FindAllStringSubmatch(p.text, -1) {
			found[m[1]] = true
			if !regexp.MustCompile(`(?m)^` + m[1] + `:.*## `).MatchString(makefile) {
				t.Errorf("%s says make %s, and the Makefile has no such target", p.name, m[1])
			}
		}
	}
	for _, name := range []string{"run", "demo", "test", "bench", "scale", "lint", "fuzz"} {
		if !found[name] {
			t.Errorf("No page says make %s", name)
		}
	}
}

var metric = regexp.MustCompile(`coredns_persist_(\w+)`)

func TestMetricsAreThoseOfTheCode(t *testing.T) {
	declared := map[string]string{}
	files, err := filepath.Glob(filepath.Join(root, "plugin/persist/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range files {
		source.WriteString(contents(t, file))
	}
	for _, m := range regexp.MustCompile(`(?s)Vec\(prometheus\.\w+Opts\{.*?Name:\s+"(\w+)".*?\[\]string\{(.*?)\}`).FindAllStringSubmatch(source.String(), -1) {
		declared[m[1]] = strings.ReplaceAll(m[2], `"`, "")
	}
	described := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\* `coredns_persist_(\\w+)\\{(.*?)\\}`").FindAllStringSubmatch(readPage(t, manual).text, -1) {
		described[m[1]] = m[2]
	}
	if diff := cmp.Diff(declared, described); diff != "" {
		t.Errorf("The manual page differs from the code (-code +page):\n%s", diff)
	}
	for _, p := range pages(t) {
		for _, m := range metric.FindAllStringSubmatch(p.text, -1) {
			if _, ok := declared[m[1]]; !ok {
				t.Errorf("%s speaks of %s, which the code has not", p.name, m[0])
			}
		}
	}
}

// contents is the text of a file.
func contents(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
