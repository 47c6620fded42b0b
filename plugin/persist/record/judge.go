package record

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Question is what a CA is asked to validate, and what it knows of the account
// that asks.
type Question struct {
	FQDN        FQDN      // the name validated: the owner's without its first label
	Wildcard    bool      // names below FQDN are wanted, *.FQDN or others
	At          time.Time // when the CA looks
	Issuers     []string  // the CA's issuer-domain-names, in the form of CheckIssuerName
	AccountURIs []string  // what the CA knows the account by; its account URL, as a rule
	HashPrefix  string    // accountHashPrefix of the CA's directory; empty if it has none
	Thumbprints []string  // of the account's keys, the current one first
}

// Rules are what a CA goes by.
type Rules int

// The rules.
const (
	// Boulder is how the validator of Let's Encrypt behaves, which follows
	// draft-ietf-acme-dns-persist-01: the account URI as it stands, and much
	// patience with the spelling.
	Boulder Rules = iota
	// Draft02 is draft-ietf-acme-dns-persist-02 by the letter: the hashed
	// account URI, and no patience.
	Draft02
)

// String names the rules.
func (r Rules) String() string {
	if r == Draft02 {
		return "draft-ietf-acme-dns-persist-02"
	}
	return "Boulder"
}

// Outcome is what becomes of one record.
type Outcome int

// The outcomes.
const (
	Accepted     Outcome = iota // it validates
	Foreign                     // it is for another CA, which says nothing about its being right
	Malformed                   // the CA cannot read it; ACME error malformed
	Unauthorized                // the CA can read it, and it is not enough; ACME error unauthorized
)

// String names the outcome.
func (o Outcome) String() string {
	return [...]string{"accepted", "for another CA", "malformed", "unauthorized"}[o]
}

// Finding is what a CA makes of one record.
type Finding struct {
	Text    string // the value of the record
	Outcome Outcome
	Reason  string // why it does not validate; empty where it does
}

// Verdict is what a CA decides on an RRset.
type Verdict struct {
	Accepted bool
	Match    int       // the index of the record that validates, the first if several do; -1: none
	Until    time.Time // persistUntil of that record, which no authorization may outlive; zero: none
	Reason   string    // why nothing is accepted; empty where something is
	Findings []Finding // one for each record, in their order; empty where the CA does not look at them
}

// Judge decides q as a CA with the given rules would on a TXT RRset that it
// found at the owner of q.FQDN. Each element of rrset is the value of one
// record, its character-strings joined. One record that validates is enough,
// whatever the others are (draft-ietf-acme-dns-persist-02 section 4.3.2).
//
// Where the readings of validators differ, Boulder rather accepts and Draft02
// rather refuses, so a record that both take will do everywhere.
func Judge(rules Rules, q Question, rrset []string) Verdict {
	v := Verdict{Match: -1, Reason: q.unasked(rules)}
	if v.Reason != "" {
		return v
	}
	way := q.way(rules)
	for i, text := range rrset {
		c, f := q.judge(way, text)
		v.Findings = append(v.Findings, f)
		if f.Outcome == Accepted && !v.Accepted {
			v.Accepted, v.Match, v.Until = true, i, c.until
		}
	}
	if !v.Accepted {
		v.Reason = v.unaccepted(q.FQDN.Owner())
	}
	return v
}

// unaccepted says why none of the records at owner is accepted: the reason of the one
// that is for this CA, or where there are several that none will do.
func (v Verdict) unaccepted(owner string) string {
	var own []Finding
	for _, f := range v.Findings {
		if f.Outcome != Foreign {
			own = append(own, f)
		}
	}
	switch {
	case len(v.Findings) == 0:
		return "there is no TXT record at " + owner
	case len(own) == 0:
		return fmt.Sprintf("there is no TXT record for this CA at %s, among %d", owner, len(v.Findings))
	case len(own) == 1:
		return own[0].Reason
	}
	return fmt.Sprintf("none of the %d TXT records for this CA at %s is accepted", len(own), owner)
}

// unasked says why the CA does not even look, empty if it does.
func (q Question) unasked(rules Rules) string {
	if rules == Boulder && q.FQDN.IsReverse() {
		return fmt.Sprintf("%s validates no IP addresses by dns-persist-01 and never asks for %s", rules, q.FQDN.Owner())
	}
	return ""
}

// way is how a CA goes about a question.
type way struct {
	dialect  dialect
	form     func(accountURI string) error // checks what an accounturi looks like
	accounts []string                      // what an accounturi may be
}

func (q Question) way(rules Rules) way {
	if rules == Draft02 {
		return way{draft02, q.checkHashed, q.hashes()}
	}
	return way{boulder, func(string) error { return nil }, q.AccountURIs}
}

// judge decides on one record. One for another CA is passed over even where it
// cannot be read to its end.
func (q Question) judge(w way, text string) (claim, Finding) {
	c, err := w.dialect.read(text)
	if c.issuer != "" && !slices.Contains(q.Issuers, c.issuer) {
		return c, Finding{text, Foreign, fmt.Sprintf("it is for the CA %s, not for %s", quote(c.issuer), strings.Join(q.Issuers, " or "))}
	}
	if err == nil {
		err = w.form(c.accountURI)
	}
	if err != nil {
		return c, Finding{text, Malformed, err.Error()}
	}
	if reason := q.lack(c, w.accounts); reason != "" {
		return c, Finding{text, Unauthorized, reason}
	}
	return c, Finding{text, Accepted, ""}
}

// lack says why a record that the CA can read is not enough, empty if it is.
func (q Question) lack(c claim, accounts []string) string {
	switch {
	case len(accounts) == 0:
		return "the account that asks is not known: its URI is needed, and for a hashed URI the thumbprint of its key"
	case !slices.Contains(accounts, c.accountURI):
		return fmt.Sprintf("its %s is %s, and that of the account is %s", tagAccountURI, quote(c.accountURI), accounts[0])
	case q.Wildcard && !c.wildcard:
		return fmt.Sprintf("it has no %s=%s and is good for %s alone", tagPolicy, wildcard, q.FQDN)
	case !c.until.IsZero() && q.At.After(c.until):
		return fmt.Sprintf("its %s was %s, and the CA looks at %s", tagPersistUntil, stamp(c.until), stamp(q.At))
	}
	return ""
}

// checkHashed checks that uri is a hashed URI of the CA. Its digest is written
// as a thumbprint is.
func (q Question) checkHashed(uri string) error {
	hash, ok := strings.CutPrefix(uri, q.HashPrefix+hashName)
	switch {
	case q.HashPrefix == "":
		return errors.New("only a hashed account URI is accepted, and the CA has no accountHashPrefix")
	case !ok || CheckThumbprint(hash) != nil:
		return fmt.Errorf("its %s %s is not a hashed URI, which is %s%s and 43 characters of base64url", tagAccountURI, quote(uri), q.HashPrefix, hashName)
	}
	return nil
}

// hashes returns the hashed URIs that stand for the account: for each of its
// keys one for the FQDN and one for any domain.
func (q Question) hashes() []string {
	list := make([]string, 0, 2*len(q.Thumbprints)*len(q.AccountURIs))
	for _, t := range q.Thumbprints {
		for _, uri := range q.AccountURIs {
			list = append(list, HashAccountURI(q.HashPrefix, q.FQDN, t, uri), HashAccountURI(q.HashPrefix, AnyDomain, t, uri))
		}
	}
	return list
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
