package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"
)

// pointing is what a keys ds command was asked for.
type pointing struct {
	source             *keySource
	cuts               allCuts
	at                 instant
	asDNSKEY, asAnchor bool
}

func newKeysDS(out *output) *cobra.Command {
	var p pointing
	cmd := &cobra.Command{
		Use:   "ds ZONE (--dir DIR | --vault MOUNT/PATH)",
		Short: "Print the DS records that the parent of ZONE needs",
		Long: `Print the DS record that the CDS record names at an instant, as it stands in the
parent's zone file beside the delegation of ZONE. ZONE is the one in the Corefile.
During a roll-over of the key-signing key it is that of the new key as soon as the
parent may have it. Unbound takes the record as a trust anchor too.

With --cuts print those of every cut of ZONE: of each name that the documents grant
at or below it, whether its grant is in force or not.`,
		Example: `  persistctl keys ds _validation-persist.example.com --dir /etc/coredns/keys
  persistctl keys ds _validation-persist.example.com --dir /etc/coredns/keys --dnskey
  persistctl keys ds _validation-persist.example.com --dir /etc/coredns/keys --delv > anchor.conf
  persistctl keys ds . --cuts --policies docs/example/policies --dir /etc/coredns/keys
  persistctl keys ds example.com --cuts --policies-vault --vault persist-keys/example
  persistctl keys ds _validation-persist.example.com --vault persist-keys/example -o json`,
		Args: arity(1, 1),
	}
	p.source = registerKeySource(cmd.Flags(), "dir", "vault")
	p.cuts.register(cmd.Flags())
	p.at.register(cmd.Flags(), "the key in force at this instant")
	cmd.Flags().BoolVar(&p.asDNSKEY, "dnskey", false, "print the DNSKEY records instead, from which DS records are made")
	cmd.Flags().BoolVar(&p.asAnchor, "delv", false, "print a file for delv -a, or for named, that trusts the keys instead")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if p.asAnchor && out.format.json {
			return usagef("--delv prints a file for delv, not JSON: leave out one of --delv and -o json")
		}
		printed, err := p.run(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return out.print(cmd.OutOrStdout(), printed)
	}
	return cmd
}

func (p *pointing) run(ctx context.Context, name string) (result, error) {
	zones, err := p.cuts.zones(ctx, name, p.at.orNow())
	switch {
	case err != nil:
		return nil, err
	case p.asDNSKEY && p.asAnchor:
		return nil, usagef("--dnskey and --delv exclude each other: keep one of them")
	}
	keys, err := p.source.load(ctx)
	if err != nil {
		return nil, err
	}
	points, err := entryPoints(keys, zones, p.at.orNow())
	switch {
	case err != nil:
		return nil, err
	case p.asAnchor:
		return anchor(points), nil
	case p.asDNSKEY:
		return dnskeys(points), nil
	}
	return dsRecords(points), nil
}

// entryPoint is a key signing key and the DS record that points to it.
type entryPoint struct {
	key *dns.DNSKEY
	ds  *dns.DS
}

// entryPoints returns the keys of zones that their parents may point to.
func entryPoints(keys *dnssec.KeySet, zones []string, at time.Time) ([]entryPoint, error) {
	if keys.GoesInsecure(at) {
		return nil, errors.New("the zone goes insecure, so its parent shall have no DS: see persistctl keys insecure")
	}
	points := make([]entryPoint, 0, len(zones))
	for _, zone := range zones {
		key := keys.EntryPoint(zone, at)
		if key == nil {
			return nil, fmt.Errorf("no key signing key signs at %s: see persistctl keys status", stamp(at))
		}
		points = append(points, entryPoint{key, key.ToDS(dns.SHA256)})
	}
	return points, nil
}

// dsRecords prints as DS records.
type dsRecords []entryPoint

func (d dsRecords) text(w io.Writer) {
	for _, p := range d {
		fmt.Fprintln(w, p.ds)
	}
}

// MarshalJSON has the members that registrars ask for.
func (d dsRecords) MarshalJSON() ([]byte, error) {
	type record struct {
		Zone       string `json:"zone"`
		KeyTag     uint16 `json:"key_tag"`
		Algorithm  uint8  `json:"algorithm"`
		DigestType uint8  `json:"digest_type"`
		Digest     string `json:"digest"`
		Record     string `json:"record"`
	}
	return marshalEach(d, func(p entryPoint) record {
		return record{p.ds.Hdr.Name, p.ds.KeyTag, p.ds.Algorithm, p.ds.DigestType, p.ds.Digest, p.ds.String()}
	})
}

// dnskeys prints as DNSKEY records.
type dnskeys []entryPoint

func (d dnskeys) text(w io.Writer) {
	for _, p := range d {
		fmt.Fprintln(w, p.key)
	}
}

// MarshalJSON has the members that registrars ask for.
func (d dnskeys) MarshalJSON() ([]byte, error) {
	type record struct {
		Zone      string `json:"zone"`
		KeyTag    uint16 `json:"key_tag"`
		Flags     uint16 `json:"flags"`
		Protocol  uint8  `json:"protocol"`
		Algorithm uint8  `json:"algorithm"`
		PublicKey string `json:"public_key"`
		Record    string `json:"record"`
	}
	return marshalEach(d, func(p entryPoint) record {
		k := p.key
		return record{k.Hdr.Name, k.KeyTag(), k.Flags, k.Protocol, k.Algorithm, k.PublicKey, k.String()}
	})
}

// anchor prints as what BIND's programs trust.
type anchor []entryPoint

func (a anchor) text(w io.Writer) {
	fmt.Fprintln(w, "trust-anchors {")
	for _, p := range a {
		fmt.Fprintf(w, "\t%q static-key %d %d %d %q;\n", p.key.Hdr.Name, p.key.Flags, p.key.Protocol, p.key.Algorithm, p.key.PublicKey)
	}
	fmt.Fprintln(w, "};")
}
