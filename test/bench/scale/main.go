// Command scale measures, on this machine, a server of persist with many names:
// by default a million in a thousand documents of a real Vault, in ten thousand
// zones. It prints how long loading takes, what memory the server needs, what
// processor time a scan costs that finds nothing new, how soon an edit is
// served, and how long queries wait meanwhile. With -cuts it measures what it
// costs that each name is a zone of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

type options struct {
	server string // program to measure
	installation
	shape   shape
	denial  string        // how names are denied: the property of the stanza
	scans   int           // how many scans without a change are measured
	refresh time.Duration // from one scan to the next
}

func main() {
	o := options{installation: installation{accounts: 10, domains: 10, hosts: 100}}
	flag.StringVar(&o.server, "server", "", "the `program` built of build/coredns")
	flag.IntVar(&o.teams, "teams", 100, fmt.Sprintf("how many teams there are, of %d documents with %d names in %d zones each", o.accounts, o.domains*o.hosts, o.domains))
	flag.IntVar(&o.scans, "scans", 3, "over how many scans the processor time is measured")
	flag.DurationVar(&o.refresh, "refresh", 15*time.Second, "how often the server scans")
	flag.StringVar(&o.denial, "denial", "compact", "how the server denies names: `compact or nsec`")
	asCuts := flag.Bool("cuts", false, "measure how names are served that are zones of their own each, beside the same in one zone")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	measure := run
	if *asCuts {
		measure = compareCuts
	}
	if err := o.check(); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(2)
	}
	if err := measure(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// check refuses what cannot be measured.
func (o options) check() error {
	switch {
	case o.server == "":
		return errors.New("what is to be measured? -server names the program that go build makes of build/coredns")
	case o.denial != "compact" && o.denial != "nsec":
		return fmt.Errorf("-denial %q is none: write compact or nsec", o.denial)
	case o.teams < 1 || o.scans < 1:
		return errors.New("-teams and -scans must be at least 1")
	}
	return nil
}

// run measures what o asks for. The figures go to out, progress to log.
func run(ctx context.Context, o options, out, log io.Writer) (err error) {
	fmt.Fprintf(log, "writing %d documents with %d names in %d zones to Vault\n", o.documents(), o.names(), o.zones())
	w, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	for _, measure := range []func(context.Context, io.Writer) error{w.load, w.idle, w.edit, w.halt} {
		if err := measure(ctx, out); err != nil {
			return err
		}
	}
	return nil
}
