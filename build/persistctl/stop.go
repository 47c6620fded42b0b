package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// braking is what a stop or a resume command was asked for.
type braking struct {
	docs   documents
	dir    string
	stanza *stanza
	reason string
	freeze freezeAt
	setBy  string
	thaw   bool
	anew   bool // the document is written though nothing is lifted in it
	now    time.Time
	scopes []policy.Scope
}

func newBraking() *braking { return &braking{stanza: defaultStanza()} }

func (b *braking) register(flags *pflag.FlagSet) {
	b.docs.register(flags)
	flags.StringVar(&b.dir, "dir", "", "`DIR` that holds the documents, where they are not in Vault")
}

const scopesHelp = `A scope is all, issuer:ISSUER, team:TEAM, account:TEAM/ISSUER/NAME, uri:ACCOUNT-URI
or domain:NAME, which is that name and everything below.`

func newStop(out *output) *cobra.Command {
	b := newBraking()
	cmd := &cobra.Command{
		Use:   "stop SCOPE... --reason REASON (--vault[=ADDRESS] | --dir DIR)",
		Short: "Withdraw the records of scopes at once, or have all of them die by themselves",
		Long: `Write stops to the control document, which servers look at every five seconds, and
print what a stop does not end: validations and certificates that a CA has already.

` + scopesHelp + `

Who and when is written beside each stop: the display name of the token, or the
user where there is none. What is stopped already stays as it is. The document is
written by check-and-set, and what others write meanwhile is kept.

With --freeze, persistUntil stands still from that instant on, on every server, so
that all records end by themselves, those without persistUntil too. A freeze that
is there and earlier stays.`,
		Example: `  persistctl stop domain:shop.example.com --reason INC-77 --vault
  persistctl stop uri:https://acme-v02.api.letsencrypt.org/acme/acct/123 team:web --reason 'the key is stolen' --dir docs/example/policies
  persistctl stop --freeze now --reason INC-78 --vault`,
	}
	b.register(cmd.Flags())
	cmd.Flags().StringVar(&b.reason, "reason", "", "`REASON`, for whoever finds the stop, like the number of an incident")
	cmd.Flags().Var(&b.freeze, "freeze", "have rotation stand still from this `INSTANT` on, or from now")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := b.parse(cmd.Context(), args); err != nil {
			return err
		}
		done, err := b.stop(cmd.Context())
		if err != nil {
			return err
		}
		return out.print(cmd.OutOrStdout(), done)
	}
	return cmd
}

// parse reads what both commands take.
func (b *braking) parse(ctx context.Context, args []string) error {
	b.now = time.Now().UTC().Truncate(time.Second)
	for _, arg := range args {
		scope, err := b.parseScope(ctx, arg)
		if err != nil && b.docs.vault == "" && b.dir == "" && isDirectory(arg) {
			return usagef("%q is a directory, and no scope: write --dir %s", arg, arg)
		}
		if err != nil {
			return usageError{err}
		}
		b.scopes = append(b.scopes, scope)
	}
	if b.docs.vault == "" && b.dir == "" {
		return usagef("where are the documents? write --vault or --dir DIR")
	}
	return nil
}

func (b *braking) stop(ctx context.Context) (*braked, error) {
	at := b.freeze.or(b.now)
	switch {
	case len(b.scopes) == 0 && at.IsZero():
		return nil, usagef("what is to be stopped? write scopes, or --freeze now")
	case b.reason == "":
		return nil, usagef("why? write --reason REASON, for whoever finds the stop")
	}
	w, err := b.docs.writer(b.dir)
	if err != nil {
		return nil, err
	}
	why := policy.Reason{At: b.now, By: whoami(ctx, w), Reason: b.reason}
	done := &braked{}
	done.Version, err = editControl(ctx, w, func(c *policy.ControlDocument) (changed bool, err error) {
		if changed, err = done.stop(c, b.scopes, why); err == nil && !at.IsZero() {
			var frozen bool
			frozen, err = c.SetFreeze(at, why)
			done.Freeze, done.FreezeReason = freezeOf(c)
			changed = changed || frozen
		}
		done.invalid(c)
		return changed, err
	})
	if err != nil {
		return nil, b.elsewhere(at, err)
	}
	b.lookAround(ctx, done)
	return done, nil
}

// elsewhere says how to stop without Vault, where it does not answer, and who
// may, where it does not allow to.
func (b *braking) elsewhere(freeze time.Time, err error) error {
	var lines []string
	if len(b.scopes) > 0 {
		words := make([]string, 0, 1+len(b.scopes))
		words = append(words, "stop")
		for _, scope := range b.scopes {
			words = append(words, scope.String())
		}
		lines = append(lines, strings.Join(words, " "))
	}
	if !freeze.IsZero() {
		lines = append(lines, "freeze "+stamp(freeze))
	}
	way := "have every server's Corefile say in its persist block: " + strings.Join(lines, "; ")
	switch {
	case errors.As(err, &unansweredError{}):
		return fmt.Errorf("%w\nThe stop is not known to be written. Without Vault, %s", err, way)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrThrottled):
		return fmt.Errorf("%w\nNothing is stopped. Without Vault, %s", err, way)
	case errors.Is(err, store.ErrDenied):
		return fmt.Errorf("%w\nNothing is stopped. Ask an admin of persist, who may write control, or without Vault, %s", err, way)
	}
	return err
}

// braked is what a stop or a resume has come to.
type braked struct {
	Version      string     `json:"version,omitempty"`
	Stops        []stopped  `json:"stops"`
	Freeze       time.Time  `json:"freeze,omitzero"`
	FreezeReason *note      `json:"freeze_reason,omitempty"`
	Invalid      string     `json:"invalid,omitempty"` // why the document is not valid, as before
	Remains      *remaining `json:"remains,omitempty"`
	Unknown      string     `json:"unknown,omitempty"` // why what remains is not known
}

// stopped is a stop, and whether it is new.
type stopped struct {
	Scope string `json:"scope"`
	New   bool   `json:"new"`
	note
}

// note is what stands beside a stop.
type note struct {
	At     time.Time `json:"at,omitzero"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

func (n note) String() string {
	text := ""
	if !n.At.IsZero() {
		text += " since " + stamp(n.At)
	}
	if n.By != "" {
		text += ", by " + n.By
	}
	if n.Reason != "" {
		text += fmt.Sprintf(": %q", n.Reason)
	}
	return text
}

// stop adds stops, and keeps what became of each.
func (d *braked) stop(c *policy.ControlDocument, scopes []policy.Scope, why policy.Reason) (changed bool, err error) {
	d.Stops = []stopped{} // the document may be another one than at the try before
	added := map[policy.Scope]bool{}
	for _, scope := range scopes {
		isNew, err := c.Stop(scope, why)
		if err != nil {
			return false, fmt.Errorf("the control document cannot be changed: %w", err)
		}
		added[scope] = added[scope] || isNew
		changed = changed || isNew
	}
	for _, s := range c.Stops() {
		if isNew, asked := added[s.Scope]; asked {
			d.Stops = append(d.Stops, stopped{s.Scope.String(), isNew, note(s.Reason)})
		}
	}
	return changed, nil
}

// invalid keeps why a document is not valid.
func (d *braked) invalid(c *policy.ControlDocument) {
	d.Invalid = ""
	if err := c.Check(); err != nil {
		d.Invalid = err.Error()
	}
}

func freezeOf(c *policy.ControlDocument) (time.Time, *note) {
	at, why := c.Freeze()
	n := note(why)
	return at, &n
}

func (d *braked) text(w io.Writer) {
	for _, s := range d.Stops {
		state := "is stopped"
		if !s.New {
			state = "was stopped already"
		}
		fmt.Fprintf(w, "%s %s%s\n", s.Scope, state, s.note)
	}
	if !d.Freeze.IsZero() {
		fmt.Fprintf(w, "rotation stands still from %s on%s\n", stamp(d.Freeze), d.FreezeReason)
	}
	d.end(w)
}

// end prints what is said of every change.
func (d *braked) end(w io.Writer) {
	if d.Invalid != "" {
		fmt.Fprintf(w, "The document was not valid before and is not now; what it stops is added to what servers hold, and nothing of that is lifted: %s\n", d.Invalid)
	}
	if d.Version != "" {
		fmt.Fprintf(w, "It stands in %s, which servers look at every five seconds.\n", d.Version)
	}
	if d.Unknown != "" {
		fmt.Fprintf(w, "What it withdraws is not known, because the other documents cannot be looked at: %s\n", d.Unknown)
	}
	if d.Remains != nil {
		d.Remains.text(w)
	}
}

// freezeAt is the value of --freeze: an instant, or now.
type freezeAt struct {
	instant
	now bool
}

// or returns the instant meant, zero where there is none.
func (f *freezeAt) or(now time.Time) time.Time {
	if f.now {
		return now
	}
	return f.Time
}

// Set reads now, or an instant of those that documents may have.
func (f *freezeAt) Set(s string) error {
	if f.now = s == "now"; f.now {
		return nil
	}
	var err error
	f.Time, err = policy.ParseInstant(s)
	return err
}
