package policy

import (
	"maps"
	"slices"
	"strings"
)

// topSchemas are the schemas of documents. Tests hold their members against
// those that the reader asks for, and random documents against what it says.
var topSchemas = map[string]*schema{
	"config":   schemaDocument("config", "The sentinel of a store of policy: without it nothing in the store is believed.", configMembers),
	"issuers":  schemaIssuer(),
	"teams":    schemaDocument("teams/TEAM", "A team: who may claim which names, with which issuers and accounts.", teamMembers),
	"accounts": schemaDocument("accounts/TEAM/ISSUER/NAME", "One account at an issuer, and the names it may validate.", accountMembers),
	"control":  schemaDocument("control", "The brakes. Only a valid newer version lifts what an older one stops.", controlMembers),
}

// schemaDocument is the schema of a whole document: the version of the format
// may stand in each, and members that start with x_ are the writer's own.
func schemaDocument(path, about string, members map[string]*schema) *schema {
	members = maps.Clone(members)
	if members["schema!"] == nil {
		members["schema"] = schemaVersion.says("The version of the format: 1.")
	}
	s := schemaObject(members)
	s.Title, s.Description = "persist: "+path, about
	s.Own = map[string]*schema{"^x_": {}}
	return s
}

var configMembers = map[string]*schema{
	"schema!":    schemaVersion.says("The version of the format: 1."),
	"store_id":   schema{Type: "string", Pattern: `^[A-Za-z0-9._-]{0,64}$`}.says("Which store this is: servers whose Corefile pins another refuse it."),
	"generation": schemaCount.says("How often the store was made anew: servers refuse one below what they have pinned or seen."),
}

var (
	schemaEnabled = schemaFlag.by(true).says("false withdraws the records.")
	schemaForms   = schema{AnyOf: []*schema{
		{Type: "array", Items: &schemaForm, MinItems: 1},
		{Type: "string", Pattern: `^[^a-z]*(uri|hash|opaque)([^a-z]+(uri|hash|opaque))*[^a-z]*$`},
		{Type: "object", Names: &schemaForm, MinMembers: 1},
	}}
	schemaUntil = schema{AnyOf: []*schema{
		{Enum: []any{"rolling", "none"}},
		&schemaInstant,
		schemaObject(map[string]*schema{
			"mode":  {Enum: []any{"rolling"}},
			"floor": schemaDuration(leastFloor, mostFloor).by("96h").says("For how long a CA may always rely on a record: 1h to 365d."),
			"step":  schemaDuration(leastStep, mostStep).by("24h").says("By how much persistUntil moves on at a time: 1h to 30d."),
		}),
	}}
)

// schemaIssuer adds what one member of an issuer's document asks of another.
func schemaIssuer() *schema {
	s := schemaDocument("issuers/ISSUER", "A CA, and the most that grants for it may ask for.", map[string]*schema{
		"issuer_domain_names!":  schemaList(schemaName, nil).some().says("The CA's issuer-domain-names (draft-ietf-acme-dns-persist section 3.1): the first is published, the others count when checking."),
		"account_uri_prefixes!": schemaList(schemaURIPrefix, nil).some().says("What the CA's account URIs start with, before they go on."),
		"account_hash_prefix":   schemaPrefix.says("accountHashPrefix of the CA's directory; without it there is no hash form."),
		"forms":                 schemaForms.by([]string{"uri"}).says("How records name an account: by its uri, a hash of it, or an opaque URI."),
		"wildcard":              schemaFlag.by(false).says("Grants may ask for wildcard."),
		"subtree":               schemaFlag.by(false).says("Grants may ask for subtree, or be of IP prefixes."),
		"until":                 schemaUntil.says("persistUntil of grants that do not say; default rolling with floor 96h and step 24h."),
		"allow_none":            schemaFlag.by(false).says("Grants may have no persistUntil."),
		"max_until":             schemaDuration(leastMaxUntil, mostMaxUntil).by("2160h").says("How far ahead a grant may promise: 2h to 3660d."),
		"require_proof":         schemaFlag.by(false).says("Only accounts whose proof the team document has."),
		"enabled":               schemaEnabled,
	})
	s.AllOf = []*schema{
		{
			If:   &schema{Required: []string{"until"}, Properties: map[string]*schema{"until": {Enum: []any{"none"}}}},
			Then: &schema{Required: []string{"allow_none"}, Properties: map[string]*schema{"allow_none": {Enum: []any{true, "true"}}}},
		},
		{
			If: &schema{Required: []string{"forms"}, Properties: map[string]*schema{"forms": {AnyOf: []*schema{
				{Type: "array", Contains: &schema{Enum: []any{"hash"}}},
				{Type: "string", Pattern: "hash"},
				{Type: "object", Required: []string{"hash"}},
			}}}},
			Then: &schema{Required: []string{"account_hash_prefix"}, Properties: map[string]*schema{"account_hash_prefix": {Type: "string", Pattern: "."}}},
		},
	}
	return s
}

var (
	schemaSuffixes    = schemaList(schemaName, &schema{Type: "object", Others: false})
	schemaThumbprints = schemaList(schemaThumbprint, nil)
)

var teamMembers = map[string]*schema{
	"domains!":   schemaSuffixes.some().says("Suffixes: each is itself and everything below it; . is everything. IP prefixes stand for their reverse names."),
	"issuers!":   schemaList(schemaSlug, nil).some().says("Slugs of issuers documents."),
	"wildcard":   schemaFlag.by(false).says("Grants may ask for wildcard."),
	"subtree":    schemaFlag.by(false).says("Grants may ask for subtree, or be of IP prefixes."),
	"reach":      schemaSuffixes.says("Suffixes of other teams that wide grants may cover."),
	"max_grants": schemaCount.says("Grants of all accounts of the team; default no limit."),
	"enabled":    schemaEnabled,
	"accounts": {
		Description: "The accounts that the admin has approved, by URI. Without it any account under the issuers' prefixes will do.",
		Type:        "object",
		Names:       &schemaURI,
		Others: schemaObject(map[string]*schema{
			"thumbprints": schemaThumbprints.says("Of the account's keys that are approved (RFC 7638), the current one first."),
			"proof": schemaObject(map[string]*schema{
				"verified_at!": schemaInstant.says("When control of the account was verified."),
				"by":           schemaText.says("Who verified it, for people."),
			}),
		}),
	},
}

// wantedMembers may stand in an account and in each of its domains.
var wantedMembers = map[string]*schema{
	"wildcard": schemaFlag.by(false).says("The names below too (policy=wildcard)."),
	"subtree":  schemaFlag.by(false).says("A record at each name below too, as far as five labels down and where it has no grant of its own. IP prefixes always have it."),
	"forms":    schemaForms.says("How records name the account; default the issuer's."),
	"until":    schemaUntil.says("persistUntil: rolling, none, an instant, or an object of floor and step; default the issuer's."),
	"enabled":  schemaEnabled,
}

// overlapMembers may stand in every overlap, and accountOverlapMembers in that of
// an account.
var (
	overlapMembers = map[string]*schema{
		"until!": schemaInstant.says("Published before this instant only."),
		"forms":  schemaForms.says("Other forms of the records."),
	}
	accountOverlapMembers = map[string]*schema{
		"account_uri": schemaPrefix.says("The URI of the account that this one replaces."),
		"thumbprints": schemaThumbprints.says("Of earlier keys (RFC 7638): of the account, or of the one that it replaces."),
	}
)

var accountMembers = withMembers(wantedMembers, map[string]*schema{
	"account_uri!": schemaURI.says("The account's URI, as the CA gave it."),
	"thumbprints":  schemaThumbprints.says("Of the account's key (RFC 7638), the current one first; default those that the team document approves."),
	"owner":        schemaText.says("For people."),
	"note":         schemaText.says("For people."),
	"overlap":      schemaObject(withMembers(overlapMembers, accountOverlapMembers)).says("What is published besides, while the account changes."),
	"domains!": schemaList(schemaName, schemaObject(withMembers(wantedMembers, map[string]*schema{
		"not_before": schemaInstant.says("No record before it."),
		"overlap":    schemaObject(withMembers(overlapMembers, map[string]*schema{"forms!": schemaForms.says("Published besides.")})).says("Other forms that are published besides, while this name changes; default the account's."),
	}))).says("The names that the account may validate, *.NAME for NAME with wildcard. IP addresses and prefixes stand for their reverse names."),
})

var controlMembers = map[string]*schema{
	"stop":      schemaList(schemaScope, nil).says("Scopes whose records are withdrawn: all, issuer:ISSUER, team:TEAM, account:TEAM/ISSUER/NAME, uri:ACCOUNT-URI or domain:NAME. What stands beside one is for people."),
	"freeze_at": schemaInstant.says("Rotation stands still from then on, everywhere."),
}

func withMembers(some, more map[string]*schema) map[string]*schema {
	all := maps.Clone(some)
	maps.Copy(all, more)
	return all
}

// schemaObject is an object of members, and no others. The name of one that is
// required ends in an exclamation mark here.
func schemaObject(members map[string]*schema) *schema {
	s := &schema{Type: "object", Properties: map[string]*schema{}, Others: false}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		bare, required := strings.CutSuffix(name, "!")
		s.Properties[bare] = members[name]
		if required {
			s.Required = append(s.Required, bare)
		}
	}
	return s
}
