// Command bench compares, on this machine, how many signed positive answers a
// second one core gives: persist, the floor (the cheapest plugin that CoreDNS
// can have) and CoreDNS's file and dnssec plugins, all in one build.
//
// Server and load generator (dnsperf) have a core each. Every server serves the
// same names with the same records; it is asked for each of them once before it
// is measured, so that signatures are made and cached, and what it answers is
// checked. The servers take turns in every round, and ratios are taken within a
// round. The result is a Markdown table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"
)

type options struct {
	server    string        // program to measure
	servers   string        // keys of the contestants, separated by commas
	names     int           // how many names there are
	rounds    int           // how often each contestant has its turn
	duration  time.Duration // of one measurement
	serverCPU int
	clientCPU int
}

func main() {
	var o options
	flag.StringVar(&o.server, "server", "", "the `program` built of ./server")
	flag.StringVar(&o.servers, "servers", strings.Join(keys(contestants), ","), "which servers to compare")
	flag.IntVar(&o.names, "names", 10_000, "how many names each server knows")
	flag.IntVar(&o.rounds, "rounds", 2, "how often each server is measured")
	flag.DurationVar(&o.duration, "duration", 8*time.Second, "how long one measurement takes, in whole seconds")
	flag.IntVar(&o.serverCPU, "server-cpu", 0, "the core of the server")
	flag.IntVar(&o.clientCPU, "client-cpu", 1, "the core of dnsperf")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures what o asks for. The table goes to out, progress to log.
func run(ctx context.Context, o options, out, log io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	chosen, err := choose(o.servers)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data, err := generate(dir, o.names, time.Now())
	if err != nil {
		return err
	}

	results := make([]result, len(chosen))
	for round := range o.rounds {
		for i, c := range chosen {
			m, err := measure(ctx, o, data, c)
			if err != nil {
				return fmt.Errorf("%s: %w", c.key, err)
			}
			fmt.Fprintf(log, "round %d of %d: %s %.0f q/s\n", round+1, o.rounds, c.key, m.rate)
			results[i].contestant = c
			results[i].rounds = append(results[i].rounds, m)
		}
	}
	_, err = io.WriteString(out, table(results))
	return err
}

func (o options) check() error {
	switch {
	case o.server == "":
		return errors.New("what is to be measured? -server names the program that go build makes of ./server")
	case o.names < 1 || o.rounds < 1 || o.duration < time.Second:
		return errors.New("-names and -rounds must be at least 1, and -duration 1s")
	case o.serverCPU == o.clientCPU:
		return errors.New("server and dnsperf need a core each: -server-cpu and -client-cpu are the same")
	}
	for _, program := range []string{"dnsperf", "taskset"} {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	return nil
}

// measure starts a contestant, has it answer every name once, and then loads it.
func measure(ctx context.Context, o options, d *data, c contestant) (measurement, error) {
	server, err := start(ctx, o, d, c)
	if err != nil {
		return measurement{}, err
	}
	m, err := load(ctx, o, d, server)
	return m, errors.Join(err, server.Stop())
}

func load(ctx context.Context, o options, d *data, s *server) (measurement, error) {
	if err := s.prove(ctx, d, d.names); err != nil {
		return measurement{}, fmt.Errorf("%w\n%s", err, s.Output())
	}
	return dnsperf{cpu: o.clientCPU, port: s.port, queries: d.queries}.run(ctx, o.duration)
}
