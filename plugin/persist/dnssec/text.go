package dnssec

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// fault is what is wrong with one member of a key document. It never repeats
// what the member says, which may be a seed in the wrong place.
type fault string

func (f fault) Error() string { return string(f) }

// seedSize is the length of a seed in octets.
const seedSize = 32

// seed is what private keys are derived from. The octets are in a function, so
// that no verb of the fmt package reaches them, however deep a seed is in what
// is printed.
type seed struct{ octets func() []byte }

func asSeed(octets []byte) seed { return seed{func() []byte { return octets }} }

// equal reports whether two seeds are the same.
func (s seed) equal(t seed) bool { return bytes.Equal(s.octets(), t.octets()) }

// String hides the seed.
func (s seed) String() string { return "(secret)" }

// IsZero reports whether there is no seed.
func (s seed) IsZero() bool { return s.octets == nil }

// MarshalText gives the seed away, in base64 (RFC 4648 section 4). It is for
// writing key documents only.
func (s seed) MarshalText() ([]byte, error) {
	if s.IsZero() {
		return nil, fault("has no seed")
	}
	return base64.StdEncoding.AppendEncode(nil, s.octets()), nil
}

// UnmarshalText reads what MarshalText writes.
func (s *seed) UnmarshalText(text []byte) error {
	octets, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(octets) != seedSize {
		return fault("is not a seed: write 32 random octets in base64, 44 characters")
	}
	*s = asSeed(octets)
	return nil
}

// hours is a duration in whole hours.
type hours time.Duration

// String writes the hours as the document does.
func (h hours) String() string {
	return strconv.FormatInt(int64(time.Duration(h)/time.Hour), 10) + "h"
}

// MarshalText writes the hours like 72h.
func (h hours) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText writes, and whole days, up to a
// hundred thousand of either.
func (h *hours) UnmarshalText(text []byte) error {
	unit := time.Hour
	digits, ok := strings.CutSuffix(string(text), "h")
	if !ok {
		unit = 24 * time.Hour
		digits, ok = strings.CutSuffix(digits, "d")
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || n == 0 || n > 100_000 {
		return fault("is not a number of hours or days: write it like 72h or 30d")
	}
	*h = hours(time.Duration(n) * unit) // #nosec G115 -- at most a hundred thousand
	return nil
}

// instant is a point in time to the second, in UTC.
type instant time.Time

func (i instant) time() time.Time { return time.Time(i) }

// IsZero reports whether there is no instant.
func (i instant) IsZero() bool { return i.time().IsZero() }

// MarshalText writes the instant like 2026-12-01T00:00:00Z.
func (i instant) MarshalText() ([]byte, error) {
	return i.time().UTC().AppendFormat(nil, time.RFC3339), nil
}

// UnmarshalText reads an instant from 1970 on, in any time zone (RFC 3339).
func (i *instant) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil || t.Nanosecond() != 0 || t.Unix() < 0 || t.UTC().Year() > 9999 {
		return fault("is not an instant to the second from 1970 on: write it like 2026-12-01T00:00:00Z")
	}
	*i = instant(t.UTC())
	return nil
}
