package main

import (
	"fmt"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// candidates are the values of records that might be accepted, the simplest first:
// with the URI of the account, and with its hash where that can be made.
func (j judge) candidates() []string {
	r := record.Record{Issuer: j.q.Issuers[0], AccountURI: j.q.AccountURIs[0], Wildcard: j.q.Wildcard}
	uris := []string{r.AccountURI}
	if j.q.HashPrefix != "" && len(j.q.Thumbprints) > 0 {
		uris = append(uris, record.HashAccountURI(j.q.HashPrefix, j.q.FQDN, j.q.Thumbprints[0], r.AccountURI))
	}
	var list []string
	for _, uri := range uris {
		r.AccountURI = uri
		if text, err := r.Render(); err == nil {
			list = append(list, text)
		}
	}
	return list
}

// accepted is the simplest value of a record that any of the rule sets accepts, empty
// if there is none.
func (j judge) accepted() string {
	for _, text := range j.candidates() {
		for _, r := range j.rules {
			if record.Judge(r, j.q, []string{text}).Accepted {
				return text
			}
		}
	}
	return ""
}

// acceptable is accepted, at owner, as in a zone file.
func (j judge) acceptable(owner string) string { return fmt.Sprintf("%s TXT %q", owner, j.accepted()) }

// hopeless says why no record at all would be accepted, by each rule set; nil if one
// would.
func (j judge) hopeless() []string {
	list := j.candidates()
	if len(list) == 0 || j.accepted() != "" {
		return nil
	}
	var reasons []string
	for _, r := range j.rules {
		v := record.Judge(r, j.q, list[len(list)-1:])
		if len(v.Findings) == 0 { // it does not look
			reasons = append(reasons, v.Reason)
		} else {
			reasons = append(reasons, fmt.Sprintf("by %s %s", r, v.Findings[0].Reason))
		}
	}
	return reasons
}

// whereHopeless says what to do where no record would be accepted.
func (j judge) whereHopeless() string {
	hash := "a CA of draft-ietf-acme-dns-persist-02 takes the hash form"
	switch {
	case len(j.rules) == 1 && j.rules[0] == record.Boulder:
		hash = "a CA of draft-ietf-acme-dns-persist-02 may take the hash form, which --rules boulder leaves out"
	case j.q.HashPrefix == "":
		hash += ", if its directory has an accountHashPrefix: write that as account_hash_prefix in its issuers document, or by --hash-prefix without documents"
	case len(j.q.Thumbprints) == 0:
		hash += ", which needs the thumbprint of the account's key: write it as thumbprints in the documents, or by --thumbprint"
	}
	if j.q.FQDN.IsReverse() {
		return "validate the address by http-01 or tls-alpn-01 instead (RFC 8738); " + hash
	}
	return hash
}
