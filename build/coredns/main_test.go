package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/coredns/core/dnsserver"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// upstream is CoreDNS's own order. Package variables are set before init
// functions run, so this is a copy of what main.go's init replaces.
var upstream = slices.Clone(dnsserver.Directives)

func TestPersistStandsDirectlyAfterTransfer(t *testing.T) {
	transfer := slices.Index(dnsserver.Directives, "transfer")
	if transfer < 0 || transfer != slices.Index(dnsserver.Directives, "persist")-1 {
		t.Errorf("Expected persist directly after transfer in %q", dnsserver.Directives)
	}
}

func TestOtherPluginsKeepTheOrderOfCoreDNS(t *testing.T) {
	others := slices.DeleteFunc(slices.Clone(directives), func(d string) bool { return d == "persist" })
	want := slices.DeleteFunc(slices.Clone(upstream), func(d string) bool { return !slices.Contains(others, d) })
	if diff := cmp.Diff(want, others); diff != "" {
		t.Errorf("Directives differ from CoreDNS's order (-CoreDNS +ours):\n%s", diff)
	}
}

func TestServerIsLeanAndHasEveryDirective(t *testing.T) {
	const limit = 32_000_000 // octets
	server := buildServer(t)

	info, err := os.Stat(server)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() >= limit {
		t.Errorf("Expected a server below %d octets, got %d", limit, info.Size())
	}

	out, err := exec.CommandContext(t.Context(), server, "-plugins").Output()
	if err != nil {
		t.Fatalf("Could not list the plugins: %v", err)
	}
	want := slices.Sorted(slices.Values(directives))
	if diff := cmp.Diff(want, strings.Fields(string(out))); diff != "" {
		t.Errorf("Plugins differ from the directives (-directives +plugins):\n%s", diff)
	}
}

// TestDependenciesStayLean guards the module graph of those who import persist:
// one of these packages would bring in the modules of every plugin there is.
func TestDependenciesStayLean(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-test", "./...")
	list.Dir = root
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("Could not list the dependencies: %v", err)
	}
	for _, heavy := range []string{"github.com/coredns/coredns/core/plugin", "github.com/coredns/coredns/test"} {
		if slices.Contains(strings.Fields(string(out)), heavy) {
			t.Errorf("Expected no import of %s, not even in a test", heavy)
		}
	}
}

// buildServer builds the server as it is shipped and returns its path.
func buildServer(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("How the server is built stands in the Makefile, and there is no make here")
	}
	bin := t.TempDir()
	server := filepath.Join(bin, "coredns")
	build := exec.CommandContext(t.Context(), "make", "-C", root, "BIN="+bin, server)
	build.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("Could not build the server: %v\n%s", err, out)
	}
	return server
}
