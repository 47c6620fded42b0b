package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/spf13/pflag"
)

// ofCuts is what a roll-over of a key that signs cuts is told.
type ofCuts struct {
	allCuts
	names []string
	file  string
}

func (o *ofCuts) register(flags *pflag.FlagSet) {
	o.allCuts.register(flags)
	flags.StringSliceVar(&o.names, "forget", nil, "`CUT` that is not waited for, though its chain of trust will break if its parent keeps the old DS; may be repeated, and is to be in every run")
	flags.StringVar(&o.file, "forget-file", "", "`FILE` with one such CUT a line")
}

// forgotten are the cuts that are not waited for.
func (o *ofCuts) forgotten() (map[string]bool, error) {
	names := slices.Clone(o.names)
	if o.file != "" {
		text, err := os.ReadFile(o.file)
		if err != nil {
			return nil, err
		}
		names = append(names, strings.Fields(string(text))...)
	}
	if len(names) > 0 && !o.wanted {
		return nil, usagef("--forget and --forget-file are for --cuts: write that too, or leave them out")
	}
	forget := map[string]bool{}
	for _, name := range names {
		cut, err := origin(name)
		if err != nil {
			return nil, err
		}
		forget[cut] = true
	}
	return forget, nil
}

// known refuses a name to be forgotten that is none of the cuts of zones, whether
// or not the step asks anybody: another than was meant would be given up.
func (o *ofCuts) known(ctx context.Context, zones []string, at time.Time) error {
	forget, err := o.forgotten()
	if err != nil || len(forget) == 0 || len(zones) == 0 {
		return err
	}
	cuts, err := o.list(ctx, zones, at)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(forget)) {
		if _, ok := slices.BinarySearch(cuts, name); ok {
			continue
		}
		return usagef("--forget %s: no such cut in the documents: %s", name, insteadOf(cuts, name))
	}
	return nil
}

// insteadOf says what to do about a name to be forgotten that is none of cuts.
func insteadOf(cuts []string, name string) string {
	switch cut := likeliest(cuts, name); cut {
	case "":
		return "leave it out, as only a cut is waited for"
	case record.FQDN(strings.TrimSuffix(name, ".")).Owner():
		return "write " + cut
	default: // it may be another one, and would be given up in the place of one that is gone
		return fmt.Sprintf("leave it out if it has left them, or write %s if that was meant", cut)
	}
}

// likeliest returns the cut that was meant by a name, which may lack the label,
// empty if there is none.
func likeliest(cuts []string, name string) string {
	if _, ok := record.FromOwner(name); !ok {
		name = record.FQDN(strings.TrimSuffix(name, ".")).Owner()
	}
	return alike(cuts, name)
}
