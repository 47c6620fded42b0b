package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/spf13/cobra"
)

func newApply(out *output) *cobra.Command {
	var p planning
	cmd := &cobra.Command{
		Use:   "apply DIR [--vault=ADDRESS]",
		Short: "Write the documents of a directory to Vault, so that no moment grants more than either end",
		Long: `Print what plan says, and do it, each write on a line of its own once it is made.

` + planningHelp + `

Each document is written by check-and-set against the version that was compared;
where somebody else has written one meanwhile, apply ends. It may be interrupted,
and run again: what is done already is not done twice. Documents are written in an
order in which no state on the way publishes anything that is published neither
before nor after; where there is none, one of them is disabled until the others are
written. At last index is written, so that servers look at once.`,
		Example: `  persistctl apply docs/example/policies --vault=https://vault.example.net:8200`,
		Args:    arity(1, 1),
	}
	p.register(cmd.Flags())
	durationFlag(cmd.Flags(), &p.settle, "settle", 0, "wait for this `DURATION` between accounts, teams and issuers, so that every server has read the ones before the others: refresh and the time of a scan")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		found, w, err := p.plan(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if len(found.Refusals) > 0 {
			return cmp.Or(out.print(cmd.OutOrStdout(), found), errFound)
		}
		progress := out.people(cmd.OutOrStdout())
		found.text(progress)
		if p.settle <= 0 && found.mixed() {
			fmt.Fprintln(progress, "These are accounts together with what bounds them: a server that scans meanwhile may hold new ones of one kind against old ones of another, for one scan. With --settle 75s each kind is read before the next is written.")
		}
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		if err := found.apply(ctx, w, p.settle, progress); err != nil {
			return err
		}
		return out.programs(cmd.OutOrStdout(), found)
	}
	return cmd
}

// interruptible returns a context that ends with the first signal to end. A second
// one ends the program at once.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// mixed reports whether accounts are written together with what bounds them.
func (p *plan) mixed() bool {
	accounts := func(s step) bool { return strings.HasPrefix(s.Document, "accounts/") }
	others := func(s step) bool { return !accounts(s) }
	return slices.ContainsFunc(p.Order, accounts) && slices.ContainsFunc(p.Order, others)
}

// apply takes the steps of a plan, and says so of each.
func (p *plan) apply(ctx context.Context, w store.Writer, settle time.Duration, progress io.Writer) error {
	for i, s := range p.Order {
		err := context.Cause(ctx)
		if err == nil && i > 0 && rank(s.change) != rank(p.Order[i-1].change) {
			err = wait(ctx, w, settle)
		}
		if err == nil {
			err = s.take(ctx, w)
		}
		if err != nil {
			return fmt.Errorf("%d of %d written, run this again for the rest: %w", i, len(p.Order), err)
		}
		fmt.Fprintf(progress, "%d of %d written: %s\n", i+1, len(p.Order), s)
	}
	p.Written = len(p.Order) > 0
	if !p.Written {
		return nil
	}
	if err := touchIndex(ctx, w); err != nil {
		return fmt.Errorf("all documents are written, and servers find them at their next refresh, because index is not: %w", err)
	}
	fmt.Fprintln(progress, "All of it is written.")
	return nil
}

// take does one write.
func (s step) take(ctx context.Context, w store.Writer) error {
	var err error
	if s.Action == remove {
		err = w.Remove(ctx, s.Document, s.Replaces)
	} else {
		err = w.Write(ctx, s.Document, s.body, s.Replaces)
	}
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%w since it was compared", err)
	}
	return err
}

// wait has servers read what is written so far.
func wait(ctx context.Context, w store.Writer, settle time.Duration) error {
	if settle <= 0 {
		return nil
	}
	if err := touchIndex(ctx, w); err != nil {
		return err
	}
	select {
	case <-time.After(settle):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// touchIndex has servers look again. That somebody else does so at the same time
// is as good, and a directory is looked at as a whole anyway.
func touchIndex(ctx context.Context, w store.Writer) error {
	if _, isDirectory := w.(*store.Directory); isDirectory {
		return nil
	}
	version := ""
	switch d, err := w.Read(ctx, store.IndexPath); {
	case err == nil:
		version = d.Version
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	body, err := json.Marshal(map[string]string{"at": time.Now().UTC().Format(time.RFC3339Nano)})
	if err == nil {
		err = w.Write(ctx, store.IndexPath, body, version)
	}
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}
