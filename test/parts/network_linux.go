package parts

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inside marks the environment of the process in its own network.
const inside = "PERSIST_TEST_NETWORK=own"

// RunInOwnNetwork runs the tests of m in a copy of this process that has a
// network of its own, where nobody else uses any port of 127.0.0.0/8 and
// nothing can be reached from or reach outside. It returns the exit status, and
// fails where no such network can be made.
func RunInOwnNetwork(m *testing.M) (int, error) {
	if os.Getenv("PERSIST_TEST_NETWORK") == "own" {
		if err := upLoopback(); err != nil {
			return 1, fmt.Errorf("the loopback interface of the network does not come up: %w", err)
		}
		return m.Run(), nil
	}
	runtime.LockOSThread() // whose end would end the copy
	var refused error
	for _, attributes := range namespaces() {
		cmd := exec.Command("/proc/self/exe", os.Args[1:]...) // #nosec G204 G702 -- this very program
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		cmd.Env = append(os.Environ(), inside)
		cmd.SysProcAttr = attributes
		if refused = cmd.Start(); refused == nil {
			return ended(cmd.Wait())
		}
	}
	return 1, fmt.Errorf("no network namespace can be made: %w; run this as root with CAP_SYS_ADMIN, or where the kernel allows user namespaces", refused)
}

// namespaces are the ways to a network of one's own: as root, and as the root
// of a new user namespace.
func namespaces() []*syscall.SysProcAttr {
	root := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	}
	return []*syscall.SysProcAttr{
		{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL},
		{
			Cloneflags:  syscall.CLONE_NEWNET | syscall.CLONE_NEWUSER,
			Pdeathsig:   syscall.SIGKILL,
			UidMappings: root(os.Getuid()),
			GidMappings: root(os.Getgid()),
		},
	}
}

// ended returns the exit status of a process that was waited for.
func ended(err error) (int, error) {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// upLoopback gives the network its loopback interface.
func upLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo)
}
