package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// server is a running contestant.
type server struct {
	*parts.Process

	port int
}

// start runs a contestant on its core and returns when it answers as d wants.
func start(ctx context.Context, o options, d *data, c contestant) (*server, error) {
	port, err := parts.FreePort()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(d.dir, c.key+".corefile")
	if err := os.WriteFile(conf, []byte(corefile(c, d, port)), files); err != nil {
		return nil, err
	}
	cmd := exec.Command("taskset", "-c", strconv.Itoa(o.serverCPU), o.server, "-conf", conf) // #nosec G204 -- the program to measure
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	process, err := parts.Start(cmd)
	if err != nil {
		return nil, err
	}
	s := &server{process, port}
	if err := s.Retry(ctx, func(ctx context.Context) error { return s.prove(ctx, d, 1) }); err != nil {
		_ = s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *server) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// prove asks for the first n names, each once, so that their signatures are
// made. It fails where an answer is not the one that d grants.
func (s *server) prove(ctx context.Context, d *data, n int) error {
	client := new(dns.Client)
	conn, err := client.DialContext(ctx, s.address())
	if err != nil {
		return err
	}
	defer conn.Close()
	for i := range n {
		reply, _, err := client.ExchangeWithConnContext(ctx, question(owner(i), dns.TypeTXT), conn)
		if err != nil {
			return fmt.Errorf("%s: %w", owner(i), err)
		}
		if err := d.check(i, reply); err != nil {
			return fmt.Errorf("%s: %w", owner(i), err)
		}
	}
	return nil
}

// question is a query as dnsperf sends it.
func question(name string, rrtype uint16) *dns.Msg {
	return new(dns.Msg).SetQuestion(name, rrtype).SetEdns0(4096, true)
}
