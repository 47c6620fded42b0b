package parts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// Server is a DNS server at an address of its own.
type Server struct {
	*Process

	Address string // IP:PORT, over UDP and TCP

	file string // its configuration, alone in its directory
}

// ServerOptions say which program serves DNS, and how.
type ServerOptions struct {
	Address       string // IP:PORT
	Configuration string
	Ready         dns.Question // what it answers without an error as soon as it is ready
	Program       string
	Args          []string // the name of the configuration file is the last one, or the value of one that ends in "="
	Env           []string // NAME=VALUE, besides the environment of this process
}

// NewServer starts a DNS server for the time of a test.
func NewServer(tb testing.TB, options ServerOptions) *Server {
	tb.Helper()
	s, err := StartServer(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	s.stopAfter(tb)
	return s
}

// StartServer starts a DNS server and returns when it answers.
func StartServer(ctx context.Context, options ServerOptions) (*Server, error) {
	dir, err := os.MkdirTemp("", filepath.Base(options.Program))
	if err != nil {
		return nil, err
	}
	s := &Server{Address: options.Address, file: filepath.Join(dir, "conf")}
	err = os.WriteFile(s.file, []byte(options.Configuration), 0o600)
	if err == nil {
		s.Process, err = Start(options.command(s.file))
	}
	if err == nil {
		err = s.Retry(ctx, func(ctx context.Context) error { return s.ask(ctx, options.Ready) })
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// command is how the program is run with the configuration in file.
func (o ServerOptions) command(file string) *exec.Cmd {
	args := slices.Clone(o.Args)
	if last := len(args) - 1; last >= 0 && strings.HasSuffix(args[last], "=") {
		args[last] += file
	} else {
		args = append(args, file)
	}
	cmd := exec.Command(o.Program, args...) // #nosec G204 -- a program to test with
	cmd.Env = append(os.Environ(), o.Env...)
	return cmd
}

// ask fails unless the server answers the question without an error.
func (s *Server) ask(ctx context.Context, question dns.Question) error {
	query := new(dns.Msg).SetQuestion(dns.Fqdn(question.Name), question.Qtype)
	reply, _, err := new(dns.Client).ExchangeContext(ctx, query, s.Address)
	if err == nil && reply.Rcode != dns.RcodeSuccess {
		err = fmt.Errorf("the answer for %s is %s", question.Name, dns.RcodeToString[reply.Rcode])
	}
	return err
}

// Stop ends the server and removes its files.
func (s *Server) Stop() error {
	var err error
	if s.Process != nil {
		err = s.Process.Stop()
	}
	return errors.Join(err, os.RemoveAll(filepath.Dir(s.file)))
}

// stopAfter stops the server when the test ends, and logs its output if the
// test has failed.
func (s *Server) stopAfter(tb testing.TB) {
	tb.Helper()
	tb.Cleanup(func() {
		if err := s.Stop(); err != nil {
			tb.Error(err)
		}
		if tb.Failed() {
			tb.Logf("Output of %s:\n%s", s.cmd.Path, s.Output())
		}
	})
}
