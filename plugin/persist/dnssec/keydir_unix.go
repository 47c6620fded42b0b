//go:build unix

package dnssec

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives f the owner and group of another file: the server that reads
// the one must be able to read the other.
func keepOwner(f *os.File, like fs.FileInfo) error {
	stat, ok := like.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if err := f.Chown(int(stat.Uid), int(stat.Gid)); err != nil {
		return fmt.Errorf("%w: run this as the owner of %s", err, like.Name())
	}
	return nil
}
