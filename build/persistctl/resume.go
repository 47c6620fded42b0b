package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/spf13/cobra"
)

func newResume(out *output) *cobra.Command {
	b := newBraking()
	cmd := &cobra.Command{
		Use:   "resume SCOPE... (--vault[=ADDRESS] | --dir DIR)",
		Short: "Lift stops, those that are named and no others",
		Long: `Remove stops from the control document by check-and-set. What is not stopped is no
mistake. A stop that says it is somebody else's is not lifted, unless --set-by names
who that is. What keeps names stopped all the same is printed.

` + scopesHelp + `

A server lifts what a newer version of the document leaves out, and while config is
deleted nothing. After a restore the document may be without a stop that a server
has read before, and goes on to hold, since an older version lifts nothing: --anew
writes the document once more, which lifts everything that is not in it.

With --unfreeze, rotation moves on. Stops and freezes of a server's Corefile are
not in the document, and stay.`,
		Example: `  persistctl resume domain:shop.example.com --vault
  persistctl resume team:web --set-by alice --dir docs/example/policies
  persistctl resume --unfreeze --vault`,
	}
	b.register(cmd.Flags())
	cmd.Flags().StringVar(&b.setBy, "set-by", "", "lift what `NAME` has stopped or frozen, as persistctl stop prints it")
	cmd.Flags().BoolVar(&b.thaw, "unfreeze", false, "have rotation move on")
	cmd.Flags().BoolVar(&b.anew, "anew", false, "write the document once more also where nothing is lifted in it, so that servers take it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := b.parse(cmd.Context(), args); err != nil {
			return err
		}
		if len(b.scopes) == 0 && !b.thaw && !b.anew {
			return usagef("what is to be lifted? write scopes, --unfreeze, or --anew")
		}
		done, err := b.resume(cmd.Context())
		if err != nil {
			return err
		}
		return out.print(cmd.OutOrStdout(), done)
	}
	return cmd
}

func (b *braking) resume(ctx context.Context) (*resumed, error) {
	w, err := b.docs.writer(b.dir)
	if err != nil {
		return nil, err
	}
	me := whoami(ctx, w)
	done := &resumed{}
	done.Version, err = editControl(ctx, w, func(c *policy.ControlDocument) (bool, error) {
		if err := c.Check(); err != nil {
			return false, fmt.Errorf("the control document is not valid, and then lifts nothing: correct it first: %w", err)
		}
		*done = resumed{Lifted: []stopped{}, Idle: []string{}, Held: []string{}, now: b.now}
		if err := done.lift(c, b.scopes, me, b.setBy); err != nil {
			return false, err
		}
		if b.thaw {
			if err := done.unfreeze(c, me, b.setBy); err != nil {
				return false, err
			}
		}
		done.Anew = b.anew
		return b.anew || len(done.Lifted) > 0 || !done.Frozen.At.IsZero(), nil
	})
	switch {
	case errors.Is(err, store.ErrDenied):
		return nil, fmt.Errorf("%w\nNothing is lifted. Ask an admin of persist, who may write control", err)
	case err != nil:
		return nil, err
	}
	if done.Unvouched = unvouched(ctx, w); done.Unvouched == "" {
		b.stillHeld(ctx, done)
	}
	return done, nil
}

// unvouched says why servers lift nothing by the control document, empty where
// config vouches for it, or cannot be read.
func unvouched(ctx context.Context, w store.Writer) string {
	switch d, err := w.Read(ctx, store.ConfigPath); {
	case errors.Is(err, store.ErrNotFound):
		return "there is no config: write it again"
	case err == nil && d.Withdrawn:
		return d.ID() + " is deleted: " + d.Remedy("write it again")
	}
	return ""
}

// resumed is what a resume has come to.
type resumed struct {
	Version string    `json:"version,omitempty"`
	Lifted  []stopped `json:"lifted"`
	Idle    []string  `json:"not_stopped"`
	Frozen  note      `json:"was_frozen,omitzero"` // who had frozen rotation; At is from when on
	Moving  bool      `json:"was_not_frozen,omitempty"`
	Held    []string  `json:"still_in_force"` // what holds all the same, in words
	Unknown string    `json:"unknown,omitempty"`
	// Unvouched is why servers lift nothing for now.
	Unvouched string `json:"servers_lift_nothing,omitempty"`
	Anew      bool   `json:"written_anew,omitempty"`

	now time.Time
}

// lift removes the stops of scopes that are me's, setBy's or nobody's.
func (d *resumed) lift(c *policy.ControlDocument, scopes []policy.Scope, me, setBy string) error {
	stops := c.Stops()
	for _, scope := range scopes {
		i := slices.IndexFunc(stops, func(s policy.Stop) bool { return s.Scope == scope })
		if i < 0 {
			d.Idle = append(d.Idle, scope.String())
			continue
		}
		n := note(stops[i].Reason)
		if !isOwn(n.By, me, setBy) {
			return fmt.Errorf("%s is stopped%s: to lift it all the same, write --set-by %q", scope, n, n.By)
		}
		c.Lift(scope)
		d.Lifted = append(d.Lifted, stopped{scope.String(), false, n})
	}
	return nil
}

// isOwn reports whether what by has set may be lifted by me.
func isOwn(by, me, setBy string) bool { return by == "" || by == me || by == setBy }

func (d *resumed) unfreeze(c *policy.ControlDocument, me, setBy string) error {
	at, why := freezeOf(c)
	if !at.IsZero() && !isOwn(why.By, me, setBy) {
		return fmt.Errorf("rotation stands still from %s on%s: to have it move all the same, write --set-by %q", stamp(at), why, why.By)
	}
	if d.Moving = !c.Thaw(); !d.Moving {
		d.Frozen = note{at, why.By, why.Reason}
	}
	return nil
}

// thawed says what a freeze that is lifted has done, or was to do.
func (d *resumed) thawed() string {
	if from := d.Frozen.At; from.After(d.now) {
		return "it was to stand still from " + stamp(from) + note{By: d.Frozen.By, Reason: d.Frozen.Reason}.String()
	}
	return "it stood still" + d.Frozen.String()
}

func (d *resumed) text(w io.Writer) {
	what := "is lifted"
	if d.Unvouched != "" {
		what = "is taken out of the document"
	}
	for _, s := range d.Lifted {
		fmt.Fprintf(w, "%s %s; it was stopped%s\n", s.Scope, what, s.note)
	}
	for _, s := range d.Idle {
		fmt.Fprintf(w, "%s was not stopped in the document\n", s)
	}
	if len(d.Idle) > 0 && !d.Anew {
		fmt.Fprintln(w, "If a server stops it all the same, it has read a document from before a restore: --anew writes this one once more, which lifts all that is not in it.")
	}
	if !d.Frozen.At.IsZero() {
		fmt.Fprintf(w, "rotation moves on; %s\n", d.thawed())
	}
	if d.Moving {
		fmt.Fprintln(w, "rotation did not stand still")
	}
	if d.Version != "" {
		fmt.Fprintf(w, "It stands in %s, which servers look at every five seconds.\n", d.Version)
	}
	if d.Unvouched != "" {
		fmt.Fprintf(w, "Servers lift nothing for now: %s.\n", d.Unvouched)
	}
	if d.Unknown != "" {
		fmt.Fprintf(w, "What stays stopped is not known, because the other documents cannot be looked at: %s\n", d.Unknown)
	}
	for _, held := range d.Held {
		fmt.Fprintln(w, held)
	}
}
