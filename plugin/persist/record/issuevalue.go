package record

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// claim is what a CA reads in the value of one TXT resource record.
type claim struct {
	issuer     string // in normal form; empty if there is none
	accountURI string
	wildcard   bool
	until      time.Time // zero: no persistUntil
}

// dialect is where readers of an issue-value (RFC 8659 section 4.2) differ.
type dialect struct {
	issuer  func(string) (string, error) // returns the normal form, with an error if it must be written so
	tag     func(string) error           // takes the tag in lower case
	once    func(tag string) bool        // reports whether a tag, in lower case, must not be repeated
	seconds func(string) (int64, error)
}

var (
	// boulder takes what is not ambiguous for what it means.
	boulder = dialect{issuer: CheckIssuerName, tag: anyTag, once: isKnown, seconds: signedInteger}
	// draft02 goes by the letter where draft-ietf-acme-dns-persist-02 and the
	// grammar it refers to have one.
	draft02 = dialect{issuer: exactIssuer, tag: ldhTag, once: anything, seconds: digits}
)

// read returns what text claims. Where only the issuer-domain-name can be read,
// it is returned with the error. White space is spaces and tabs.
func (d dialect) read(text string) (claim, error) {
	fields := strings.Split(text, ";")
	issuer, err := d.issuer(trim(fields[0]))
	c := claim{issuer: issuer}
	seen := map[string]bool{}
	for _, f := range fields[1:] {
		if err == nil {
			err = d.readParameter(&c, trim(f), seen)
		}
	}
	if err == nil && c.accountURI == "" {
		err = fmt.Errorf("the parameter %s is missing or empty", tagAccountURI)
	}
	return c, err
}

func (d dialect) readParameter(c *claim, field string, seen map[string]bool) error {
	tag, value, ok := strings.Cut(field, "=")
	tag, value = strings.ToLower(trim(tag)), trim(value)
	switch {
	case field == "":
		return errors.New("there is nothing after a semicolon: remove the semicolon at the end, or the second of two")
	case !ok:
		return fmt.Errorf("the parameter %s has no value: write it like tag=value", quote(field))
	case tag == "":
		return fmt.Errorf("the parameter %s has no tag: write it like tag=value", quote(field))
	case seen[tag] && d.once(tag):
		return fmt.Errorf("the parameter %s stands twice: remove one of them", quote(tag))
	}
	seen[tag] = true
	if i := invalidValue(value); i >= 0 {
		return fmt.Errorf("the value of %s contains %q: it takes visible ASCII characters", quote(tag), value[i])
	}
	if err := d.tag(tag); err != nil {
		return err
	}
	return d.set(c, tag, value)
}

// set keeps the value of a parameter that is known. A policy other than
// wildcard is as good as none.
func (d dialect) set(c *claim, tag, value string) error {
	switch tag {
	case tagAccountURI:
		c.accountURI = value
	case tagPolicy:
		c.wildcard = strings.EqualFold(value, wildcard)
	case strings.ToLower(tagPersistUntil):
		n, err := d.seconds(value)
		if err != nil {
			return fmt.Errorf("%s is %s: write seconds since 1970 in decimal digits", tagPersistUntil, quote(value))
		}
		c.until = time.Unix(n, 0).UTC()
	}
	return nil
}

func trim(s string) string { return strings.Trim(s, " \t") }

func isKnown(tag string) bool {
	return slices.ContainsFunc(order, func(known string) bool { return tag == strings.ToLower(known) })
}

func anything(string) bool { return true }

func anyTag(string) error { return nil }

// ldhTag checks the grammar of a tag (RFC 8659 section 4.2).
func ldhTag(tag string) error {
	if checkLabels(tag, "") != nil || strings.Contains(tag, ".") {
		return fmt.Errorf("the tag %s is not made of letters, digits and hyphens inside", quote(tag))
	}
	return nil
}

// exactIssuer refuses an issuer-domain-name that is not in normal form, and
// returns the normal form all the same.
func exactIssuer(s string) (string, error) {
	name, err := CheckIssuerName(s)
	if err == nil && name != s {
		err = fmt.Errorf("the issuer-domain-name %s is compared byte for byte: write %s", quote(s), quote(name))
	}
	return name, err
}

func signedInteger(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }

// digits reads an integer that is written without a sign.
func digits(s string) (int64, error) {
	if strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(s, 10, 64)
}
