//go:build unix

package audit

import (
	"os"
	"syscall"
)

// lock has f be ours until it is closed: two processes would break the chain.
func lock(f *os.File) error {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) // #nosec G115 -- descriptors are small
}
