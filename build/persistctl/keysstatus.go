package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newKeysStatus(out *output) *cobra.Command {
	var w wantedStatus
	cmd := &cobra.Command{
		Use:   "status [ZONE] (--dir DIR | --vault MOUNT/PATH)",
		Short: "Say of every key what it does, and what becomes of it when and why",
		Long: `Say of every key what it does at an instant, what becomes of it next, when and
why, and what a roll-over of the key-signing key waits for. With ZONE, the one in
the Corefile, say too until when the signatures over its DNSKEY RRset hold, and
where a KSK is kept away from the servers, until when bundles reach. With
--parents ask every server of the parent of ZONE, or else of the zones of the last
roll-over, for the DS; with --servers ask every server of these zones for the keys
that are published now, and say what it lacks. With --cuts ask the parents of every
cut of ZONE, count what they have, as keys roll-ksk --cuts does, and in the phases
that wait for parents name those that are waited for.

The exit status is 0 whatever is found.`,
		Example: `  persistctl keys status --dir /etc/coredns/keys
  persistctl keys status _validation-persist.example.com --dir /etc/coredns/keys --at 2027-06-01T00:00:00Z
  persistctl keys status _validation-persist.example.com --vault persist-keys/example --servers --server 127.0.0.1:53
  persistctl keys status . --cuts --policies docs/example/policies --dir /etc/coredns/keys --parent-server 127.0.0.1:53
  persistctl keys status --vault persist-keys/example -o json`,
		Args: arity(0, 1),
	}
	flags := cmd.Flags()
	w.source = registerKeySource(flags, "dir", "vault")
	w.finder = registerFinder(flags)
	flags.BoolVar(&w.parents, "parents", false, "ask the parents' servers for the DS, as they are now")
	flags.BoolVar(&w.servers, "servers", false, "ask the zone's servers for the keys, as they are now")
	w.cuts.register(flags)
	w.at.register(flags, "state at this instant")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := w.check(flags); err != nil {
			return err
		}
		w.tally = newTally(out.people(cmd.ErrOrStderr()), time.Now)
		state, err := w.state(cmd.Context(), args)
		if err != nil {
			return err
		}
		return out.print(cmd.OutOrStdout(), state)
	}
	return cmd
}

// wantedStatus is of which keys the status is wanted, and who is asked for it.
type wantedStatus struct {
	source           *keySource
	finder           *servers.Finder
	parents, servers bool
	cuts             allCuts
	tally            *tally
	at               instant
}

// check refuses what would be of no effect.
func (w *wantedStatus) check(flags *pflag.FlagSet) error {
	switch {
	case w.cuts.wanted && w.parents:
		return usagef("--cuts asks the parents of every cut: leave out --parents")
	case w.cuts.wanted && w.servers:
		return usagef("keys status --cuts asks no server of a cut: leave out --servers; each run of keys roll-ksk that waits for servers names the cuts that lack a key")
	}
	for _, name := range finderFlags() {
		switch own := name == "server" || name == "without-server"; {
		case !flags.Changed(name) || w.servers:
		case own:
			return usagef("--%s is of no effect without --servers: write that too, or leave it out", name)
		case !w.parents && !w.cuts.wanted:
			return usagef("--%s is of no effect without --parents, --servers or --cuts: write one of them too, or leave it out", name)
		}
	}
	return nil
}

// state returns the status for the arguments of the command.
func (w *wantedStatus) state(ctx context.Context, args []string) (result, error) {
	if w.cuts.wanted || w.cuts.check() != nil {
		return statusOfCuts(ctx, w, args, w.at.orNow())
	}
	keys, state, err := statusOf(ctx, w.source, args, w.at.orNow())
	if err != nil {
		return nil, err
	}
	if w.parents {
		if state.Parents, err = parentsOf(ctx, w.finder, keys, args); err != nil {
			return nil, err
		}
	}
	if w.servers {
		if state.Servers, err = serversOf(ctx, w.finder, keys, args); err != nil {
			return nil, err
		}
	}
	return state, nil
}

// statusOf returns the state of the keys of source, and of the zone that is
// named, if any.
func statusOf(ctx context.Context, source *keySource, names []string, at time.Time) (keys *dnssec.KeySet, state keySetState, err error) {
	keys, faults, err := source.loadServed(ctx, at)
	if err != nil {
		return nil, state, err
	}
	state = keysAt(keys, at)
	for _, fault := range faults {
		state.Faults = append(state.Faults, fault.Error())
	}
	zones := keys.BundledZones()
	if len(names) > 0 {
		zone, err := origin(names[0])
		if err != nil {
			return nil, state, err
		}
		zones = []string{zone}
		if state.DNSKEY, err = signatureOfKeys(keys, zone, at); err != nil {
			return nil, state, err
		}
	}
	state.Bundles = bundlesAt(keys, zones, at)
	return keys, state, nil
}

// keySetState is a key set at an instant.
type keySetState struct {
	Name     string        `json:"name"`
	At       time.Time     `json:"at"`
	Keys     []keyState    `json:"keys"`
	Roll     *rollState    `json:"ksk,omitempty"`
	Insecure bool          `json:"insecure,omitempty"` // whether the parents are asked to remove their DS
	DNSKEY   *keySignature `json:"dnskey,omitempty"`
	Parents  parentStates  `json:"parents,omitempty"`
	Servers  serverStates  `json:"servers,omitempty"`
	Cuts     cutsProgress  `json:"cuts,omitzero"`
	Bundles  []bundleState `json:"bundles,omitempty"`
	Faults   []string      `json:"faults,omitempty"` // of bundles, which are not used
}

// keyState is one key at an instant.
type keyState struct {
	Role      string    `json:"role"`
	Tag       uint16    `json:"key_tag"`
	Algorithm uint8     `json:"algorithm"`
	State     string    `json:"state"`
	Next      string    `json:"next,omitempty"` // the state that follows
	When      time.Time `json:"when,omitzero"`  // the instant of that change
	Reason    string    `json:"reason"`
}

// keySignature is the life of the signatures over a DNSKEY RRset.
type keySignature struct {
	Zone     string    `json:"zone"`
	Replaced time.Time `json:"replaced"` // by the next ones
	Expires  time.Time `json:"expires"`
}

func keysAt(keys *dnssec.KeySet, at time.Time) keySetState {
	s := keySetState{Name: keys.Name, At: at, Keys: []keyState{}, Roll: rollAt(keys, at), Insecure: keys.GoesInsecure(at)}
	for _, k := range keys.Status(at) {
		s.Keys = append(s.Keys, keyState{k.Role, k.Tag, k.Algorithm, string(k.State), string(k.Next), k.When, k.Reason})
	}
	return s
}

// parentsOf asks the parents of zones.
func parentsOf(ctx context.Context, f *servers.Finder, keys *dnssec.KeySet, names []string) (parentStates, error) {
	zones, err := zonesOf(keys, names)
	if err != nil {
		return nil, err
	}
	return askParents(ctx, f, zones)
}

// serversOf asks the servers of zones.
func serversOf(ctx context.Context, f *servers.Finder, keys *dnssec.KeySet, names []string) (serverStates, error) {
	zones, err := zonesOf(keys, names)
	if err != nil {
		return nil, err
	}
	return askServers(ctx, f, keys, zones, time.Now())
}

// zonesOf returns the zones named, else those that the key document has.
func zonesOf(keys *dnssec.KeySet, names []string) ([]string, error) {
	zones := keys.Zones
	for _, name := range names {
		zone, err := origin(name)
		if err != nil {
			return nil, err
		}
		zones = []string{zone}
	}
	if len(zones) == 0 {
		return nil, usagef("of which zone shall servers be asked? write ZONE")
	}
	return zones, nil
}

func signatureOfKeys(keys *dnssec.KeySet, zone string, at time.Time) (*keySignature, error) {
	rrset, changes := keys.DNSKEY(zone, at)
	sig, err := keys.Sign(rrset, zone, at, time.Time{})
	if err != nil {
		return nil, err
	}
	s := &keySignature{Zone: zone, Replaced: sig.Until, Expires: expiration(sig.RRSIG[0].(*dns.RRSIG), at)}
	if changes.Before(s.Replaced) {
		s.Replaced = changes
	}
	return s, nil
}

// expiration is the instant of a signature's expiration that is nearest to at:
// its 32 bits are those of one instant in 136 years (RFC 4034 section 3.1.5).
func expiration(sig *dns.RRSIG, at time.Time) time.Time {
	ahead := int32(sig.Expiration - uint32(at.Unix())) // #nosec G115 -- wraps
	return time.Unix(at.Unix()+int64(ahead), 0).UTC()
}

func (s keySetState) text(w io.Writer) {
	rows := make([][]string, 0, 1+len(s.Keys))
	rows = append(rows, []string{"ROLE", "TAG", "ALGORITHM", "STATE", "NEXT", "WHEN", "WHY"})
	for _, k := range s.Keys {
		rows = append(rows, []string{k.Role, strconv.Itoa(int(k.Tag)), algorithmName(k.Algorithm), k.State, k.Next, stamp(k.When), k.Reason})
	}
	table(w, rows...)
	if !s.Roll.Held.IsZero() {
		fmt.Fprintf(w, "\nKSKs stand still since %s.\n", stamp(s.Roll.Held))
	}
	if s.Roll.New != 0 && !s.Roll.done() {
		fmt.Fprintf(w, "\nKSK %d is rolled:\n", s.Roll.Old)
		s.Roll.text(w)
	}
	if s.Insecure {
		fmt.Fprintln(w, "\nThe zone goes insecure: CDS and CDNSKEY ask the parents to remove their DS.")
	}
	if s.DNSKEY != nil {
		fmt.Fprintf(w, "\nThe signatures over the DNSKEY RRset of %s are replaced at %s and expire at %s.\n",
			s.DNSKEY.Zone, stamp(s.DNSKEY.Replaced), stamp(s.DNSKEY.Expires))
	}
	for _, b := range s.Bundles {
		fmt.Fprintf(w, "\nThe bundles of %s reach until %s%s.\n", b.Zone, stamp(b.Until), map[bool]string{true: ", which is soon: run persistctl keys sign"}[b.Low])
	}
	for _, fault := range s.Faults {
		fmt.Fprintf(w, "\nNot used: %s\n", fault)
	}
	if s.Parents != nil {
		fmt.Fprintln(w)
		s.Parents.text(w)
	}
	if s.Servers != nil {
		fmt.Fprintln(w)
		s.Servers.text(w)
	}
	if s.Cuts.Total > 0 {
		fmt.Fprintln(w)
		s.cutsText(w)
	}
}

func algorithmName(number uint8) string {
	return fmt.Sprintf("%d (%s)", number, dns.AlgorithmToString[number])
}
