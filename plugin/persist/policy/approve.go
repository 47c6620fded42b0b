package policy

import (
	"fmt"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// refusal says why nothing of the account counts, with an empty reason if
// nothing speaks against it.
func (b basis) refusal() fault {
	switch {
	case b.issuer == nil:
		return fault{reason: fmt.Sprintf("names the issuer %s, and there is no valid document issuers/%s: write or correct it, or move the account", b.place.issuer, b.place.issuer)}
	case b.team == nil:
		return fault{reason: fmt.Sprintf("names the team %s, and there is no valid document teams/%s: write or correct it, or move the account", b.place.team, b.place.team)}
	case !slices.Contains(b.team.issuers, b.place.issuer):
		return fault{reason: fmt.Sprintf("is for the issuer %s, which teams/%s does not list in issuers: add it there, or remove the account", b.place.issuer, b.place.team)}
	case !b.issuer.knows(b.account.uri):
		return fault{field: "account_uri", reason: fmt.Sprintf("is %s, which starts with none of the account_uri_prefixes of issuers/%s: %s", quote(b.account.uri), b.place.issuer, few(b.issuer.prefixes, ", "))}
	}
	return b.disapproval()
}

// disapproval says why the admin's word does not cover the account: a stolen
// team token must not be able to bring a CA account of its own.
func (b basis) disapproval() fault {
	a, ok := b.team.accounts[b.account.uri]
	switch {
	case b.team.accounts != nil && !ok:
		return fault{field: "account_uri", reason: fmt.Sprintf("is %s, which is not among the accounts that teams/%s approves: have it added there", quote(b.account.uri), b.place.team)}
	case b.issuer.requireProof && a.proven.IsZero():
		return fault{field: "account_uri", reason: fmt.Sprintf("has no proof, which issuers/%s requires: have teams/%s say under accounts when control of the account was verified, in proof, which persistctl account prove prints", b.place.issuer, b.place.team)}
	}
	if b.team.accounts == nil {
		return fault{}
	}
	approved := setOf(a.thumbprints)
	for _, t := range b.account.thumbprints {
		if !approved[t] {
			return fault{field: "thumbprints", reason: fmt.Sprintf("contains %s, which teams/%s does not approve for this account: have it added there", quote(t), b.place.team)}
		}
	}
	return fault{}
}

// thumbprint is that of the account key now in use, empty where none is known.
func (b basis) thumbprint() string {
	for _, list := range [][]string{b.account.thumbprints, b.team.accounts[b.account.uri].thumbprints} {
		if len(list) > 0 {
			return list[0]
		}
	}
	return ""
}

// publication returns what is published, or why that is not possible. The hash
// form stands beside the others for issuers that are about to change over: a CA
// takes the record it knows and skips the rest (draft-ietf-acme-dns-persist-02
// section 4.3.2).
func (b basis) publication(wanted forms, wildcard bool) (p publication, reason string) {
	if wanted == 0 {
		wanted = b.issuer.forms
	}
	p = publication{
		record: record.Record{Issuer: b.issuer.names[0], AccountURI: b.account.uri, Wildcard: wildcard},
		plain:  wanted&(formURI|formOpaque) != 0,
		opaque: wanted == formOpaque,
		hashed: wanted&formHash != 0,
	}
	if !p.hashed {
		return p, ""
	}
	p.hashPrefix, p.thumbprint = b.issuer.hashPrefix, b.thumbprint()
	switch {
	case p.hashPrefix == "":
		return p, fmt.Sprintf("asks for the hash form, and issuers/%s has no account_hash_prefix: set it to accountHashPrefix of the CA's directory", b.place.issuer)
	case p.thumbprint == "":
		return p, "asks for the hash form, and the account has no thumbprints: add that of its key (RFC 7638)"
	}
	return p, ""
}
