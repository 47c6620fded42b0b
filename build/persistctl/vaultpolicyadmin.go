package main

import (
	"strings"
	"text/template"

	"github.com/spf13/cobra"
)

// adminPolicy lets a person say which CAs and teams there are, brake, and take
// back what teams write, but write none of it.
var adminPolicy = template.Must(template.New("admin").Parse(
	`# The admin of persist: says which CAs and teams there are, and holds the brakes.
path "{{.Mount}}/data/config"    { capabilities = ["create", "read", "update", "patch"] }
path "{{.Mount}}/data/control"   { capabilities = ["create", "read", "update", "patch"] }
path "{{.Mount}}/data/index"     { capabilities = ["create", "read", "update", "patch"] }
path "{{.Mount}}/data/issuers/*" { capabilities = ["create", "read", "update", "patch", "delete"] }
path "{{.Mount}}/data/teams/*"   { capabilities = ["create", "read", "update", "patch", "delete"] }

# Reads what teams write and can take it back, but writes none of it.
path "{{.Mount}}/data/accounts/*" { capabilities = ["read", "delete"] }

# Deletes versions, undoes deletions, and reads histories, which it cannot erase.
path "{{.Mount}}/delete/issuers/*"  { capabilities = ["update"] }
path "{{.Mount}}/delete/teams/*"    { capabilities = ["update"] }
path "{{.Mount}}/delete/accounts/*" { capabilities = ["update"] }
path "{{.Mount}}/undelete/*"        { capabilities = ["update"] }
path "{{.Mount}}/metadata/*"        { capabilities = ["list", "read"] }

# Its own token, whose name stands beside a stop.
path "auth/token/lookup-self" { capabilities = ["read"] }
`))

// applyPolicy lets a pipeline write all documents, and nobody's keys.
var applyPolicy = template.Must(template.New("apply").Parse(
	`# The pipeline that runs persistctl apply: it writes documents of every kind by
# check-and-set, and deletes versions that it has read.
path "{{.Mount}}/data/config"     { capabilities = ["create", "read", "update"] }
path "{{.Mount}}/data/control"    { capabilities = ["create", "read", "update"] }
path "{{.Mount}}/data/index"      { capabilities = ["create", "read", "update"] }
path "{{.Mount}}/data/issuers/*"  { capabilities = ["create", "read", "update"] }
path "{{.Mount}}/data/teams/*"    { capabilities = ["create", "read", "update"] }
path "{{.Mount}}/data/accounts/*" { capabilities = ["create", "read", "update"] }

path "{{.Mount}}/delete/issuers/*"  { capabilities = ["update"] }
path "{{.Mount}}/delete/teams/*"    { capabilities = ["update"] }
path "{{.Mount}}/delete/accounts/*" { capabilities = ["update"] }

path "{{.Mount}}/metadata/*" { capabilities = ["list"] }
`))

// keysPolicy lets its holder make and roll keys.
var keysPolicy = template.Must(template.New("keys").Parse(
	`# The administrator of the keys: makes and rolls keys. Nobody else writes the
# documents.
path "{{.Mount}}/data/*"     { capabilities = ["create", "read", "update"] }
path "{{.Mount}}/metadata/*" { capabilities = ["list", "read"] }
`))

func newVaultPolicyAdmin(out *output) *cobra.Command {
	return newMountPolicy(out, adminPolicy, defaultMount, &cobra.Command{
		Use:   "admin",
		Short: "Print the policy of whoever admits CAs and teams, and brakes",
		Long: `Print the policy, in HCL, of the token of an admin: it writes config, issuers, teams
and control, reads accounts and can delete them, but writes none, and undoes
deletions. It cannot erase a history.`,
		Example: `  persistctl vault-policy admin
  persistctl vault-policy admin --mount team-a/persist > admin.hcl`,
	})
}

func newVaultPolicyApply(out *output) *cobra.Command {
	return newMountPolicy(out, applyPolicy, defaultMount, &cobra.Command{
		Use:   "apply",
		Short: "Print the policy of the pipeline that runs persistctl apply",
		Long: `Print the policy, in HCL, of the token that persistctl apply has: it writes documents
of every kind, and deletes versions. Who may change what is then for the review of
the repository to say.`,
		Example: `  persistctl vault-policy apply`,
	})
}

func newVaultPolicyKeys(out *output) *cobra.Command {
	return newMountPolicy(out, keysPolicy, defaultMount+"-keys", &cobra.Command{
		Use:   "keys",
		Short: "Print the policy of whoever makes and rolls keys",
		Long: `Print the policy, in HCL, of the token with which persistctl keys makes and rolls
keys: it reads and writes key documents, and no policy.`,
		Example: `  persistctl vault-policy keys --mount persist-keys`,
	})
}

// newMountPolicy completes a command that prints a policy which is about a mount
// alone.
func newMountPolicy(out *output, policy *template.Template, mount string, cmd *cobra.Command) *cobra.Command {
	cmd.Args = arity(0, 0)
	cmd.Flags().StringVar(&mount, "mount", mount, "`MOUNT` of the documents, like persist or team-a/persist")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		values := struct{ Mount string }{strings.Trim(mount, "/")}
		if err := checkVaultPath("mount", values.Mount); err != nil {
			return err
		}
		return printPolicy(out, cmd, policy, values)
	}
	return cmd
}

// printPolicy prints a policy filled with values.
func printPolicy(out *output, cmd *cobra.Command, policy *template.Template, values any) error {
	if out.format.json {
		return usagef("a policy is HCL, not JSON: leave out -o json")
	}
	return policy.Execute(cmd.OutOrStdout(), values)
}
