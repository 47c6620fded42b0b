package main

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// delegating is what a delegate command was asked for.
type delegating struct {
	docs           documents
	stanza         *stanza
	keys           *keySource
	at             instant
	ttl            uint32
	all            bool
	overlay, asHCL bool

	below []record.FQDN // granted with all names below, as far as --all tells
}

const delegateHelp = `Print the records that the zone which holds each NAME needs, so that a CA finds what
the server answers, as a zone file that says in comments what to mind:

  --zone ZONE --targets  a CNAME for each NAME, into the zone of targets
  --ns NAMES             NS for the zone of each NAME's label, and DS with --keys
  --zone ZONE --ns NAMES NS for ZONE itself, and DS with --keys; NAME may be left out
  --zone ZONE --cuts     with --ns as without ZONE, which may be . and holds each NAME
  --overlay              nothing: the zone is there already

The flags are what the Corefile says. --keys and --keys-vault are as in keys ds: the DS
record is that which the parent may have at the instant --at. --all stands for every
name that the documents grant, whether its grant is served at present or not.

The exit status is 1 if a NAME can have no such record.`

func newDelegate(out *output) *cobra.Command {
	d := delegating{stanza: defaultStanza()}
	cmd := &cobra.Command{
		Use:   "delegate [NAME... | --all [DIR | --vault[=ADDRESS]]]",
		Short: "Print what leads from the zones of names to the server",
		Long:  delegateHelp,
		Example: `  persistctl delegate www.example.com '*.example.org' --zone persist.example.net --targets
  persistctl delegate --all docs/example/policies --zone persist.example.net --targets --terraform
  persistctl delegate example.com api.example.com --ns ns1.example.net,ns2.example.net --keys /etc/coredns/keys
  persistctl delegate --zone persist.example.net --targets --ns ns1.example.net --keys-vault persist-keys/example -o json`,
	}
	d.register(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if d.asHCL && out.format.json {
			return usagef("--terraform prints a configuration, not JSON: leave out one of --terraform and -o json")
		}
		printed, err := d.run(cmd.Context(), args)
		if err != nil {
			return err
		}
		var shown result = printed
		if d.asHCL {
			shown = locals{printed}
		}
		if err := out.print(cmd.OutOrStdout(), shown); err != nil {
			return err
		}
		if len(printed.Impossible) > 0 {
			return errFound
		}
		return nil
	}
	return cmd
}

func (d *delegating) register(flags *pflag.FlagSet) {
	d.docs.register(flags)
	flags.StringVar(&d.stanza.zone, "zone", "", "`ZONE` that the server serves, as in the Corefile; by default that of each NAME's label")
	flags.BoolVar(&d.stanza.cuts, "cuts", false, "the stanza has cuts, as in the Corefile: each name in --zone, which may be ., is a zone of its own")
	d.stanza.registerTargets(flags)
	flags.StringSliceVar(&d.stanza.ns, "ns", nil, "`NAMES` of the zone's servers, as in the Corefile, with commas between")
	d.keys = registerKeySource(flags, "keys", "keys-vault")
	d.at.register(flags, "the DS record of this instant")
	flags.Uint32Var(&d.ttl, "ttl", 3600, "TTL of the records printed, in `SECONDS`")
	flags.BoolVar(&d.all, "all", false, "for every name that the documents grant")
	flags.BoolVar(&d.overlay, "overlay", false, "the server answers inside a zone of another plugin, as fallthrough in the Corefile says")
	flags.BoolVar(&d.asHCL, "terraform", false, "print the records as a local value of Terraform, for the resource of any provider")
}

func (d *delegating) run(ctx context.Context, args []string) (*delegation, error) {
	if err := d.check(args); err != nil {
		return nil, err
	}
	names, err := d.names(ctx, args)
	if err != nil {
		return nil, err
	}
	switch {
	case d.overlay:
		return &delegation{Records: []parentRecord{}, Impossible: []unreachable{}, Notes: overlayNotes}, nil
	case d.pointing(args):
		return d.point(names)
	}
	return d.delegate(ctx, names)
}

// pointing reports whether CNAME records are asked for, and no delegation.
func (d *delegating) pointing(args []string) bool {
	return d.stanza.targets && (d.all || len(args) > 0)
}

// check refuses what does not go together.
func (d *delegating) check(args []string) error {
	if err := d.stanza.checkZone(); err != nil {
		return err
	}
	own := len(d.stanza.ns) > 0 || d.keys.isSet()
	switch {
	case d.ttl < 1 || d.ttl > 604800:
		return usagef("--ttl %d is out of range: write 1 to 604800 seconds", d.ttl)
	case len(args) == 0 && !d.all && d.stanza.zone == "":
		return usagef("what leads to where? write NAME..., --all for every name that is granted, or --zone ZONE for the zone itself")
	case len(args) == 0 && !d.all && d.stanza.cuts:
		return usagef("which cuts of %s? write NAME..., or --all for every name that is granted", d.stanza.zone)
	case !d.all && d.docs.vault != "":
		return usagef("--vault is where the names of --all are: write --all, or leave out --vault")
	case d.overlay && (own || d.stanza.targets):
		return usagef("--overlay needs no records, and so no --ns, --keys and --targets: leave out either")
	case d.overlay:
		return nil
	case d.pointing(args) && own:
		return usagef("a CNAME needs no --ns and no keys, which the zone of targets itself needs: leave them out, or leave out NAME and --all for its delegation")
	case !d.pointing(args) && len(d.stanza.ns) == 0:
		return usagef("which servers has the zone? write --ns NAMES, as in the Corefile; or --targets, or --overlay, for zones that nobody delegates for a name")
	}
	return nil
}

// names returns the names of the command line, or all that are granted, each once.
func (d *delegating) names(ctx context.Context, args []string) ([]record.FQDN, error) {
	if d.all {
		return d.granted(ctx, args)
	}
	var names []record.FQDN
	for _, arg := range args {
		if _, err := os.Stat(filepath.Join(arg, store.ConfigPath+".json")); err == nil {
			return nil, usagef("%s is a directory of documents: write --all %s for every name that they grant", arg, arg)
		}
		meant, err := meantBy(arg)
		if err != nil {
			return nil, usageError{err}
		}
		for _, name := range meant {
			if err := d.stanza.serves(name); err != nil {
				return nil, err
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// meantBy returns the names that one of the command line stands for, as one in a
// document does: an IP prefix for several, where it has no reverse name of its own.
func meantBy(arg string) ([]record.FQDN, error) {
	if _, err := netip.ParsePrefix(arg); err == nil {
		return record.ParsePrefix(arg)
	}
	name, _, err := record.ParseFQDN(arg)
	return []record.FQDN{name}, err
}

// granted returns every name in --zone that is granted, in canonical order.
func (d *delegating) granted(ctx context.Context, args []string) ([]record.FQDN, error) {
	if len(args) > 1 {
		return nil, usagef("--all takes one DIR, not %q: leave out --all to name names", args)
	}
	lib, err := d.docs.loadFit(ctx, argument(args, 0), d.at.orNow())
	if err != nil {
		return nil, err
	}
	inside, err := d.stanza.inside()
	if err != nil {
		return nil, err
	}
	var names []record.FQDN
	for g := range lib.Grants() {
		if inside(g.FQDN) {
			names = append(names, g.FQDN)
			if g.Subtree && !g.FQDN.IsReverse() {
				d.below = append(d.below, g.FQDN)
			}
		}
	}
	d.below = slices.Compact(d.below)
	return slices.Compact(names), nil
}
