package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
)

// shape is how the names are served.
type shape string

const (
	zones   shape = ""     // each zone is one of its own
	oneZone shape = "zone" // one holds all
	cuts    shape = "cuts" // each name is one of its own
)

// compareCuts measures the names of o as cuts, and beside it in one zone.
func compareCuts(ctx context.Context, o options, out, log io.Writer) error {
	if _, err := exec.LookPath("delv"); err != nil {
		return fmt.Errorf("who is to validate? delv is missing, which is in Debian's bind9-dnsutils: %w", err)
	}
	for _, s := range []shape{oneZone, cuts} {
		o.shape = s
		fmt.Fprintf(log, "writing %d documents with %d names to Vault, to be served as %s\n", o.documents(), o.names(), s)
		fmt.Fprintf(out, "%s:\n", s)
		if err := measureShape(ctx, o, out); err != nil {
			return err
		}
	}
	return nil
}

func measureShape(ctx context.Context, o options, out io.Writer) (err error) {
	w, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	steps := []func(context.Context, io.Writer) error{w.load, w.askAll}
	if o.shape == cuts {
		steps = append(steps, w.validate)
	}
	for _, measure := range append(steps, w.idle) {
		if err := measure(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

// askAll asks for every name once, and fails unless each answer is signed.
func (w *world) askAll(ctx context.Context, out io.Writer) error {
	const atOnce = 16
	began := time.Now()
	numbers, faults := make(chan int), make(chan error, atOnce)
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for n := range numbers {
				if err := w.signed(ctx, owner(host(n%w.hosts, n/w.hosts))); err != nil {
					select {
					case faults <- err:
					default:
					}
				}
			}
		})
	}
	for n := range w.names() {
		numbers <- n
	}
	close(numbers)
	group.Wait()
	close(faults)
	if err := <-faults; err != nil {
		return err
	}
	fmt.Fprintf(out, "%d names asked for once, each signed: %.1f s\n", w.names(), time.Since(began).Seconds())
	return w.remember(out, "then")
}

// signed fails unless the server has a signed record at a name.
func (w *world) signed(ctx context.Context, name string) error {
	reply, err := w.ask(ctx, name)
	if err != nil { // a datagram may be lost
		reply, err = w.ask(ctx, name)
	}
	switch {
	case err != nil:
		return err
	case len(reply.Answer) != 2 || reply.Answer[1].Header().Rrtype != dns.TypeRRSIG:
		return fmt.Errorf("%s has no signed record: %v", name, reply)
	}
	return nil
}

// validated is how many cuts delv looks at.
const validated = 100

// validate has delv validate random cuts, each under the DS record of its own.
func (w *world) validate(ctx context.Context, out io.Writer) error {
	raw, err := dnssec.LoadDir(filepath.Join(w.dir, "keys"))
	if err != nil {
		return err
	}
	keys, err := dnssec.ParseKeys(raw)
	if err != nil {
		return err
	}
	for range validated {
		cut := owner(host(rand.IntN(w.hosts), rand.IntN(w.zones()))) // #nosec G404 -- any will do
		if err := w.delv(ctx, cut, keys.DS(cut, time.Now())[0]); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d of them at random: validated by delv, each under the DS record of its own\n", validated)
	return nil
}

func (w *world) delv(ctx context.Context, cut string, ds *dns.DS) error {
	anchor := filepath.Join(w.dir, "anchor")
	text := fmt.Sprintf("trust-anchors { %q static-ds %d %d %d %q; };\n", cut, ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
	if err := os.WriteFile(anchor, []byte(text), 0o600); err != nil {
		return err
	}
	_, port, _ := strings.Cut(w.address, ":")
	if _, err := strconv.Atoi(port); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	said, err := exec.CommandContext(limited, "delv", "@127.0.0.1", "-p", port, "-a", anchor, "+root="+cut, cut, "TXT").CombinedOutput() // #nosec G204 -- our own arguments
	if err != nil || !strings.Contains(string(said), "; fully validated") {
		return fmt.Errorf("delv does not validate %s: %w\n%s", cut, err, said)
	}
	return nil
}
