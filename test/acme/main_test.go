package acme

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/coredns-persist/persist/test/parts"
)

// TestMain runs the tests in a network of their own, where port 53 is free and
// nobody outside is asked. Pebble is built before, as its modules come from there.
func TestMain(m *testing.M) {
	_, err := pebbleProgram(context.Background())
	status := 1
	if err == nil {
		status, err = parts.RunInOwnNetwork(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}
