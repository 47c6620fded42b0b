//go:build !unix

package dnssec

import (
	"io/fs"
	"os"
)

// keepOwner does nothing where files have no owner in the sense of Unix.
func keepOwner(*os.File, fs.FileInfo) error { return nil }
