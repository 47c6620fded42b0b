package main

import (
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/spf13/pflag"
)

// duration is the value of a flag, read as the Corefile and documents have it.
type duration struct{ value *time.Duration }

// durationFlag has d set by a flag.
func durationFlag(flags *pflag.FlagSet, d *time.Duration, name string, otherwise time.Duration, usage string) {
	*d = otherwise
	flags.Var(duration{d}, name, usage)
}

// String, Set and Type make duration a flag.
func (d duration) String() string {
	if d.value == nil {
		return ""
	}
	return d.value.String()
}

// Set reads a duration like 90s, 72h or 7d, or seconds.
func (d duration) Set(s string) (err error) {
	*d.value, err = policy.ParseDuration(s)
	return err
}

// Type names what the flag takes, for the help.
func (duration) Type() string { return "DURATION" }
