//go:build !linux

package parts

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
