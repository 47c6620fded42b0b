package conformance

import (
	"fmt"
	"os"
	"testing"

	"github.com/coredns-persist/persist/test/parts"
)

func TestMain(m *testing.M) {
	status, err := parts.RunInOwnNetwork(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}
