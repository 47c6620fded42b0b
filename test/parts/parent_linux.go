package parts

import "syscall"

// dieWithParent makes the kernel end the program when this process is gone.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
