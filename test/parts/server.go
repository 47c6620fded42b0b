package parts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"
)

// Server is a DNS server on a port of its own.
type Server struct {
	*Process

	Address string // 127.0.0.1:PORT, over UDP and TCP

	file string // its configuration, alone in its directory
}

// startServer starts a program, which takes the name of its configuration file
// as its last argument, and returns when it answers the question ready on port
// without an error.
func startServer(ctx context.Context, port int, configuration string, ready dns.Question, program string, args ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", filepath.Base(program))
	if err != nil {
		return nil, err
	}
	s := &Server{Address: fmt.Sprintf("127.0.0.1:%d", port), file: filepath.Join(dir, "conf")}
	err = os.WriteFile(s.file, []byte(configuration), 0o600)
	if err == nil {
		s.Process, err = Start(exec.Command(program, append(args, s.file)...)) // #nosec G204 -- a program to test with
	}
	if err == nil {
		err = s.Retry(ctx, func(ctx context.Context) error { return s.ask(ctx, ready) })
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
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
