package persist

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coredns/caddy"
)

// corefileBlocks are the Corefiles in a manual page or guide.
var corefileBlocks = regexp.MustCompile("(?ms)^(?:~~~|```) ?corefile\n(.*?)^(?:~~~|```)$")

// anyPort replaces the ports of examples, so that they can be started beside
// whatever runs here.
var anyPort = regexp.MustCompile(`(?m)^(\S+?)(:\d+)? \{$`)

// Every Corefile that we show starts as it stands, in the root of the module.
func TestCorefilesInTheDocumentationStart(t *testing.T) {
	impatient(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for _, page := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "plugin/persist/README.md")) {
		body, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range corefileBlocks.FindAllStringSubmatch(string(body), -1) {
			blocks++
			startExample(t, root, page, match[1])
		}
	}
	example, err := os.ReadFile(filepath.Join(root, "corefile.example"))
	if err != nil {
		t.Fatal(err)
	}
	startExample(t, root, "corefile.example", string(example))
	if blocks < 2 {
		t.Errorf("Expected Corefiles in the documentation, found %d", blocks)
	}
}

// startExample runs a Corefile in a directory that has what the example has.
func startExample(t *testing.T, root, page, corefile string) {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"docs", "test"} {
		if err := os.Symlink(filepath.Join(root, d), filepath.Join(dir, d)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	corefile = anyPort.ReplaceAllString(corefile, "$1:0 {\n    bind 127.0.0.1")
	corefile = strings.ReplaceAll(corefile, "    bind 127.0.0.1\n    bind 127.0.0.1\n", "    bind 127.0.0.1\n")
	if strings.Contains(corefile, "key file .persist/csk") {
		makeSigningKey(t, ".persist/csk")
	}
	instance, err := caddy.Start(caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: page, ServerTypeName: "dns"})
	if err != nil {
		t.Errorf("%s: %v in\n%s", page, err, corefile)
		return
	}
	for _, err := range instance.ShutdownCallbacks() {
		t.Error(err)
	}
	if err := instance.Stop(); err != nil {
		t.Error(err)
	}
}

// makeSigningKey makes the key pair of example.com that a guide has somebody make,
// by the name that it gives it.
func makeSigningKey(t *testing.T, name string) {
	t.Helper()
	made := site{t.TempDir()}.keygen(t, "-a", "13", "-f", "KSK")
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, extension := range []string{".key", ".private"} {
		if err := os.Rename(made+extension, name+extension); err != nil {
			t.Fatal(err)
		}
	}
}
