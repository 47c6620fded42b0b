package policy

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// The instants that a document can mean. Anything outside is a slip, most
// often milliseconds where seconds belong.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// parseDuration reads "168h", "7d" or seconds, as a string or a number. The
// result is positive and a whole number of seconds, the unit of persistUntil.
func parseDuration(v value) (time.Duration, error) {
	d, ok := time.Duration(0), false
	if v.kind == jsontext.KindString || v.kind == jsontext.KindNumber {
		d, ok = durationText(v.text)
	}
	switch {
	case !ok:
		return 0, fmt.Errorf(`%s is not a duration: write it like "168h" or "7d", or in seconds`, v)
	case d <= 0 || d%time.Second != 0:
		return 0, fmt.Errorf("%s is not a positive whole number of seconds", v)
	}
	return d, nil
}

func durationText(s string) (time.Duration, bool) {
	if n, ok := units(s, time.Second); ok {
		return n, true
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		return units(days, 24*time.Hour)
	}
	d, err := time.ParseDuration(s)
	return d, err == nil
}

// units multiplies the decimal number s by unit, unless that overflows.
func units(s string, unit time.Duration) (time.Duration, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/int64(unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// parseInstant reads an RFC 3339 instant or Unix seconds, as a string or a
// number. The result is in UTC and a whole number of seconds, cut down.
func parseInstant(v value) (time.Time, error) {
	t, ok := time.Time{}, false
	if v.kind == jsontext.KindString || v.kind == jsontext.KindNumber {
		t, ok = instantText(v.text)
	}
	switch {
	case !ok:
		return time.Time{}, fmt.Errorf("%s is not an instant: write it like 2027-03-01T00:00:00Z (RFC 3339) or in Unix seconds", v)
	case t.Before(earliest) || !t.Before(latest):
		return time.Time{}, fmt.Errorf("%s lies outside the years 2000 to 2199: write Unix seconds, not milliseconds, or RFC 3339", v)
	}
	return t, nil
}

func instantText(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0).UTC(), true
	}
	t, err := time.Parse(time.RFC3339, s)
	return t.UTC().Truncate(time.Second), err == nil
}

var errNotCount = errors.New("write a whole number that is not negative")

// parseCount reads a number, as a string or a number.
func parseCount(v value) (int, error) {
	if v.kind == jsontext.KindString || v.kind == jsontext.KindNumber {
		if n, err := strconv.ParseUint(v.text, 10, 31); err == nil {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf("%s: %w", v, errNotCount)
}
