//go:build !linux

package parts

import (
	"errors"
	"testing"
)

// RunInOwnNetwork fails: only Linux has network namespaces.
func RunInOwnNetwork(*testing.M) (int, error) {
	return 1, errors.New("only Linux has network namespaces")
}
