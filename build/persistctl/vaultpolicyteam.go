package main

import (
	"regexp"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
)

// teamPolicy lets a team write its own accounts, and no deeper or other paths.
var teamPolicy = template.Must(template.New("team").Parse(
	`# A team of persist: writes its own accounts. It cannot erase their history.
path "{{.Mount}}/data/accounts/{{.Team}}/+/+"     { capabilities = ["create", "read", "update", "patch", "delete"] }
path "{{.Mount}}/delete/accounts/{{.Team}}/+/+"   { capabilities = ["update"] }
path "{{.Mount}}/undelete/accounts/{{.Team}}/+/+" { capabilities = ["update"] }
path "{{.Mount}}/metadata/accounts/{{.Team}}/*"   { capabilities = ["list", "read"] }

# Sees what it may claim, with which CAs, and what is stopped.
path "{{.Mount}}/data/teams/{{.Team}}"  { capabilities = ["read"] }
path "{{.Mount}}/data/issuers/*"        { capabilities = ["read"] }
path "{{.Mount}}/data/control"          { capabilities = ["read"] }
path "{{.Mount}}/metadata/issuers/*"    { capabilities = ["list"] }

# Has servers look again within seconds.
path "{{.Mount}}/data/index" { capabilities = ["create", "read", "update"] }
`))

// entityTeam is the team of whoever asks. Where the entity has no such metadata,
// Vault leaves out the paths with it.
const entityTeam = "{{identity.entity.metadata.persist_team}}"

func newVaultPolicyTeam(out *output) *cobra.Command {
	var mount, team string
	cmd := &cobra.Command{
		Use:   "team [--team TEAM]",
		Short: "Print the policy of teams, one for all or that of one",
		Long: `Print the policy, in HCL, of the token of a team: it writes the team's accounts,
undoes deletions and cannot erase a history. Without --team one policy serves all
teams: the team is persist_team in the metadata of the token's entity, and an entity
without it gets none of a team's paths.

With persistctl vault-policy server besides, the policy of a server without keys,
persistctl lint, check and show work too.`,
		Example: `  persistctl vault-policy team
  persistctl vault-policy team --team web > team-web.hcl`,
		Args: arity(0, 0),
	}
	cmd.Flags().StringVar(&mount, "mount", defaultMount, "`MOUNT` of the documents, like persist or team-a/persist")
	cmd.Flags().StringVar(&team, "team", "", "the `TEAM`, as in teams/TEAM; without it that of the token's entity")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		values := struct{ Mount, Team string }{strings.Trim(mount, "/"), entityTeam}
		if err := checkVaultPath("mount", values.Mount); err != nil {
			return err
		}
		if team != "" {
			if !slug.MatchString(team) {
				return usagef("--team %q is no team: write the name of a teams document, of a-z, 0-9 and -", team)
			}
			values.Team = team
		}
		return printPolicy(out, cmd, teamPolicy, values)
	}
	return cmd
}

// slug is what the parts of paths of documents are.
var slug = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
