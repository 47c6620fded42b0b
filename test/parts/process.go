// Package parts starts the real programs that tests and the demonstration run
// against, on loopback addresses. Each ends when it is stopped, when its test
// ends, or when the process that started it does.
package parts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a program may take to end when it is asked to.
const patience = 10 * time.Second

// Process is a program that was started.
type Process struct {
	cmd    *exec.Cmd
	output output
	exited chan struct{}
	err    error // what Wait returned, once exited is closed
}

// Start starts cmd and captures what it writes. Its standard input stays open
// until this process ends, which programs that read it take as the sign to end.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, exited: make(chan struct{})}
	p.output.grew = make(chan struct{})
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	cmd.SysProcAttr = dieWithParent()
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// Run starts cmd for the time of a test, which logs its output if it fails.
func Run(tb testing.TB, cmd *exec.Cmd) *Process {
	tb.Helper()
	p, err := Start(cmd)
	if err != nil {
		tb.Fatalf("Starting %s: %v", cmd.Path, err)
	}
	tb.Cleanup(func() {
		if err := p.Stop(); err != nil {
			tb.Error(err)
		}
		if tb.Failed() {
			tb.Logf("Output of %s:\n%s", cmd.Path, p.Output())
		}
	})
	return p
}

// Output is all that the program has written until now.
func (p *Process) Output() string {
	text, _ := p.output.read()
	return text
}

// Await returns as soon as the output is as ready wants it. It fails when the
// program ends before, or ctx does.
func (p *Process) Await(ctx context.Context, ready func(output string) bool) error {
	for {
		text, grew := p.output.read()
		if ready(text) {
			return nil
		}
		select {
		case <-grew:
		case <-p.exited:
			if ready(p.Output()) {
				return nil
			}
			return fmt.Errorf("%s ended (%v) with the output:\n%s", p.cmd.Path, p.cmd.ProcessState, p.Output())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; its output:\n%s", p.cmd.Path, ctx.Err(), p.Output())
		}
	}
}

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the program has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Stop asks the program to end and waits until it has. It fails if the program
// had to be killed.
func (p *Process) Stop() error {
	// It fails only where the program has ended already.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return nil
	case <-time.After(patience):
		p.Kill()
		return fmt.Errorf("%s did not end within %v and was killed", p.cmd.Path, patience)
	}
}

// Kill ends the program without asking it, and waits until it has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it fails only where the program has ended already
	<-p.exited
}

// output is what a program writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
	grew chan struct{}   // closed at the next write; guarded by mu
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.grew)
	o.grew = make(chan struct{})
	return o.text.Write(b)
}

func (o *output) read() (text string, grew <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.grew
}

// FreePort returns a port of 127.0.0.1 that nobody uses, over UDP nor TCP.
func FreePort() (int, error) {
	for range 100 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := listener.Addr().(*net.TCPAddr).Port
		conn, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		listener.Close()
		if err == nil {
			conn.Close()
			return port, nil
		}
	}
	return 0, errors.New("no port of 127.0.0.1 is free over both UDP and TCP")
}

// Root returns the directory of the repository: the next one upwards from the
// working directory that holds the main module.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for up := dir; ; up = filepath.Dir(up) {
		mod, err := os.ReadFile(filepath.Join(up, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module github.com/coredns-persist/persist\n") {
			return up, nil
		}
		if up == filepath.Dir(up) {
			return "", fmt.Errorf("%s does not lie in the persist repository", dir)
		}
	}
}

// Program returns the path of a program that make builds. It fails, and says
// how to build it, where it is missing.
func Program(name string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "bin", name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is missing: run make bin/%s in %s", path, name, root)
	}
	return path, nil
}
