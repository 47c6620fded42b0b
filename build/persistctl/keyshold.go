package main

import (
	"fmt"
	"io"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/spf13/cobra"
)

// revised is a key document that was just changed: what that means, and the
// state of its keys.
type revised struct {
	Effect string      `json:"effect"`
	Keys   keySetState `json:"keys"`
}

func (r *revised) text(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n", r.Effect)
	r.Keys.text(w)
}

// editor returns the command that changes a key document as change does, and
// tells the effect.
func editor(out *output, use, short, long, example string, change func(raw []byte, now time.Time) (after []byte, effect string, err error)) *cobra.Command {
	cmd := &cobra.Command{Use: use + " (--dir DIR | --vault MOUNT/PATH)", Short: short, Long: long, Example: example, Args: arity(0, 0)}
	source := registerKeySource(cmd.Flags(), "dir", "vault")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		now := time.Now().UTC().Truncate(time.Second)
		var effect string
		keys, err := source.edit(cmd.Context(), func(raw []byte) (after []byte, err error) {
			after, effect, err = change(raw, now)
			return after, err
		})
		if err != nil {
			return err
		}
		if away := keys.Away(); len(away) > 0 {
			effect += fmt.Sprintf(" Servers take it over when bundles fit it: run persistctl keys sign %s%s.", source, besides(away))
		}
		return out.print(cmd.OutOrStdout(), &revised{effect, keysAt(keys, now)})
	}
	return cmd
}

func newKeysHold(out *output) *cobra.Command {
	var reason string
	cmd := editor(out, "hold [--reason TEXT]", "Have the lives of key-signing keys stand still",
		`Have the lives of key-signing keys stand still from now on: none is published,
begins to sign, is offered to a parent, or goes, until keys resume. A roll-over
may be held in any step for any time. Zone-signing keys go on to roll.`,
		`  persistctl keys hold --dir /etc/coredns/keys --reason "CHG-1234, change of registrar"`,
		func(raw []byte, now time.Time) ([]byte, string, error) {
			after, err := dnssec.Hold(raw, reason, now)
			return after, "Key-signing keys stand still until persistctl keys resume.", err
		})
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that keys status repeats")
	return cmd
}

func newKeysResume(out *output) *cobra.Command {
	return editor(out, "resume", "Have the lives of key-signing keys go on",
		`End what keys hold began. All that was to come comes later by as long as the hold
was, so that no wait becomes shorter.`,
		`  persistctl keys resume --dir /etc/coredns/keys`,
		func(raw []byte, now time.Time) ([]byte, string, error) {
			after, err := dnssec.Resume(raw, now)
			return after, "Key-signing keys go on.", err
		})
}

func newKeysInsecure(out *output) *cobra.Command {
	var undo bool
	cmd := editor(out, "insecure [--undo]", "Ask the parents to remove their DS records",
		`Ask the parents to remove the DS records, by the CDS and CDNSKEY records of RFC
8078 section 4. Where a parent does not look for them, remove the DS by hand. The
zone stays signed, and with --undo CDS names the key again. To have it unsigned,
wait until keys status --parents finds no DS any more, and then for the TTL that
the DS had, before keys none stands in the Corefile.`,
		`  persistctl keys insecure --dir /etc/coredns/keys
  persistctl keys insecure --undo --dir /etc/coredns/keys`,
		func(raw []byte, now time.Time) ([]byte, string, error) {
			if undo {
				after, err := dnssec.StaySecure(raw, now)
				return after, "CDS and CDNSKEY name the key-signing key again.", err
			}
			after, err := dnssec.GoInsecure(raw, now)
			return after, "CDS and CDNSKEY ask the parents to remove their DS. The zone stays signed.", err
		})
	cmd.Flags().BoolVar(&undo, "undo", false, "have CDS and CDNSKEY name the key-signing key again")
	return cmd
}
