package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/coredns-persist/persist/test/parts"
)

// world is the server that is measured, and what it needs.
type world struct {
	options
	dir   string
	vault *parts.Vault
	reads *reads

	*parts.Process
	address string
}

// start starts everything but the server.
func start(ctx context.Context, o options) (*world, error) {
	w := &world{options: o}
	var err error
	if w.dir, err = os.MkdirTemp("", "scale-"); err != nil {
		return nil, err
	}
	if w.vault, err = parts.StartVault(ctx, parts.VaultOptions{}); err != nil {
		return nil, errors.Join(err, w.stop())
	}
	if err = w.write(ctx, w.vault); err == nil {
		w.reads, err = newReads(w.vault.Address)
	}
	if err != nil {
		return nil, errors.Join(err, w.stop())
	}
	return w, nil
}

func (w *world) stop() error {
	var errs []error
	if w.Process != nil {
		errs = append(errs, w.Stop())
	}
	if w.reads != nil {
		w.reads.Close()
	}
	if w.vault != nil {
		errs = append(errs, w.vault.Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(w.dir))...)
}

// load measures a start.
func (w *world) load(ctx context.Context, out io.Writer) error {
	cmd, err := w.command()
	if err != nil {
		return err
	}
	began := time.Now()
	if w.Process, err = parts.Start(cmd); err != nil {
		return err
	}
	loaded, err := w.await(ctx, owner(host(w.hosts-1, w.zones()-1)), true)
	if err != nil {
		return err
	}
	used, err := cpu(w.PID())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "loading %d names of %d documents%s: %.1f s, of which %.1f s of processor time\n",
		w.names(), w.documents(), w.shaped(), loaded.Sub(began).Seconds(), used.Seconds())
	return w.remember(out, "then")
}

// command is how the server is run.
func (w *world) command() (*exec.Cmd, error) {
	port, err := parts.FreePort()
	if err != nil {
		return nil, err
	}
	w.address = fmt.Sprintf("127.0.0.1:%d", port)
	conf := filepath.Join(w.dir, "Corefile")
	stanza := w.stanza(w.reads.URL, filepath.Join(w.dir, "keys"))
	if err := os.WriteFile(conf, fmt.Appendf(nil, ".:%d {\nbind 127.0.0.1\n%s\n}\n", port, stanza), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(w.server, "-conf", conf) // #nosec G204 -- the program to measure
	cmd.Env = append(os.Environ(), "VAULT_TOKEN="+w.vault.RootToken)
	return cmd, nil
}

func (w *world) remember(out io.Writer, when string) error {
	now, most, err := memory(w.PID())
	if err == nil {
		fmt.Fprintf(out, "memory %s: %d MiB resident, %d at the most\n", when, now, most)
	}
	return err
}

// idle measures scans that find nothing new.
func (w *world) idle(ctx context.Context, out io.Writer) error {
	if err := w.nextScan(ctx); err != nil {
		return err
	}
	before, err := cpu(w.PID())
	if err != nil {
		return err
	}
	for range w.scans {
		if err := w.nextScan(ctx); err != nil {
			return err
		}
	}
	after, err := cpu(w.PID())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "a scan of an unchanged store: %.2f s of processor time\n", (after-before).Seconds()/float64(w.scans))
	return w.remember(out, "after some scans")
}

// nextScan returns when a scan begins: each reads the sentinel once.
func (w *world) nextScan(ctx context.Context) error {
	return w.reads.await(ctx, "config")
}

// edit measures how soon a name that is granted is served, and how long
// queries wait meanwhile.
func (w *world) edit(ctx context.Context, out io.Writer) error {
	quiet := w.query()
	if err := w.nextScan(ctx); err != nil {
		return err
	}
	quiet.end()
	path, fqdn := account(w.teams/2, 0), "new."+zone(w.teams/2*w.accounts*w.domains)
	if err := w.vault.Put(ctx, mount, path, w.account(w.teams/2, 0, fqdn)); err != nil {
		return err
	}
	busy := w.query()
	if err := w.reads.await(ctx, path); err != nil {
		return err
	}
	_, read := w.reads.of(path)
	served, err := w.await(ctx, owner(fqdn), true)
	if err != nil {
		return err
	}
	busy.end()
	fmt.Fprintf(out, "one name more: served %.2f s after its document was read\n", served.Sub(read).Seconds())
	fmt.Fprintf(out, "queries through a scan without a change: %s\n", quiet)
	fmt.Fprintf(out, "queries through a scan with one: %s\n", busy)
	return errors.Join(quiet.err, busy.err)
}

// halt measures what changes most: everything is stopped, and goes on.
func (w *world) halt(ctx context.Context, out io.Writer) error {
	for _, control := range []string{`{"stop": {"all": {}}}`, `{}`} {
		stopped := control != `{}`
		if err := w.vault.Put(ctx, mount, "control", control); err != nil {
			return err
		}
		q := w.query()
		if err := w.reads.await(ctx, "control"); err != nil {
			return err
		}
		_, read := w.reads.of("control")
		at, err := w.await(ctx, owner(host(0, 0)), !stopped)
		if err != nil {
			return err
		}
		q.end()
		fmt.Fprintf(out, "control %s: served %.2f s after it was read; queries meanwhile: %s\n", control, at.Sub(read).Seconds(), q)
		if err := w.remember(out, "then"); err != nil {
			return err
		}
	}
	return nil
}
