package docs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// port is the one that every example serves on.
const port = "1053"

var portWord = regexp.MustCompile(`\b` + port + `\b`)

// world is where commands are typed: a directory that looks like the root of
// the repository, with a Vault.
type world struct {
	t       *testing.T
	dir     string
	port    string // in the place of the examples' port
	state   string // the file that carries exported variables from one command to the next
	vault   *parts.Vault
	server  *parts.Process // the one that was started last
	command string         // which started it
}

func newWorld(t *testing.T) *world {
	t.Helper()
	free, err := parts.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: t.TempDir(), port: fmt.Sprint(free), vault: parts.NewVault(t, parts.VaultOptions{})}
	w.state = filepath.Join(t.TempDir(), "state")
	w.furnish()
	t.Cleanup(func() {
		if err := w.stopServer(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// furnish makes what commands find in the root of the repository.
func (w *world) furnish() {
	w.t.Helper()
	top, err := parts.Root()
	if err == nil {
		err = errors.Join(
			os.Symlink(filepath.Join(top, "Makefile"), filepath.Join(w.dir, "Makefile")),
			os.Symlink(filepath.Join(top, "bin"), filepath.Join(w.dir, "bin")),
			os.CopyFS(filepath.Join(w.dir, "docs"), os.DirFS(filepath.Join(top, "docs"))),
		)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for _, program := range []string{"coredns", "persistctl"} {
		if _, err := parts.Program(program); err != nil {
			w.t.Fatal(err)
		}
	}
	w.copyCorefile(filepath.Join(top, "corefile.example"), "corefile.example")
	for _, corefile := range examples(w.t) {
		w.copyCorefile(corefile, filepath.Join("docs/example", filepath.Base(corefile)))
	}
}

// examples are the Corefiles among the examples of the guides.
func examples(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(root, "docs/example/*.corefile"))
	if err != nil || len(list) == 0 {
		t.Fatalf("There are no example Corefiles: %v", err)
	}
	return list
}

// copyCorefile copies a Corefile with the port of this world.
func (w *world) copyCorefile(from, to string) {
	w.t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(filepath.Join(w.dir, to), portWord.ReplaceAll(text, []byte(w.port)), 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// become makes what follows be typed by somebody else: in a new shell, with
// another token.
func (w *world) become(token string) {
	w.t.Helper()
	tools := w.t.TempDir()
	vault, err := vaultCommand()
	if err == nil {
		err = os.Symlink(vault, filepath.Join(tools, "vault"))
	}
	if err == nil {
		err = os.WriteFile(w.state, fmt.Appendf(nil, "export HOME=%s PATH=%s:$PATH VAULT_ADDR=%s VAULT_TOKEN=%s\n", tools, tools, w.vault.Address, token), 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// vaultCommand is the vault or bao command that the guides mean.
func vaultCommand() (string, error) {
	if named := os.Getenv("PERSIST_VAULT_BIN"); named != "" {
		return exec.LookPath(named)
	}
	if path, err := exec.LookPath("vault"); err == nil {
		return path, nil
	}
	return parts.Program("vault")
}

// shell is bash with the variables that were exported before, and none that
// whoever runs the tests has for make or Vault.
func (w *world) shell(ctx context.Context, text string) *exec.Cmd {
	const clean = "unset ${!MAKE@} ${!MFLAGS@} ${!VAULT_@}\nset -o pipefail"
	text = fmt.Sprintf("%s\n. %s\n%s", clean, w.state, portWord.ReplaceAllString(text, w.port))
	cmd := exec.CommandContext(ctx, "bash", "-c", text)
	cmd.Dir = w.dir
	return cmd
}

// run types one command and returns what it prints, with the port of the
// examples.
func (w *world) run(ctx context.Context, command string) (string, error) {
	out, err := w.shell(ctx, fmt.Sprintf("{\n%s\n}\nstatus=$?\nexport -p > %s\nexit $status", command, w.state)).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s\n%w\n%s", command, err, out)
	}
	return strings.ReplaceAll(string(out), w.port, port), err
}

// serve types a command that serves until it is ended, and returns when the
// server answers. The one before is ended, as the guides say.
func (w *world) serve(ctx context.Context, command string) error {
	if err := w.stopServer(); err != nil {
		return err
	}
	var err error
	// What make would build first is there.
	text := "exec " + strings.Replace(command, "make run", "make -o build run", 1)
	if w.server, err = parts.Start(w.shell(context.WithoutCancel(ctx), text)); err != nil {
		return err
	}
	w.command = command
	return w.server.Retry(ctx, w.ask)
}

// ask fails unless the server, which in every example has this name, has its
// documents and keys.
func (w *world) ask(ctx context.Context) error {
	query := new(dns.Msg).SetQuestion("_validation-persist.example.com.", dns.TypeTXT)
	reply, _, err := new(dns.Client).ExchangeContext(ctx, query, "127.0.0.1:"+w.port)
	if err == nil && reply.Rcode == dns.RcodeServerFailure {
		err = errors.New("the answer is SERVFAIL")
	}
	return err
}

func (w *world) stopServer() error {
	if w.server == nil {
		return nil
	}
	err := w.server.Stop()
	if w.t.Failed() {
		w.t.Logf("Output of %s:\n%s", w.command, w.server.Output())
	}
	w.server = nil
	return err
}
