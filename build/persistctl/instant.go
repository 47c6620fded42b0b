package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/pflag"
)

// instant is the value of --at. The zero instant is now.
type instant struct{ time.Time }

func (i *instant) register(flags *pflag.FlagSet, usage string) {
	flags.Var(i, "at", usage+` (RFC 3339 or Unix seconds; default now)`)
}

// orNow is the instant meant, to the second.
func (i *instant) orNow() time.Time {
	if i.IsZero() {
		return time.Now().UTC().Truncate(time.Second)
	}
	return i.Time
}

// String, Set and Type make instant a flag.
func (i *instant) String() string { return stamp(i.Time) }

// Set reads RFC 3339 or the seconds since 1970 that a persistUntil has.
func (i *instant) Set(s string) error {
	t, err := time.Parse(time.RFC3339, s)
	if n, notNumber := strconv.ParseInt(s, 10, 64); notNumber == nil {
		t, err = time.Unix(n, 0), nil
	}
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return fmt.Errorf("%q is no instant: write it like 2026-12-01T00:00:00Z (RFC 3339), or in Unix seconds", s)
	}
	i.Time = t.UTC()
	return nil
}

// Type names what the flag takes, for the help.
func (*instant) Type() string { return "INSTANT" }
