package main

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

const rollKSKHelp = `Replace the key-signing key by a new one, without a moment at which any resolver
holds a chain of trust that is broken (the Double-KSK method of RFC 7583). Each
run does the step that is due, and prints what is waited for until when:

  1. A new key is added, to be published and to sign in an hour. Refused unless every
     server of every parent has a DS record of the key in force.
  2. Once every server of every ZONE is seen to serve it, CDS and CDNSKEY name it as
     of the instant at which it is in every cache. A server that has not followed, or
     cannot be asked, is waited for: it would be bogus with the new DS.
  3. The parents take the new DS, by themselves if they look for CDS; else put it
     there: persistctl keys ds prints it. That may take for ever.
  4. Once it is seen at every server of every parent, and every server of every ZONE
     is seen again, the old key gets its end: when no cache has the old DS RRset any
     more.
  5. The old key is removed, and dropped from the document when every server is seen
     a last time.

A key that is kept away from the servers is followed by one in the same place: a
new version of the key in Transit, or a new seed in the KSK document, of which
--ksk-dir or --ksk-vault says where it is. The bundles for each step are there
before it, and each run does what keys sign does too.

ZONE is every zone that is signed with the keys. It is remembered, so that later
runs need none.

With --cuts the keys sign every cut of ZONE, which may be thousands, and whose
parents are other people's. Both keys are published and sign for as long as it
takes, so owners may be handed the new DS in groups, over months. Each run
that asks their parents counts of which keys they have the DS, and names the
stragglers; while time alone is waited for, nobody is asked. A cut without a
DS, or with one of neither key, is not waited for: nothing of it depends on the old
key. That goes when the parents of all others are seen with the new DS, and a week
later than that. Who never follows is given up with --forget, in every run from
then on: the chain of trust of such a cut breaks with the end of the old key.

Run it from a timer until its status is 0, or with --watch as a
job. It may end at any moment and be run again, on another machine too; keys hold
makes it wait. The exit status is 0 if the roll-over is finished or none is due,
and 3 if something has to be waited for.`

const rollKSKExample = `  persistctl keys roll-ksk _validation-persist.example.com --dir /etc/coredns/keys
  persistctl keys roll-ksk --dir /etc/coredns/keys
  persistctl keys roll-ksk --vault persist-keys/example --older-than 8760h --watch
  persistctl keys roll-ksk example.com --dir keys --resolver 192.0.2.53:53
  persistctl keys roll-ksk --dir keys --without-server 192.0.2.7
  persistctl keys roll-ksk example.com --dir /etc/coredns/keys-away --ksk-dir /etc/coredns/keys-ksk
  persistctl keys roll-ksk example.com --vault persist-keys/away
  persistctl keys roll-ksk . --cuts --policies docs/example/policies --dir /etc/coredns/keys
  persistctl keys roll-ksk --cuts --policies-vault --vault persist-keys/example --forget _validation-persist.gone.example.com -o json`

func newKeysRollKSK(out *output) *cobra.Command {
	r := rolling{signing: signing{now: time.Now}, sleep: sleep, random: rand.Reader, met: metCuts{}}
	var watch bool
	cmd := &cobra.Command{
		Use:     "roll-ksk [ZONE...] [--cuts (--policies DIR | --policies-vault)] (--dir DIR | --vault MOUNT/PATH) [--ksk-dir DIR | --ksk-vault MOUNT/PATH]",
		Short:   "Replace the key-signing key, step by step",
		Long:    rollKSKHelp,
		Example: rollKSKExample,
		Args:    cobra.ArbitraryArgs,
	}
	r.source = registerKeySource(cmd.Flags(), "dir", "vault")
	r.seeds = registerKSKSource(cmd.Flags())
	r.finder = registerFinder(cmd.Flags())
	r.cuts.register(cmd.Flags())
	r.registerWeeks(cmd.Flags())
	durationFlag(cmd.Flags(), &r.olderThan, "older-than", 7*24*time.Hour, "`DURATION` for which a key must have been in force before it is replaced, so that a timer does not begin again")
	cmd.Flags().BoolVar(&watch, "watch", false, "go on until the roll-over is finished, in steps of at most an hour")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := r.roll(args); err != nil {
			return err
		}
		r.tally = newTally(out.people(cmd.ErrOrStderr()), time.Now)
		tell := func(s *rollState) error { return out.print(cmd.OutOrStdout(), s) }
		if watch {
			return r.watch(cmd.Context(), tell, cmd.ErrOrStderr())
		}
		s, err := r.run(cmd.Context())
		if err != nil {
			return err
		}
		if err := tell(s); err != nil || s.done() {
			return err
		}
		return errWaits
	}
	return cmd
}

// roll takes the zones to be rolled.
func (r *rolling) roll(zones []string) error {
	for _, name := range zones {
		zone, err := r.zone(name)
		if err != nil {
			return err
		}
		r.zones = append(r.zones, zone)
	}
	slices.Sort(r.zones)
	r.zones = slices.Compact(r.zones)
	if err := r.cuts.check(); err != nil {
		return err
	}
	if _, err := r.cuts.forgotten(); err != nil {
		return err
	}
	return r.check()
}
