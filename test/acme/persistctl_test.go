package acme

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/test/parts"
)

// persistctl runs the operator's tool that make builds, and returns its exit
// status and what it prints.
func persistctl(t *testing.T, args ...string) (status int, out, said string) {
	t.Helper()
	program, err := parts.Program("persistctl")
	if err != nil {
		t.Fatal(err)
	}
	var o, s strings.Builder
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdout, cmd.Stderr = &o, &s
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), s.String()
}

// mustPersistctl is persistctl where all has to be well.
func mustPersistctl(t *testing.T, args ...string) string {
	t.Helper()
	status, out, said := persistctl(t, args...)
	if status != 0 {
		t.Fatalf("persistctl %s: expected status 0, got %d: %s", strings.Join(args, " "), status, said)
	}
	return out
}

// newPebble starts a Pebble that asks resolver, for the time of a test.
func newPebble(t *testing.T, resolver string) *pebble {
	t.Helper()
	ca, err := startPebble(t.Context(), t.TempDir(), resolver)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ca.Stop(); err != nil {
			t.Error(err)
		}
	})
	return ca
}
