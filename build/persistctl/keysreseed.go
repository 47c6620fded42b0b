package main

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/spf13/cobra"
)

func newKeysReseed(out *output) *cobra.Command {
	var urgent bool
	cmd := editor(out, "reseed [--now]", "Have zone-signing keys come from a new seed",
		`Add a new seed, from which zone-signing keys come from the end of an epoch on. As
in every roll-over of such keys, the first new one is published before, and the
last old one kept after, for as long as caches need them.

Each server must read the document before the first new key is published, 26 hours
before the takeover where dnskey_ttl is 3600: keys status --servers names those
that lack it from then on.

With --now the new seed takes over as soon as the first new key can be in every
cache, 26 hours and the dnskey_ttl from now, and one that was to come later is
dropped. A third seed is refused until the first is out of use, a few days later.
This is for a seed that was stolen: until the last old key is removed, at the instant that
keys status gives, the thief can sign. Whoever has read the whole document has the
key-signing key too, and can sign until that is rolled: see keys roll-ksk.`,
		`  persistctl keys reseed --dir /etc/coredns/keys
  persistctl keys reseed --now --vault persist-keys/example`,
		func(raw []byte, now time.Time) ([]byte, string, error) {
			reseed := dnssec.Reseed
			if urgent {
				reseed = dnssec.ReseedNow
			}
			after, start, err := reseed(raw, now, rand.Reader)
			return after, fmt.Sprintf("The new seed takes over at %s.", stamp(start)), err
		})
	cmd.Flags().BoolVar(&urgent, "now", false, "take over as soon as caches allow, after a theft")
	return cmd
}
