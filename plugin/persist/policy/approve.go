package policy

import (
	"fmt"
	"slices"
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
	}
	if reason := b.disowns(b.account.uri); reason != "" {
		return fault{field: "account_uri", reason: reason}
	}
	for _, t := range b.account.keys.left(b.account.thumbprints) {
		if reason := b.disapproves(b.account.uri, t); reason != "" {
			return fault{field: "thumbprints", reason: reason}
		}
	}
	return fault{}
}

// disowns says why there may be no records of the account at uri, empty if
// nothing speaks against it: a stolen team token must not be able to bring a CA
// account of its own.
func (b basis) disowns(uri string) (reason string) {
	a, ok := b.team.accounts[uri]
	switch {
	case slices.Contains(b.issuer.prefixes, uri) && !b.issuer.knows(uri):
		return fmt.Sprintf("is %s, which is one of the account_uri_prefixes of issuers/%s and no account: write the whole URI, as the CA gave it", quote(uri), b.place.issuer)
	case !b.issuer.knows(uri):
		return fmt.Sprintf("is %s, which starts with none of the account_uri_prefixes of issuers/%s: %s", quote(uri), b.place.issuer, few(b.issuer.prefixes, ", "))
	case b.team.accounts != nil && !ok:
		return fmt.Sprintf("is %s, which is not among the accounts that teams/%s approves: have it added there", quote(uri), b.place.team)
	case b.issuer.requireProof && a.proven.IsZero():
		return fmt.Sprintf("has no proof, which issuers/%s requires: have teams/%s say under accounts when control of the account was verified, in proof, which persistctl account prove prints", b.place.issuer, b.place.team)
	}
	return ""
}

// disapproves says why the admin's word does not cover a key of the account at
// uri, empty if it does.
func (b basis) disapproves(uri, thumbprint string) (reason string) {
	if b.team.accounts == nil || slices.Contains(b.team.accounts[uri].thumbprints, thumbprint) {
		return ""
	}
	return fmt.Sprintf("contains %s, which teams/%s does not approve for this account: have it added there", quote(thumbprint), b.place.team)
}

// thumbprints is that of the account key now in use, none where it is not known.
func (b basis) thumbprints() []string {
	list := firstOf(b.account.thumbprints)
	if b.account.teamsKeys {
		list = b.team.lends(b.account.uri)
	}
	return b.account.keys.left(list)
}

// keyWithdrawn reports whether there is a key, and newer versions that are not
// valid name others.
func (b basis) keyWithdrawn() bool {
	known := !b.account.teamsKeys || b.team.accounts[b.account.uri].lent != ""
	return known && len(b.thumbprints()) == 0
}
