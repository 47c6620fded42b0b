package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/coredns-persist/persist/test/parts"
)

const mount = "persist"

// installation is how large what is measured is.
type installation struct {
	teams    int
	accounts int // documents of a team
	domains  int // zones of an account
	hosts    int // names in a zone
}

func (i installation) documents() int { return i.teams * i.accounts }
func (i installation) zones() int     { return i.documents() * i.domains }
func (i installation) names() int     { return i.zones() * i.hosts }

func zone(n int) string        { return fmt.Sprintf("zone-%d.example", n) }
func host(n, zn int) string    { return fmt.Sprintf("host-%d.%s", n, zone(zn)) }
func owner(fqdn string) string { return "_validation-persist." + fqdn + "." }

// account is the path of the document of an account of a team.
func account(team, n int) string { return fmt.Sprintf("accounts/team-%d/ca/%d", team, n) }

// write writes all documents to a Vault.
func (i installation) write(ctx context.Context, v *parts.Vault) error {
	if err := v.Mount(ctx, mount); err != nil {
		return err
	}
	documents := map[string]string{
		"config":     `{"schema": 1}`,
		"control":    `{}`,
		"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "wildcard": true}`,
	}
	for team := range i.teams {
		documents[fmt.Sprintf("teams/team-%d", team)] = i.team(team)
		for n := range i.accounts {
			documents[account(team, n)] = i.account(team, n, "")
		}
	}
	for path, document := range documents {
		if err := v.Put(ctx, mount, path, document); err != nil {
			return err
		}
	}
	return nil
}

func (i installation) team(team int) string {
	claims := map[string]struct{}{}
	for n := range i.accounts * i.domains {
		claims[zone(team*i.accounts*i.domains+n)] = struct{}{}
	}
	return fmt.Sprintf(`{"issuers": ["ca"], "wildcard": true, "domains": %s}`, object(claims))
}

// account is an account document of a team, with one name more unless that is
// empty.
func (i installation) account(team, n int, more string) string {
	domains := map[string]struct{}{}
	if more != "" {
		domains[more] = struct{}{}
	}
	for d := range i.domains {
		for h := range i.hosts {
			domains[host(h, (team*i.accounts+n)*i.domains+d)] = struct{}{}
		}
	}
	// As people write it, and as long.
	return fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%d", "domains": %s}`, team*i.accounts+n,
		strings.ReplaceAll(object(domains), "{}", `{"wildcard":true,"until":{"mode":"rolling","floor":"96h"}}`))
}

func object(names map[string]struct{}) string {
	text, err := json.Marshal(names)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// stanza is what the server is run with.
func (o options) stanza(vault, keys string) string {
	origins, more := "", ""
	switch o.shape {
	case zones:
		list := make([]string, o.zones())
		for n := range list {
			list[n] = zone(n)
		}
		origins = strings.Join(list, " ")
	case oneZone:
		origins = "example"
	case cuts:
		origins, more = ".", "cuts\n"
	}
	return fmt.Sprintf("persist %s {\nvault %s\nauth token\nrefresh %s\nkeys dir %s\nns ns1.example.net\ndenial %s\n%s}", origins, vault, o.refresh, keys, o.denial, more)
}

// shaped says in which shape the names are.
func (o options) shaped() string {
	switch o.shape {
	case oneZone:
		return ", as one zone"
	case cuts:
		return fmt.Sprintf(", as %d cuts", o.names())
	}
	return fmt.Sprintf(" in %d zones", o.zones())
}
