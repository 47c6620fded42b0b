package policy

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseInstant reads an instant of the years 2000 to 2199 as documents write
// it, in RFC 3339 or Unix seconds. The result is in UTC, to the second.
func ParseInstant(s string) (time.Time, error) {
	return parseInstant(value{kind: jsontext.KindString, text: s})
}

// ParseDuration reads a duration as documents write it: "90s", "168h", "7d", or
// a number of seconds. It may be zero or less.
func ParseDuration(s string) (time.Duration, error) {
	d, ok := durationText(s)
	if !ok {
		return 0, fmt.Errorf("%q is not a duration: write it like 90s, 72h or 365d, or in seconds", s)
	}
	return d, nil
}
