package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// bounds of --weeks.
const (
	defaultWeeks = 8
	mostWeeks    = 52
)

// signing is what a keys sign command was asked for.
type signing struct {
	source *keySource
	seeds  *kskSource
	weeks  int
	now    func() time.Time
}

func newKeysSign(out *output) *cobra.Command {
	s := signing{now: time.Now}
	cmd := &cobra.Command{
		Use:   "sign [ZONE...] (--dir DIR | --vault MOUNT/PATH) [--ksk-dir DIR | --ksk-vault MOUNT/PATH]",
		Short: "Sign the DNSKEY RRsets of weeks ahead with a KSK that servers do not have",
		Long: `Sign the DNSKEY, CDS and CDNSKEY RRsets of ZONEs for the coming weeks, with key
signing keys that are kept away from the servers, and store them beside the key
document, where servers find them: ` + dnssec.BundleFile + ` in DIR, or in Vault at the path of the
key document with ` + dnssec.BundleSuffix + ` behind it. Without ZONE those that the key document
names, or else those that were signed before.

A key in Vault's Transit engine is found by the key document; for another one
say where its KSK document is. Run it every day: what is signed already and is
still right stays as it is, and without a need nothing is written.`,
		Example: `  persistctl keys sign example.com --dir /etc/coredns/keys-away --ksk-dir /etc/coredns/keys-ksk
  persistctl keys sign _validation-persist.example.com --vault persist-keys/away --weeks 4
  persistctl keys sign --vault persist-keys/away`,
	}
	s.source = registerKeySource(cmd.Flags(), "dir", "vault")
	s.seeds = registerKSKSource(cmd.Flags())
	s.registerWeeks(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		reached, err := s.run(cmd.Context(), args)
		if err != nil {
			return err
		}
		return out.print(cmd.OutOrStdout(), reached)
	}
	return cmd
}

func (s *signing) registerWeeks(flags *pflag.FlagSet) {
	flags.IntVar(&s.weeks, "weeks", defaultWeeks, "`NUMBER` of weeks that bundles reach ahead, 1 to 52")
}

func (s *signing) check() error {
	switch {
	case s.weeks < 1 || s.weeks > mostWeeks:
		return usagef("--weeks is %d: write 1 to %d", s.weeks, mostWeeks)
	case s.seeds.isSet():
		return s.seeds.check()
	}
	return nil
}

func (s *signing) run(ctx context.Context, names []string) (signedZones, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	keys, err := s.source.load(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys.Away()) == 0 {
		return nil, fmt.Errorf("%s: no KSK is kept away, servers have them all and sign by themselves", s.source)
	}
	b, err := s.source.bundles(ctx, keys)
	if err != nil {
		return nil, err
	}
	zones, err := zonesToSign(names, keys, b.Bundles)
	if err != nil {
		return nil, err
	}
	return s.sign(ctx, keys, b, zones, b.Sign)
}

// zonesToSign are the zones that are named, or else those of the key document,
// or else those that have bundles.
func zonesToSign(names []string, keys *dnssec.KeySet, b *dnssec.Bundles) ([]string, error) {
	zones := make([]string, 0, len(names))
	for _, name := range names {
		zone, err := origin(name)
		if err != nil {
			return nil, err
		}
		zones = append(zones, zone)
	}
	for _, known := range [][]string{keys.Zones, b.Zones()} {
		if len(zones) == 0 {
			zones = known
		}
	}
	if len(zones) == 0 {
		return nil, usagef("which zones? Name them: the key document does not, and none was signed before")
	}
	return zones, nil
}

// signFunc is how bundles are signed, such as [dnssec.Bundles.Sign].
type signFunc func(keys *dnssec.KeySet, origin string, from, until time.Time, private dnssec.SignerOf) (int, error)

// sign signs what is missing, and writes if there is anything new. how is a
// method of b.
func (s *signing) sign(ctx context.Context, keys *dnssec.KeySet, b *storedBundles, zones []string, how signFunc) (signedZones, error) {
	before, err := b.Marshal()
	if err != nil {
		return nil, err
	}
	now := s.now().UTC().Truncate(time.Second)
	until := now.AddDate(0, 0, 7*s.weeks)
	private := privateHalves(ctx, keys, s.seeds)
	result := make(signedZones, 0, len(zones))
	b.Prune(now)
	for _, zone := range zones {
		signed, err := how(keys, zone, now, until, private)
		if err != nil {
			return nil, err
		}
		result = append(result, signedZone{Zone: zone, Signed: signed})
	}
	after, err := b.Marshal()
	if err != nil {
		return nil, err
	}
	if b.raw == nil || !bytes.Equal(before, after) {
		if err := b.write(ctx, after); err != nil {
			return nil, err
		}
	}
	keys.UseBundles(b.Bundles, now) // verified when they were made
	for i := range result {
		result[i].Until, _ = keys.BundlesEnd(result[i].Zone, now)
	}
	return result, nil
}

// signedZones is until when zones are signed.
type signedZones []signedZone

type signedZone struct {
	Zone   string    `json:"zone"`
	Signed int       `json:"signed"` // by this command
	Until  time.Time `json:"until"`
}

func (z signedZones) text(w io.Writer) {
	rows := make([][]string, 0, 1+len(z))
	rows = append(rows, []string{"ZONE", "SIGNED NOW", "UNTIL"})
	for _, one := range z {
		rows = append(rows, []string{one.Zone, strconv.Itoa(one.Signed), stamp(one.Until)})
	}
	table(w, rows...)
}
