package record

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// separator stands between the issuer-domain-name and the parameters.
const separator = "; "

var order = []string{tagAccountURI, tagPolicy, tagPersistUntil}

// Parse returns the record with the value text. It accepts what Render makes
// and nothing else: no other spelling, order or white space, no other parameter
// and no trailing semicolon. The error names what is wrong.
func Parse(text string) (Record, error) {
	fields := strings.Split(text, separator)
	r := Record{Issuer: fields[0]}
	next := 0
	for _, f := range fields[1:] {
		tag, value, _ := strings.Cut(f, "=")
		i := slices.Index(order, tag)
		switch {
		case i < 0:
			return Record{}, fmt.Errorf("the parameter %s is unknown: write %s in this order", quote(tag), strings.Join(order, ", "))
		case i < next:
			return Record{}, fmt.Errorf("the parameter %s stands twice or too late: write %s in this order", tag, strings.Join(order, ", "))
		}
		next = i + 1
		if err := r.set(tag, value); err != nil {
			return Record{}, err
		}
	}
	if err := r.check(); err != nil {
		return Record{}, err
	}
	return r, nil
}

// Read returns the record that a CA with patience, Boulder, takes the value text
// for, however it is spelled. What such a CA does not look at, like a parameter
// that it does not know, is not in it. It fails where that CA would, and where
// the record could not be rendered.
func Read(text string) (Record, error) {
	c, err := boulder.read(text)
	if err != nil {
		return Record{}, err
	}
	r := Record{Issuer: c.issuer, AccountURI: c.accountURI, Wildcard: c.wildcard, Until: c.until}
	return r, r.check()
}

func (r *Record) set(tag, value string) (err error) {
	switch tag {
	case tagAccountURI:
		r.AccountURI = value
	case tagPolicy:
		if value != wildcard {
			return fmt.Errorf("%s is %s: write %s, or leave the parameter out", tagPolicy, quote(value), wildcard)
		}
		r.Wildcard = true
	case tagPersistUntil:
		r.Until, err = parseUntil(value)
	}
	return err
}

// parseUntil reads seconds since 1970 as Render writes them.
func parseUntil(value string) (time.Time, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || n > lastUntil || strconv.FormatInt(n, 10) != value {
		return time.Time{}, fmt.Errorf("%s is %s: write seconds since 1970 in decimal digits, up to the year 9999", tagPersistUntil, quote(value))
	}
	return time.Unix(n, 0).UTC(), nil
}
