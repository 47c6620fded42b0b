package policy

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseInstant reads an instant of the years 2000 to 2199 as documents write
// it, in RFC 3339 or Unix seconds. The result is in UTC, to the second.
func ParseInstant(s string) (time.Time, error) {
	return parseInstant(value{kind: jsontext.KindString, text: s})
}
