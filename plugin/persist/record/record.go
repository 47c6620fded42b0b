package record

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Record is one TXT resource record: who may validate, and how far.
type Record struct {
	Issuer     string    // issuer-domain-name in the form of CheckIssuerName
	AccountURI string    // as CheckAccountURI takes it, or as HashAccountURI makes it of such
	Wildcard   bool      // the names below too, not the FQDN alone
	Until      time.Time // persistUntil, 1970 to 9999 in whole seconds; zero: none
}

// The parameters, in the order they are written in.
const (
	tagAccountURI   = "accounturi"
	tagPolicy       = "policy"
	tagPersistUntil = "persistUntil"
)

const wildcard = "wildcard" // the one policy there is

// lastUntil is the last second of the year 9999, and so of RFC 3339.
const lastUntil = 253402300799

// Render returns the value of the record: an issue-value (RFC 8659 section 4.2)
// with the parameters of draft-ietf-acme-dns-persist-02 section 4.1 and nothing
// that any validator is known to refuse. Fractions of a second are cut off
// Until. It fails only where a field is not as Record has it.
func (r Record) Render() (string, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(r.Issuer)
	write := func(tag, value string) { b.WriteString("; " + tag + "=" + value) }
	write(tagAccountURI, r.AccountURI)
	if r.Wildcard {
		write(tagPolicy, wildcard)
	}
	if !r.Until.IsZero() {
		write(tagPersistUntil, strconv.FormatInt(r.Until.Unix(), 10))
	}
	return b.String(), nil
}

// check checks the fields. A hashed URI is longer than its prefix may be by
// what the hash adds.
func (r Record) check() error {
	name, err := CheckIssuerName(r.Issuer)
	if err != nil {
		return err
	}
	if name != r.Issuer {
		return fmt.Errorf("the issuer-domain-name %s is not in normal form: write %s", quote(r.Issuer), quote(name))
	}
	if err := checkURI(r.AccountURI, longestURI+len(hashName)+thumbprintLength); err != nil {
		return fmt.Errorf("%s: %w", tagAccountURI, err)
	}
	if t := r.Until.Unix(); !r.Until.IsZero() && (t < 0 || t > lastUntil) {
		return fmt.Errorf("%s is %d: write seconds since 1970, up to the year 9999", tagPersistUntil, t)
	}
	return nil
}

// CharacterStrings splits the value of a TXT resource record into strings of at
// most 255 octets (RFC 1035 section 3.3). There is always one.
func CharacterStrings(text string) []string {
	const most = 255
	list := make([]string, 0, len(text)/most+1)
	for len(text) > most {
		list = append(list, text[:most])
		text = text[most:]
	}
	return append(list, text)
}
